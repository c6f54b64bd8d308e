/** Subscriptions that change while messages flow, readers that stall, and small limits everywhere: what was subscribed comes, what was not does not. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Client } from './client.ts'
import { comeToRest, nothingLeft, onDisk, op, runs } from './life.ts'
import { World } from './world.ts'

const TOPICS = ['e/1', 'e/2', 'f'] as const
const FILTERS = ['e/1', 'e/+', 'e/#', '$share/alone/f'] as const
const FITS = [['e/1'], ['e/1', 'e/2'], ['e/1', 'e/2'], ['f']] as const
const filter = fc.nat(FILTERS.length - 1)
const common = [
  op(10, 'publish', { topic: fc.nat(2), qos: fc.constantFrom<(0 | 1 | 2)[]>(0, 1, 2), size: fc.constantFrom(1, 40) }),
  op(4, 'subscribe', { filter, qos: fc.constantFrom<(1 | 2)[]>(1, 2), id: fc.integer({ min: 1, max: 5 }) }),
  op(2, 'unsubscribe', { filter }),
  op(8, 'work', { reader: fc.boolean(), count: fc.integer({ min: 1, max: 4 }) }),
  op(1, 'drop'),
  op(2, 'connect'),
  op(2, 'stall'),
  op(2, 'flow'),
  op(4, 'turn'),
  op(4, 'settle'),
  op(1, 'pass', { ms: fc.constantFrom(1000, 6000) }),
] as const
const ops = fc.array(fc.oneof(...common), { minLength: 10, maxLength: 120 })
const opsWithCrashes = fc.array(fc.oneof(...common, op(1, 'crash')), { minLength: 10, maxLength: 80 })
type Op = typeof opsWithCrashes extends fc.Arbitrary<(infer O)[]> ? O : never

interface Published {
  readonly topic: string
  readonly qos: number
  /** A subscription was there from publishing to routing. */
  readonly wanted: boolean
}

class Flow {
  readonly world: World
  readonly publisher: Client
  readonly reader: Client
  readonly active = new Set<number>()
  readonly published = new Map<string, Published>()
  #n = 0

  constructor(world: World) {
    this.world = world
    this.publisher = new Client(world, 'pub')
    this.publisher.connect()
    this.reader = new Client(world, 'reader')
    this.reader.connect()
  }

  step(o: Op): void {
    switch (o.do) {
      case 'publish':
        this.#publish(o.topic, o.qos, o.size)
        break
      case 'subscribe':
        if (!this.reader.connected) break
        this.world.settle()
        this.reader.subscribe(FILTERS[o.filter]!, o.qos, { properties: { subscriptionIdentifier: o.id } })
        this.active.add(o.filter)
        break
      case 'unsubscribe':
        if (!this.reader.connected) break
        // What was published before is routed before.
        this.world.settle()
        this.reader.unsubscribe(FILTERS[o.filter]!)
        this.active.delete(o.filter)
        break
      case 'work':
        ;(o.reader ? this.reader : this.publisher).work(o.count)
        break
      case 'drop':
        this.world.settle()
        this.reader.drop()
        break
      case 'connect':
        this.reader.connect()
        break
      case 'stall':
        this.reader.stall()
        break
      case 'flow':
        this.reader.flow()
        break
      case 'turn':
        this.world.turn()
        break
      case 'settle':
        this.world.settle()
        break
      case 'pass':
        this.world.pass(o.ms)
        break
      case 'crash':
        this.publisher.lost()
        this.reader.lost()
        this.world.crash()
        this.publisher.connect()
    }
  }

  #publish(topic: number, qos: 0 | 1 | 2, size: number): void {
    if (!this.publisher.connected) return
    const name = TOPICS[topic]!
    const wanted = [...this.active].some(f => (FITS[f] as readonly string[]).includes(name))
    const text = `${qos}:${topic}:${++this.#n}:${'x'.repeat(size)}`
    this.published.set(text, { topic: name, qos, wanted })
    this.publisher.publish(name, text, qos)
  }

  check(crashed: boolean): void {
    this.reader.flow()
    if (!this.reader.connected) this.reader.connect()
    comeToRest(this.world, [this.publisher, this.reader])
    const seen = new Set(this.reader.seen.map(s => s.text))
    for (const text of this.publisher.acked)
      if (this.published.get(text)!.wanted) expect(seen, `${text} is missing`).toContain(text)
    // What was in flight at a crash is published again, perhaps after the next SUBSCRIBE.
    for (const text of seen)
      if (!crashed) expect(this.published.get(text)!.wanted, `${text} was not subscribed to`).toBe(true)
    for (const one of this.reader.seen) expect(one.qos).toBeLessThanOrEqual(this.published.get(one.text)!.qos)
    const exact = this.reader.seen.filter(s => s.qos === 2).map(s => s.text)
    expect(new Set(exact).size, `QoS 2 twice: ${exact}`).toBe(exact.length)
    nothingLeft(this.world, [this.publisher, this.reader])
  }
}

const LIMITS = {
  maxInflight: 2,
  sessionQueueMessages: 3,
  sessionQueueBytes: 120,
  connectionOutBytes: 100,
  connectionOutMessages: 3,
  drainPageMessages: 2,
  topicAliasMaximum: 1,
}

test('what is subscribed to while it is published comes, the rest does not, whatever changes and stalls [MQTT-3.8.4-3, MQTT-3.10.4-2]', () => {
  fc.assert(
    fc.property(ops, list => {
      const flow = new Flow(new World({ limits: LIMITS }))
      for (const o of list) flow.step(o)
      flow.check(false)
    }),
    runs(200),
  )
}, 600_000)

test('the same when the process dies at any moment', () => {
  fc.assert(
    fc.property(opsWithCrashes, list => {
      onDisk({ limits: LIMITS }, world => {
        const flow = new Flow(world)
        for (const o of list) flow.step(o)
        flow.check(true)
      })
    }),
    runs(40),
  )
}, 600_000)
