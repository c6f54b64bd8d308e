/** Retained messages against a model: what is set, replaced, deleted or expires while subscribers page through it; nobody ends with an older value than the last. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Client } from './client.ts'
import { comeToRest, nothingLeft, onDisk, op, runs } from './life.ts'
import { World } from './world.ts'

const TOPICS = ['r', 'r/a', 'r/b', 'r/a/1', 'r/a/2', 'r/b/1', 'r/c/1/x'] as const
const FILTERS = ['r/#', 'r/+', 'r/+/1', 'r/a/#', '+/a/+', '#', 'r/c/1/x'] as const
const READERS = 3
const reader = fc.nat(READERS - 1)
const common = [
  op(8, 'delete', { topic: fc.nat(TOPICS.length - 1) }),
  op(4, 'subscribe', { who: reader, filter: fc.nat(FILTERS.length - 1) }),
  op(2, 'drop', { who: reader }),
  op(3, 'connect', { who: reader }),
  op(8, 'work', { who: fc.integer({ min: -1, max: READERS - 1 }), count: fc.integer({ min: 1, max: 3 }) }),
  op(8, 'turn'),
  op(3, 'settle'),
  op(2, 'look'),
  op(1, 'drift', { ms: fc.constantFrom(300, 900) }),
  op(2, 'pass', { ms: fc.constantFrom(1000, 3000, 6000) }),
] as const
const setting = (...expirySec: (number | undefined)[]) =>
  op(20, 'set', { topic: fc.nat(TOPICS.length - 1), expirySec: fc.constantFrom(...expirySec) })
const ops = fc.array(fc.oneof(setting(undefined, undefined, 2, 5), ...common), { minLength: 10, maxLength: 120 })
// A message that is sent again after a crash begins its interval anew, so none has one.
const opsWithCrashes = fc.array(fc.oneof(setting(undefined), ...common, op(1, 'crash')), {
  minLength: 10,
  maxLength: 80,
})
type Op = typeof opsWithCrashes extends fc.Arbitrary<(infer O)[]> ? O : never

interface Value {
  readonly text: string
  readonly expiresAt: number
}

/** MQTT's rules on one topic and one filter, level by level. */
const fits = (filter: string, topic: string): boolean => {
  const pattern = filter.split('/')
  const levels = topic.split('/')
  const hash = pattern.indexOf('#')
  const fixed = hash < 0 ? pattern : pattern.slice(0, hash)
  if (hash < 0 ? levels.length !== fixed.length : levels.length < fixed.length) return false
  return fixed.every((p, i) => p === '+' || p === levels[i])
}

class Board {
  readonly world: World
  readonly publisher: Client
  readonly readers: Client[]
  readonly filters: Set<string>[] = []
  /** The last that was published on a topic; an empty text deletes. */
  readonly values = new Map<string, Value>()
  #n = 0

  constructor(world: World) {
    this.world = world
    this.publisher = new Client(world, 'pub')
    this.publisher.connect()
    this.readers = Array.from({ length: READERS }, (_, i) => new Client(world, `reader${i}`, i === 0 ? 4 : 5))
    for (let i = 0; i < READERS; i++) this.#connect(i)
  }

  /** The last reader's session ends with its connection. The others ask again: a replay ends with the connection. */
  #connect(who: number): void {
    const kept = who < READERS - 1
    this.readers[who]!.connect(kept ? {} : { clean: true, expirySec: 0 })
    if (this.readers[who]!.sessionPresent === false) {
      this.filters[who] = new Set()
      this.readers[who]!.seen.length = 0
    }
    for (const filter of this.filters[who]!) this.readers[who]!.requestSubscribe(filter, 1)
  }

  step(o: Op): void {
    switch (o.do) {
      case 'set':
        this.#publish(TOPICS[o.topic]!, `${++this.#n}`, o.expirySec)
        break
      case 'delete':
        this.#publish(TOPICS[o.topic]!, '', undefined)
        break
      case 'subscribe':
        if (!this.readers[o.who]!.connected) break
        this.readers[o.who]!.requestSubscribe(FILTERS[o.filter]!, 1)
        this.filters[o.who]!.add(FILTERS[o.filter]!)
        break
      case 'drop':
        // What is asked for and not answered when the connection ends is nobody's: let it be answered.
        this.world.settle()
        this.readers[o.who]!.drop()
        break
      case 'connect':
        this.world.settle()
        this.#connect(o.who)
        break
      case 'work':
        ;(this.readers[o.who] ?? this.publisher).work(o.count)
        break
      case 'turn':
        this.world.turn()
        break
      case 'settle':
        this.world.settle()
        break
      case 'look':
        this.world.settle()
        this.#checkFresh()
        break
      case 'drift':
        // Time goes on between two ticks.
        this.world.settle()
        this.world.now += o.ms
        break
      case 'pass':
        this.world.settle()
        this.world.pass(o.ms)
        break
      case 'crash':
        this.world.settle()
        for (const client of [this.publisher, ...this.readers]) client.lost()
        this.world.crash()
        this.publisher.connect()
    }
  }

  #publish(topic: string, text: string, expirySec: number | undefined): void {
    if (!this.publisher.connected) return
    this.publisher.publish(topic, text, 1, true, expirySec)
    const expiresAt = expirySec === undefined ? Number.POSITIVE_INFINITY : this.world.now + expirySec * 1000
    this.values.set(topic, { text, expiresAt })
  }

  check(): void {
    for (let i = 0; i < READERS; i++) if (!this.readers[i]!.connected) this.#connect(i)
    comeToRest(this.world, [this.publisher, ...this.readers])
    for (const [who, client] of this.readers.entries())
      for (const topic of TOPICS) if ([...this.filters[who]!].some(f => fits(f, topic))) this.#checkLast(client, topic)
    this.#checkFresh()
    for (const topic of TOPICS) this.publisher.publish(topic, '', 1, true)
    comeToRest(this.world, [this.publisher])
    expect([this.world.coreStats.nowRetained, this.world.coreStats.nowRetainedBytes]).toEqual([0, 0])
    nothingLeft(this.world, [this.publisher, ...this.readers])
  }

  #checkLast(client: Client, topic: string): void {
    const value = this.values.get(topic)
    const last = client.seen.findLast(s => s.topic === topic)?.text
    if (value === undefined) expect(last).toBe(undefined)
    else if (last !== undefined && value.expiresAt === Number.POSITIVE_INFINITY)
      expect(last, `${client.id} ends with an old value of ${topic}`).toBe(value.text)
    else if (value.text !== '' && value.expiresAt === Number.POSITIVE_INFINITY)
      expect(last, `${client.id} misses ${topic}`).toBe(value.text)
  }

  /** Who comes now gets exactly what is there [MQTT-3.3.1-6, MQTT-3.3.1-8]. */
  #checkFresh(): void {
    const client = new Client(this.world, 'fresh')
    client.connect({ clean: true, expirySec: 0, properties: { receiveMaximum: 2 } })
    client.subscribe('r/#', 1)
    for (let i = 0; i < 20; i++) {
      this.world.settle()
      client.work()
    }
    const there = [...this.values].filter(([, v]) => v.text !== '' && v.expiresAt > this.world.now)
    expect(client.seen.map(s => `${s.topic} ${s.text} ${s.retain}`).sort()).toEqual(
      there.map(([topic, v]) => `${topic} ${v.text} true`).sort(),
    )
    client.drop()
  }
}

const LIMITS = { maxInflight: 2, retainedPageMessages: 2, drainPageMessages: 2 }

test('a subscriber ends with the last value of each topic, a new one gets exactly what is retained [MQTT-3.3.1-5, MQTT-3.3.1-6, MQTT-3.3.1-8, MQTT-3.3.2-5]', () => {
  fc.assert(
    fc.property(ops, fc.boolean(), (list, spools) => {
      // A session without kept state would lose what does not fit, so only the first two spool.
      const board = new Board(new World({ limits: spools ? { ...LIMITS, sessionQueueMessages: 40 } : LIMITS }))
      for (const o of list) board.step(o)
      board.check()
    }),
    runs(200),
  )
}, 600_000)

test('the same when the process dies', () => {
  fc.assert(
    fc.property(opsWithCrashes, list => {
      onDisk({ limits: LIMITS }, world => {
        const board = new Board(world)
        for (const o of list) board.step(o)
        board.check()
      })
    }),
    runs(40),
  )
}, 600_000)
