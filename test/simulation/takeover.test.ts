/** One client id from many connections: the last one has the session, the others are closed, and nothing in flight is lost or doubled. */
import fc from 'fast-check'
import type { Packet } from 'mqtt-packet'
import { expect, test } from 'vitest'
import { Client } from './client.ts'
import { comeToRest, nothingLeft, onDisk, op, runs } from './life.ts'
import type { Pipe } from './world.ts'
import { World } from './world.ts'

const common = [
  op(8, 'publish', { by: fc.nat(1), qos: fc.constantFrom<(1 | 2)[]>(1, 2) }),
  op(8, 'work', { who: fc.nat(1), count: fc.integer({ min: 1, max: 4 }) }),
  op(4, 'takeover', { who: fc.nat(1), rivals: fc.integer({ min: 0, max: 3 }), turns: fc.nat(2) }),
  op(2, 'close', { who: fc.nat(1) }),
  op(4, 'settle'),
  op(1, 'pass', { ms: fc.constantFrom(1000, 6000) }),
] as const
const ops = fc.array(fc.oneof(...common), { minLength: 10, maxLength: 80 })
const opsWithCrashes = fc.array(fc.oneof(...common, op(1, 'crash')), { minLength: 10, maxLength: 60 })
type Op = typeof opsWithCrashes extends fc.Arbitrary<(infer O)[]> ? O : never

/** Two clients that publish to each other. */
class Pair {
  readonly world: World
  readonly clients: readonly Client[]
  readonly #kept: boolean
  readonly pipes: Pipe[][] = [[], []]
  #n = 0

  constructor(world: World, kept: boolean) {
    this.world = world
    this.#kept = kept
    this.clients = [new Client(world, 'a'), new Client(world, 'b', kept ? 4 : 5)]
    for (const who of [0, 1]) this.#connect(who)
  }

  #connect(who: number): void {
    const client = this.clients[who]!
    client.connect(this.#kept ? {} : { clean: true, expirySec: 0 })
    this.pipes[who]!.push(client.pipe)
    if (client.sessionPresent === false) client.subscribe(`to/${who}`, 2)
  }

  step(o: Op): void {
    switch (o.do) {
      case 'publish': {
        const by = this.clients[o.by]!
        if (by.connected) by.publish(`to/${1 - o.by}`, `${o.qos}:${o.by}:${++this.#n}`, o.qos)
        break
      }
      case 'work':
        this.clients[o.who]!.work(o.count)
        break
      case 'takeover':
        this.#takeover(o.who, o.rivals, o.turns)
        break
      case 'close':
        this.clients[o.who]!.abandoned.shift()?.closed()
        break
      case 'settle':
        this.world.settle()
        break
      case 'pass':
        this.world.pass(o.ms)
        break
      case 'crash':
        for (const client of this.clients) {
          client.lost()
          client.abandoned.length = 0
        }
        this.world.crash()
        this.pipes.forEach(list => {
          list.length = 0
        })
        for (const who of [0, 1]) this.#connect(who)
    }
  }

  /** Others with the same id connect, and at once, or a few turns later, the client itself. */
  #takeover(who: number, rivals: number, turns: number): void {
    const client = this.clients[who]!
    client.abandon()
    for (let i = 0; i < rivals; i++) {
      const rival = new Client(this.world, client.id)
      const { pipe, events } = this.world.open()
      client.abandoned.push(events)
      this.pipes[who]!.push(pipe)
      rival.sendOn(pipe, {
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 4,
        clientId: client.id,
        clean: !this.#kept,
        keepalive: 0,
      } as Packet)
      for (let turn = 0; turn < turns; turn++) this.world.turn()
    }
    this.#connect(who)
    expect(client.connected, 'The last connection has the session').toBe(true)
    const open = this.pipes[who]!.filter(pipe => !pipe.ended)
    expect(open.length, 'Live connections of one client').toBe(1)
    this.pipes[who] = open
  }

  check(): void {
    for (const [who, client] of this.clients.entries()) {
      const texts = client.seen.map(s => s.text)
      if (this.#kept)
        for (const text of this.clients[1 - who]!.acked) expect(texts, `${client.id} lost ${text}`).toContain(text)
      const exact = client.seen.filter(s => s.qos === 2).map(s => s.text)
      expect(new Set(exact).size, `${client.id} got a QoS 2 message twice: ${exact}`).toBe(exact.length)
    }
    nothingLeft(this.world, this.clients)
  }
}

const LIMITS = { maxInflight: 2, sessionQueueMessages: 3, drainPageMessages: 2 }

test('takeovers by several connections at once lose nothing, and leave one [MQTT-3.1.4-3, MQTT-4.4.0-1]', () => {
  fc.assert(
    fc.property(ops, fc.boolean(), (list, kept) => {
      const pair = new Pair(new World({ limits: LIMITS }), kept)
      for (const o of list) pair.step(o)
      comeToRest(pair.world, pair.clients)
      pair.check()
    }),
    runs(200),
  )
}, 600_000)

test('the same when the process dies at any moment', () => {
  fc.assert(
    fc.property(opsWithCrashes, list => {
      onDisk({ limits: LIMITS }, world => {
        const pair = new Pair(world, true)
        for (const o of list) pair.step(o)
        comeToRest(world, pair.clients)
        pair.check()
      })
    }),
    runs(40),
  )
}, 600_000)
