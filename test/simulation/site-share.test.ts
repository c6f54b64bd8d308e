/** Random lives of a shared group whose members are at several edges [MQTT5 4.8.2]: members come, go and move, links break, edges die. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Client } from './client.ts'
import { comeToRest, nothingLeft, op, runs } from './life.ts'
import { Site } from './site.ts'

const MEMBERS = 4
const EDGES = 3
const member = fc.nat(MEMBERS - 1)
const edge = fc.nat(EDGES - 1)
const common = [
  op(8, 'publish', { topic: fc.constantFrom('s/1', 's/2'), qos: fc.constantFrom<(1 | 2)[]>(1, 2) }),
  op(8, 'work', { who: fc.integer({ min: -1, max: MEMBERS - 1 }), count: fc.integer({ min: 1, max: 4 }) }),
  op(2, 'drop', { who: member }),
  op(1, 'disconnect', { who: member }),
  op(3, 'connect', { who: member, edge }),
  op(5, 'settle'),
  op(4, 'turn', { count: fc.integer({ min: 1, max: 4 }) }),
  op(1, 'pass', { ms: fc.constantFrom(1000, 6000) }),
  op(2, 'cut', { edge, side: fc.constantFrom<('both' | 'edge' | 'core')[]>('both', 'edge', 'core') }),
] as const
const size = { minLength: 10, maxLength: 90 }
const withCuts = fc.array(fc.oneof(...common), size)
const withFaults = fc.array(fc.oneof(...common, op(1, 'silence', { edge }), op(1, 'kill', { edge })), size)
type Op = typeof withFaults extends fc.Arbitrary<(infer O)[]> ? O : never

/** Room and time: what a member without kept session has is in the log for as long. */
const ROOMY = { maxInflight: 2, drainPageMessages: 2, watermarkHoldMs: 3_600_000 }
const SMALL = { maxInflight: 2, sessionQueueMessages: 2, drainPageMessages: 2 }

class Group {
  readonly site: Site
  readonly publisher: Client
  readonly members: Client[]
  readonly #kept: readonly boolean[]
  #n = 0

  /** `kept`: which members' sessions outlive their connections. */
  constructor(site: Site, kept: readonly boolean[]) {
    this.site = site
    this.#kept = kept
    this.publisher = new Client(site, 'pub')
    this.publisher.connect()
    this.members = kept.map((_, i) => new Client(site, `member${i}`, i === 1 ? 4 : 5))
    for (let i = 0; i < MEMBERS; i++) this.join(i, i % EDGES)
  }

  join(who: number, at: number): void {
    const client = this.members[who]!
    this.site.at = at
    client.connect(this.#kept[who] === true ? {} : { clean: true, expirySec: 0 })
    if (client.sessionPresent === false) client.subscribe('$share/g/s/#', 2)
  }

  step(o: Op): void {
    const { site, members, publisher } = this
    switch (o.do) {
      case 'publish':
        if (publisher.connected) publisher.publish(o.topic, `${o.qos}:${++this.#n}`, o.qos)
        break
      case 'work':
        ;(members[o.who] ?? publisher).work(o.count)
        break
      case 'drop':
        members[o.who]!.drop()
        break
      case 'disconnect':
        members[o.who]!.disconnect()
        break
      case 'connect':
        this.join(o.who, o.edge)
        break
      case 'settle':
        site.settle()
        break
      case 'turn':
        for (let i = 0; i < o.count; i++) site.turn()
        break
      case 'pass':
        site.pass(o.ms)
        break
      case 'cut':
        site.cut(o.edge, o.side)
        break
      case 'silence':
        site.silence(o.edge)
        break
      case 'kill':
        site.kill(o.edge)
    }
  }

  /** Who has a kept session comes back, wherever; the publisher too. */
  finish(): void {
    for (let round = 0; round < 20; round++) {
      this.site.pass(1000)
      this.site.at = round % EDGES
      if (!this.publisher.connected) this.publisher.connect()
      for (const [i, client] of this.members.entries())
        if (!client.connected && this.#kept[i] === true) this.join(i, (i + round) % EDGES)
    }
    comeToRest(this.site, [this.publisher, ...this.members])
  }

  /** `losesExact`: a QoS 2 message may end with the session it was sent to [MQTT-4.8.2-5]. */
  check(losesExact: boolean): void {
    const seen = this.members.flatMap(m => m.seen.map(s => s.text))
    for (const text of this.publisher.acked)
      if (!losesExact || text.startsWith('1')) expect(seen, `The group never got ${text}`).toContain(text)
    const exact = this.members.map(m => m.seen.filter(s => s.qos === 2).map(s => s.text))
    for (const [i, texts] of exact.entries())
      expect(new Set(texts).size, `member${i} got a QoS 2 message twice: ${texts}`).toBe(texts.length)
    if (this.site.lost === 0)
      expect(new Set(exact.flat()).size, `Two members got the same QoS 2 message: ${exact.join(' | ')}`).toBe(
        exact.flat().length,
      )
    nothingLeft(this.site, [this.publisher, ...this.members])
  }
}

function live(group: Group, ops: readonly Op[], losesExact: boolean): void {
  for (const o of ops) group.step(o)
  group.finish()
  group.check(losesExact)
}

const KEPT = [true, true, true, true]

test('a group of kept sessions at several edges gets everything, while links break and resume', () => {
  fc.assert(
    fc.property(withCuts, ops => live(new Group(new Site({ edges: EDGES, limits: SMALL }), KEPT), ops, false)),
    runs(100),
  )
}, 600_000)

test('the same when edges die and links fall silent', () => {
  fc.assert(
    fc.property(withFaults, ops => live(new Group(new Site({ edges: EDGES, limits: SMALL }), KEPT), ops, false)),
    runs(100),
  )
}, 600_000)

test('one kept session is enough that QoS 1 gets to the group', () => {
  fc.assert(
    fc.property(withFaults, ops =>
      live(new Group(new Site({ edges: EDGES, limits: ROOMY }), [true, true, false, false]), ops, true),
    ),
    runs(100),
  )
}, 600_000)
