/** The device SDK in a page of headless Chromium: chooses a broker over WebSocket, survives the loss of one, keeps its outbox in IndexedDB over a reload. */
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Broker, startMeridian } from '../harness/broker.ts'
import { run, until } from '../harness/process.ts'
import { type Relay, relay } from '../integration/device/relay.ts'

const CHROMIUM = '/usr/bin/chromium'
const DIST = resolve(import.meta.dirname, '../..', process.env.MERIDIAN_TEST_DIST ?? 'dist')
const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  ...[
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-dev-shm-usage',
    '--remote-debugging-port=0',
  ],
]

/** The first visit publishes without a connection and reloads; the second one goes online, is moved, and reports. */
const html = (endpoints: readonly string[], nowhere: string): string => `<!doctype html>
<meta charset="utf-8"><title>Device</title>
<script type="module">
  import { connect } from '/device.mjs'
  const report = text => fetch('/report', { method: 'POST', body: text })
  const common = { clientId: 'page', outbox: 'page-outbox' }
  try {
    if (location.search === '') {
      const device = await connect({ ...common, endpoints: [${JSON.stringify(nowhere)}] })
      device.publish('page/offline', 'before the reload').catch(() => undefined)
      setTimeout(() => location.replace('/?again'), 500)
    } else {
      const [near, far] = ${JSON.stringify(endpoints)}
      const device = await connect({ ...common, endpoints: [{ url: near, region: 'near', weight: 100 }, { url: far, region: 'far' }] })
      device.on('message', message => report('message ' + message.topic + ' ' + message.text()))
      device.on('region', ({ to, because }) => report('region ' + to + ' ' + because))
      device.on('warning', ({ message }) => report('warning ' + message))
      await device.subscribe('page/#', { qos: 2 })
      for (let n = 0; ; n++) {
        await device.publish('page/live', String(n), { qos: 2 })
        await new Promise(resolve => setTimeout(resolve, 50))
      }
    }
  } catch (error) { report('error ' + error) }
</script>`

let broker: Broker
let near: Relay
const reports: string[] = []
const server = createServer((request, response) => {
  if (request.url === '/device.mjs') {
    response.setHeader('content-type', 'text/javascript')
    response.end(readFileSync(join(DIST, 'meridian-device.browser.mjs')))
  } else if (request.method === 'POST') {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString('utf8')
    })
    request.on('end', () => {
      reports.push(body)
      response.end()
    })
  } else {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end(html([`ws://127.0.0.1:${near.port}/mqtt`, broker.wsUrl], 'ws://127.0.0.1:9/mqtt'))
  }
})

beforeAll(async () => {
  broker = await startMeridian()
  near = await relay(broker.httpPort)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
}, 60_000)
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await near.close()
  await broker.stop()
}, 60_000)

// The whole suite must be able to run where no browser is: test/README.md names the package.
test.skipIf(!existsSync(CHROMIUM))(
  'a page publishes what it kept over a reload, and goes on when its region is lost',
  async () => {
    const profile = mkdtempSync(join(tmpdir(), 'meridian-browser-'))
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const browser = run(CHROMIUM, [...FLAGS, `--user-data-dir=${profile}`, `http://127.0.0.1:${port}/`])
    const reported = (what: string): Promise<true> =>
      until(`'${what}' among ${JSON.stringify(reports.slice(-20))}`, 25_000, () =>
        reports.includes(what) ? true : undefined,
      )
    try {
      await reported('region near start')
      await reported('message page/live 5')
      expect(reports).toContain('message page/offline before the reload')
      near.cut()
      await reported('region far lost')
      const count = reports.filter(each => each.startsWith('message page/live')).length
      await reported(`message page/live ${count + 5}`)
      const live = reports.filter(each => each.startsWith('message page/live'))
      expect(live.slice(0, count + 5)).toEqual(Array.from({ length: count + 5 }, (_, n) => `message page/live ${n}`))
      expect(reports.filter(each => each.startsWith('error'))).toEqual([])
    } finally {
      await browser.end('SIGTERM', 3000)
      rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
    }
  },
  60_000,
)
