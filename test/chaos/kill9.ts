/**
 * kill -9 under load, restart on the same data directory, again and again; then the books are checked: nothing acknowledged is
 * lost, nothing of QoS 2 comes twice, order holds, subscriptions and retained messages are there, each will came once.
 * MERIDIAN_CHAOS_SEED repeats a run, MERIDIAN_CHAOS_ROUNDS makes it longer.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { Target } from '../conversations/peer.ts'
import { type Broker, type Runtime, startMeridian } from '../harness/broker.ts'
import { sleep, until } from '../harness/process.ts'
import { violations } from './check.ts'
import { mortal, Publisher, retainedUnder, Subscriber } from './clients.ts'
import { seeded } from './random.ts'

/** Registers the test for one build. */
export function kill9(runtime: Runtime): void {
  const seed = Number(process.env.MERIDIAN_CHAOS_SEED ?? Date.now() % 1_000_000)
  const rounds = Number(process.env.MERIDIAN_CHAOS_ROUNDS ?? 6)
  const random = seeded(seed)
  const between = (low: number, high: number) => low + Math.floor(random() * (high - low))

  const dataDir = mkdtempSync(join(tmpdir(), 'meridian-chaos-'))
  let broker: Broker | undefined

  afterAll(async () => {
    await broker?.kill()
    rmSync(dataDir, { recursive: true, force: true })
  }, 30_000)

  async function start(): Promise<Target> {
    broker = await startMeridian({ runtime, dataDir })
    return { transport: 'tcp', host: broker.host, tcpPort: broker.tcpPort, wsUrl: broker.wsUrl }
  }

  const wrong: string[] = []
  const complain = (violation: string): void => void wrong.push(violation)

  const publishers = ([1, 2, 1, 2] as const).map((qos, i) => new Publisher(`p${i}`, qos, complain))
  const keeper = new Publisher('keeper', 1, complain)
  const present = [new Subscriber('s2', 'load/#', 2, complain), new Subscriber('s1', 'load/#', 1, complain)]
  /** Connected in some rounds only. */
  const visitor = new Subscriber('visitor', 'load/+', 2, complain)
  const watcher = new Subscriber('watcher', 'wills/#', 2, complain)
  const subscribers = [...present, visitor]

  /** Last retained value per topic; the empty one deletes. */
  const kept = new Map<string, string>()
  const wills: string[] = []

  function keepSomething(): void {
    const topic = `kept/${between(0, 8)}`
    const value = random() < 0.2 ? '' : `${between(0, 1_000_000)}`
    if (keeper.publish(topic, value, true)) kept.set(topic, value)
  }

  /** Load for a while; the caller ends it. */
  async function load(forMs: number): Promise<void> {
    const end = Date.now() + forMs
    while (Date.now() < end) {
      for (const publisher of publishers) for (let n = between(0, 4); n > 0; n--) publisher.next()
      if (random() < 0.3) keepSomething()
      await sleep(between(2, 8))
    }
  }

  async function round(number: number, target: Target): Promise<void> {
    await Promise.all([...present, watcher].map(one => one.connect(target)))
    if (number === 0 || random() < 0.5) await visitor.connect(target)
    await Promise.all([...publishers, keeper].map(one => one.connect(target)))
    for (const i of [0, 1, 2]) {
      const payload = `will ${number}-${i}`
      await mortal(target, `mortal${number}-${i}`, payload)
      wills.push(payload)
    }
    const polite = await mortal(target, `polite${number}`, `will of a polite client ${number}`)
    polite.send({ cmd: 'disconnect', reasonCode: 0 })
    const half = between(150, 800)
    await load(half)
    if (random() < 0.5) visitor.leave()
    await load(between(150, 800))
    await broker?.kill()
    for (const one of [...subscribers, watcher, ...publishers, keeper]) one.leave()
  }

  /** What the broker said last, for whoever has to find out why. */
  const lastWords = (error: unknown): never => {
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(`${why}\nBroker ${broker?.pid}: ${broker?.output().slice(-2000)}`)
  }

  test(`nothing acknowledged is lost over ${rounds} kills, seed ${seed}`, async () => {
    for (let number = 0; number < rounds; number++) await round(number, await start()).catch(lastWords)
    const target = await start()
    await Promise.all([...subscribers, watcher, ...publishers, keeper].map(one => one.connect(target)))
    await load(300)
    await until('all publishers to be acknowledged', 20_000, () =>
      [...publishers, keeper].every(one => one.unacknowledged === 0) ? true : undefined,
    )
    const published = publishers.map(one => ({ publisher: one.name, qos: one.qos, count: one.count }))
    const delivered = (to: Subscriber) =>
      published.map(one => ({ ...one, qos: one.qos === 2 && to.qos === 2 ? (2 as const) : (1 as const) }))
    const judged = () => subscribers.flatMap(one => violations(one.name, one.taken, delivered(one)))
    await until('everything to arrive', 15_000, () => (judged().length === 0 ? true : undefined)).catch(() => undefined)
    await sleep(300) // A duplicate would come late.

    expect([...wrong, ...judged()]).toEqual([])
    expect(published.reduce((sum, one) => sum + one.count, 0)).toBeGreaterThan(rounds * 50)
    expect([...watcher.taken].sort()).toEqual([...wills].sort())
    const values = new Map([...kept].filter(([, value]) => value !== ''))
    expect(new Map([...(await retainedUnder(target, 'kept/#'))].sort())).toEqual(new Map([...values].sort()))
  }, 120_000)
}
