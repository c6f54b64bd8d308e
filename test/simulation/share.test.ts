/** Random lives of a shared group against what MQTT 5 promises of it [MQTT5 4.8.2]: members come, go, crash, with and without a kept session. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ShareStrategy } from '../../edge/settings.ts'
import { Client } from './client.ts'
import { comeToRest, nothingLeft, onDisk, op, runs } from './life.ts'
import { World } from './world.ts'

const MEMBERS = 4
const member = fc.nat(MEMBERS - 1)
const common = [
  op(8, 'publish', { topic: fc.constantFrom('s/1', 's/2'), qos: fc.constantFrom<(1 | 2)[]>(1, 2) }),
  op(8, 'work', { who: fc.integer({ min: -1, max: MEMBERS - 1 }), count: fc.integer({ min: 1, max: 4 }) }),
  op(2, 'drop', { who: member }),
  op(1, 'disconnect', { who: member }),
  op(3, 'connect', { who: member }),
  op(5, 'settle'),
  op(1, 'stall', { who: member }),
  op(1, 'flow', { who: member }),
  op(1, 'pass', { ms: fc.constantFrom(1000, 6000) }),
] as const
const ops = fc.array(fc.oneof(...common), { minLength: 10, maxLength: 100 })
const opsWithCrashes = fc.array(fc.oneof(...common, op(1, 'crash')), { minLength: 10, maxLength: 70 })
const strategies = fc.constantFrom<ShareStrategy[]>('round-robin', 'random', 'sticky', 'hash-client', 'hash-topic')
const SMALL = { maxInflight: 2, sessionQueueMessages: 2, drainPageMessages: 2, connectionOutBytes: 64 }
/** A member without kept session has nothing but its queue and the log: what does not fit, or is held for too long when the process dies, is dropped. So these have room and time. */
const ROOMY = { maxInflight: 2, drainPageMessages: 2, connectionOutBytes: 64, watermarkHoldMs: 3_600_000 }
const ALL_KEPT = [true, true, true, true]
const MIXED = [true, true, false, false]
const NONE_KEPT = [false, false, false, false]

type Op = typeof opsWithCrashes extends fc.Arbitrary<(infer O)[]> ? O : never

class Group {
  readonly world: World
  readonly publisher: Client
  readonly members: Client[]
  readonly #kept: readonly boolean[]
  #n = 0

  /** `kept`: which members' sessions outlive their connections. */
  constructor(world: World, kept: readonly boolean[]) {
    this.world = world
    this.#kept = kept
    this.publisher = new Client(world, 'pub')
    this.publisher.connect()
    this.members = kept.map((_, i) => new Client(world, `member${i}`, i === 1 ? 4 : 5))
    for (let i = 0; i < MEMBERS; i++) this.join(i)
  }

  join(who: number): void {
    const client = this.members[who]!
    client.connect(this.#kept[who] === true ? {} : { clean: true, expirySec: 0 })
    if (client.sessionPresent === false) client.subscribe('$share/g/s/#', 2)
  }

  step(o: Op): void {
    switch (o.do) {
      case 'publish':
        if (this.publisher.connected) this.publisher.publish(o.topic, `${o.qos}:${++this.#n}`, o.qos)
        break
      case 'work':
        ;(this.members[o.who] ?? this.publisher).work(o.count)
        break
      case 'drop':
        this.members[o.who]!.drop()
        break
      case 'disconnect':
        this.members[o.who]!.disconnect()
        break
      case 'connect':
        this.join(o.who)
        break
      case 'settle':
        this.world.settle()
        break
      case 'stall':
        this.members[o.who]!.stall()
        break
      case 'flow':
        this.members[o.who]!.flow()
        break
      case 'pass':
        this.world.pass(o.ms)
        break
      case 'crash':
        for (const client of [this.publisher, ...this.members]) client.lost()
        this.world.crash()
        this.publisher.connect()
    }
  }

  finish(): void {
    for (const [i, client] of this.members.entries()) {
      client.flow()
      if (!client.connected && this.#kept[i] === true) this.join(i)
    }
    comeToRest(this.world, [this.publisher, ...this.members])
  }

  /** `losesExact`: a QoS 2 message may end with the session it was sent to [MQTT-4.8.2-5]. */
  check(losesExact: boolean, crashed: boolean): void {
    const seen = this.members.flatMap(m => m.seen.map(s => s.text))
    for (const text of this.publisher.acked)
      if (!losesExact || text.startsWith('1')) expect(seen, `The group never got ${text}`).toContain(text)
    const exact = this.members.map(m => m.seen.filter(s => s.qos === 2).map(s => s.text))
    for (const [i, texts] of exact.entries())
      expect(new Set(texts).size, `member${i} got a QoS 2 message twice: ${texts}`).toBe(texts.length)
    if (!crashed) expect(new Set(exact.flat()).size, 'Two members got the same QoS 2 message').toBe(exact.flat().length)
    nothingLeft(this.world, [this.publisher, ...this.members])
  }
}

test('a group of kept sessions gets everything, QoS 2 exactly once [MQTT-4.8.2-4]', () => {
  fc.assert(
    fc.property(ops, strategies, (list, sharedStrategy) => {
      const group = new Group(new World({ limits: SMALL, settings: { sharedStrategy } }), ALL_KEPT)
      for (const o of list) group.step(o)
      group.finish()
      group.check(false, false)
    }),
    runs(100),
  )
}, 600_000)

test('one kept session is enough that QoS 1 gets to the group; QoS 2 goes to one member only [MQTT-4.8.2-5]', () => {
  fc.assert(
    fc.property(ops, strategies, (list, sharedStrategy) => {
      const group = new Group(new World({ limits: ROOMY, settings: { sharedStrategy } }), MIXED)
      for (const o of list) group.step(o)
      group.finish()
      group.check(true, false)
    }),
    runs(100),
  )
}, 600_000)

test('the same when the process dies at any moment', () => {
  fc.assert(
    fc.property(opsWithCrashes, fc.boolean(), (list, kept) => {
      onDisk({ limits: kept ? SMALL : ROOMY }, world => {
        const group = new Group(world, kept ? ALL_KEPT : MIXED)
        for (const o of list) group.step(o)
        group.finish()
        group.check(!kept, true)
      })
    }),
    runs(40),
  )
}, 600_000)

test('without kept sessions a group gets QoS 1 while one member stays connected', () => {
  fc.assert(
    fc.property(ops, list => {
      const group = new Group(new World({ limits: ROOMY }), NONE_KEPT)
      for (const o of list) {
        // Member 3 stays: whatever would end its connection is left out.
        const ends = o.do === 'drop' || o.do === 'disconnect' || o.do === 'connect'
        if (!(ends && o.who === 3)) group.step(o)
      }
      group.finish()
      group.check(true, false)
    }),
    runs(100),
  )
}, 600_000)
