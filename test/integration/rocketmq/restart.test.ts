/** Broker and proxy are killed and started again under appends: nothing acknowledged is missing, and the order is kept. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { MemoryWalRegistry } from '../../../core/log/rocketmq/registry.ts'
import { openRocketmqLog, type RocketmqLog } from '../../../core/log/rocketmq/wal.node.ts'
import type { Rocketmq } from '../../../infra/local/rocketmq/start.ts'
import { ownRocketmq, ROCKETMQ_START_MS } from '../../harness/rocketmq.ts'

let rocketmq: Rocketmq
let dispose: () => Promise<void>
beforeAll(async () => {
  ;({ rocketmq, dispose } = await ownRocketmq())
}, ROCKETMQ_START_MS)
afterAll(() => dispose?.())

const registry = new MemoryWalRegistry()
const warnings: string[] = []
let opened = 0
const open = (): Promise<RocketmqLog> =>
  openRocketmqLog({
    rocketmq: { endpoint: rocketmq.endpoint, log: { warn: text => warnings.push(text) } },
    registry,
    coreId: 'c1',
    incarnation: `i${opened++}`,
    limits: { walRetryMs: 1_000, walStrayMs: 500 },
  })

/** Appends without a pause, each envelope with its own position in it, and tries again what failed. */
class Writer {
  readonly acknowledged: number[] = []
  failures = 0
  readonly #log: RocketmqLog
  #position: number
  #stopped = false
  readonly #running: Promise<void>

  constructor(log: RocketmqLog) {
    this.#log = log
    this.#position = log.next
    this.#running = this.#run()
  }

  async acknowledges(count: number): Promise<void> {
    const wanted = this.acknowledged.length + count
    while (this.acknowledged.length < wanted) await new Promise(resolve => setTimeout(resolve, 20))
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const position = this.#position++
      this.#log.append(position, 1, new TextEncoder().encode(`envelope ${position}`))
      while ((await new Promise<Error | undefined>(resolve => this.#log.commits.commit(resolve))) !== undefined)
        this.failures++
      this.acknowledged.push(position)
    }
  }
}

test('killed one after the other', { timeout: 180_000 }, async () => {
  const log = await open()
  const writer = new Writer(log)
  await writer.acknowledges(50)
  for (const server of [rocketmq.proxy, rocketmq.broker, rocketmq.proxy]) {
    await server.kill9()
    // Long enough for a commit to fail, and for the next one to go on.
    await new Promise(resolve => setTimeout(resolve, 2_000))
    await server.start()
    await writer.acknowledges(50)
  }
  await writer.stop()
  expect(writer.failures).toBeGreaterThan(0)

  const next = await open()
  const found: number[] = []
  await next.replay((position, records, envelope) => {
    expect(new TextDecoder().decode(envelope)).toBe(`envelope ${position}`)
    expect(records).toBe(1)
    found.push(position)
  })
  expect(found).toEqual(writer.acknowledged)
  expect(next.stats).toMatchObject({ gaps: 0, strays: 0 })
  for (const one of [log, next]) one.commits.close()
  await Promise.all([log.closed, next.closed])
})

test('killed while an earlier log is read', { timeout: 180_000 }, async () => {
  const log = await open()
  const writer = new Writer(log)
  await writer.acknowledges(300)
  await writer.stop()
  const opening = open().catch(() => undefined)
  await new Promise(resolve => setTimeout(resolve, 100))
  await rocketmq.proxy.kill9()
  await rocketmq.broker.kill9()
  await Promise.all([rocketmq.broker.start(), rocketmq.proxy.start()])
  const next = (await opening) ?? (await open())
  const found: number[] = []
  await next.replay(position => found.push(position))
  expect(found.slice(-writer.acknowledged.length)).toEqual(writer.acknowledged)
  expect(next.stats.gaps).toBe(0)
  for (const one of [log, next]) one.commits.close()
  await Promise.all([log.closed, next.closed])
})
