/** What a page shows in headless Chromium, asked for over its debugging port. Loopback only. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run, sleep, until } from '../harness/process.ts'

export const CHROMIUM = '/usr/bin/chromium'

const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-sync'],
  ...['--disable-background-networking', '--disable-component-update', '--remote-debugging-port=0'],
]
const BOOT_MS = 20_000

/** The text of the page's body as soon as it has `wanted` in it, or what it is after `withinMs`. */
export async function textOfPage(path: string, wanted: string, withinMs: number): Promise<string> {
  const profile = mkdtempSync(join(tmpdir(), 'meridian-readme-'))
  const browser = run(CHROMIUM, [...FLAGS, `--user-data-dir=${profile}`, `file://${path}`])
  try {
    const port = await until(
      'the debugging port',
      BOOT_MS,
      () => /127\.0\.0\.1:(\d+)\/devtools/.exec(browser.output())?.[1],
    )
    const page = await until('the page', BOOT_MS, () => pageAt(`http://127.0.0.1:${port}/json/list`))
    const end = Date.now() + withinMs
    let text = ''
    while (!text.includes(wanted) && Date.now() < end) {
      text = await evaluate(page, 'document.body.innerText')
      await sleep(100)
    }
    return text
  } finally {
    await browser.end('SIGTERM', 3000)
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  }
}

interface Target {
  readonly type: string
  readonly webSocketDebuggerUrl: string
}

async function pageAt(list: string): Promise<string | undefined> {
  const targets = (await (await fetch(list)).json()) as readonly Target[]
  return targets.find(target => target.type === 'page')?.webSocketDebuggerUrl
}

function evaluate(page: string, expression: string): Promise<string> {
  return new Promise((done, fail) => {
    const socket = new WebSocket(page)
    socket.onopen = () => socket.send(JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression } }))
    socket.onerror = () => fail(new Error('The page cannot be asked'))
    socket.onmessage = event => {
      socket.close()
      const answer = JSON.parse(String(event.data)) as { result?: { result?: { value?: unknown } } }
      done(String(answer.result?.result?.value ?? ''))
    }
  })
}
