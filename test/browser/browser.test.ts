/** A page in headless Chromium connects over WebSocket with MQTT.js and gets back what it publishes. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Broker, type Runtime, startMeridian } from '../harness/broker.ts'
import { run, sleep } from '../harness/process.ts'
import { servePage } from './page.ts'

const CHROMIUM = '/usr/bin/chromium'
const brokers = new Map<Runtime, Broker>()

beforeAll(async () => {
  for (const runtime of ['node', 'deno'] as const) brokers.set(runtime, await startMeridian({ runtime }))
}, 60_000)
afterAll(async () => {
  for (const broker of brokers.values()) await broker.stop()
}, 60_000)

const flags = (profile: string): readonly string[] => [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-dev-shm-usage'],
  ...[`--user-data-dir=${profile}`, '--remote-debugging-port=0'],
]

// The whole suite must be able to run where no browser is: test/README.md names the package.
test.skipIf(!existsSync(CHROMIUM)).each(['node', 'deno'] as const)(
  'a browser publishes and subscribes over WebSocket, %s build',
  async runtime => {
    const page = await servePage(brokers.get(runtime)?.wsUrl ?? '')
    const profile = mkdtempSync(join(tmpdir(), 'meridian-browser-'))
    const browser = run(CHROMIUM, [...flags(profile), page.url], { detached: false })
    try {
      const result = await Promise.race([page.result, sleep(45_000).then(() => undefined)])
      if (result === undefined) throw new Error(`The page reported nothing:\n${browser.output()}`)
      expect(result.error).toBeUndefined()
      expect([...result.received].sort()).toEqual(['browser/0 0 grüße', 'browser/1 1 grüße', 'browser/2 2 grüße'])
    } finally {
      await browser.end('SIGTERM', 3000)
      await page.close()
      rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
    }
  },
  60_000,
)
