/** Random lives of clients at several edges of one core, whose links break and resume and whose processes die: what MQTT promises holds all the same. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Client } from './client.ts'
import { comeToRest, nothingLeft, op, runs } from './life.ts'
import { Site } from './site.ts'

const PUBLISHERS = 2
const CLIENTS = 5
const EDGES = 3
const TOPICS = ['a/1', 'a/2']

const who = fc.nat(CLIENTS - 1)
const edge = fc.nat(EDGES - 1)
const common = [
  op(9, 'publish', {
    by: fc.nat(PUBLISHERS - 1),
    topic: fc.nat(TOPICS.length - 1),
    qos: fc.constantFrom<(1 | 2)[]>(1, 2),
  }),
  op(8, 'work', { who, count: fc.integer({ min: 1, max: 5 }) }),
  op(2, 'drop', { who }),
  op(3, 'connect', { who, edge }),
  op(5, 'settle'),
  op(5, 'turn', { count: fc.integer({ min: 1, max: 4 }) }),
  op(2, 'pass', { ms: fc.constantFrom(250, 1000, 2250, 6000) }),
] as const
const cuts = [
  op(3, 'cut', { edge, side: fc.constantFrom<('both' | 'edge' | 'core')[]>('both', 'edge', 'core') }),
] as const
const faults = [
  ...cuts,
  op(1, 'silence', { edge }),
  op(1, 'kill', { edge }),
  op(1, 'outage', { on: fc.boolean() }),
] as const
const size = { minLength: 10, maxLength: 100 }
const withCuts = fc.array(fc.oneof(...common, ...cuts), size)
const withFaults = fc.array(fc.oneof(...common, ...faults), size)
const withCrashes = fc.array(fc.oneof(...common, ...faults, op(1, 'crash')), size)
type Op = typeof withCrashes extends fc.Arbitrary<(infer O)[]> ? O : never

class Run {
  readonly site: Site
  readonly clients: Client[] = []
  #n = 0

  constructor(site: Site) {
    this.site = site
    for (let i = 0; i < CLIENTS; i++) {
      const client = new Client(site, i < PUBLISHERS ? `pub${i}` : `sub${i}`, i % 2 === 0 ? 5 : 4)
      this.clients.push(client)
      this.#connect(i, i % EDGES)
    }
    this.clients[2]!.subscribe('a/+', 2)
    this.clients[3]!.subscribe('a/#', 2)
    this.clients[3]!.subscribe('a/1', 1)
    this.clients[4]!.subscribe('a/1', 2)
  }

  #connect(who: number, at: number): void {
    this.site.at = at
    this.clients[who]!.connect()
  }

  step(o: Op): void {
    const { site, clients } = this
    switch (o.do) {
      case 'publish': {
        const by = clients[o.by]!
        if (by.connected) by.publish(TOPICS[o.topic]!, `${o.by}:${o.topic}:${o.qos}:${++this.#n}`, o.qos)
        break
      }
      case 'work':
        clients[o.who]!.work(o.count)
        break
      case 'drop':
        clients[o.who]!.drop()
        break
      case 'connect':
        this.#connect(o.who, o.edge)
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
      case 'outage':
        site.network.down = o.on
        break
      case 'kill':
        site.kill(o.edge)
        break
      case 'crash':
        site.crashCore()
    }
  }

  /** Everybody comes back, wherever, and works until nothing moves. */
  finish(): void {
    this.site.network.down = false
    for (let round = 0; round < 60; round++) {
      this.site.pass(1000)
      for (const [i, client] of this.clients.entries()) if (!client.connected) this.#connect(i, (i + round) % EDGES)
      if (round > 15 && this.clients.every(c => c.connected)) break
    }
    comeToRest(this.site, this.clients)
    for (const client of this.clients) expect(client.connected, `${client.id} stays connected`).toBe(true)
  }

  check(): void {
    const acked = this.clients.slice(0, PUBLISHERS).flatMap(c => c.acked)
    for (const [at, subscriber] of this.clients.entries()) {
      if (at < PUBLISHERS) continue
      const wants = (text: string) => at !== 4 || text.split(':')[1] === '0'
      const texts = subscriber.seen.map(s => s.text)
      for (const text of acked) if (wants(text)) expect(texts, `${subscriber.id} lost ${text}`).toContain(text)
      const twice = subscriber.seen.filter(s => s.qos === 2).map(s => s.text)
      expect(new Set(twice).size, `${subscriber.id} saw a QoS 2 message twice: ${twice}`).toBe(twice.length)
      this.#inOrder(subscriber.id, texts)
    }
    nothingLeft(this.site, this.clients)
    expect(this.site.linkStats.nowUnanswered).toBe(0)
    for (const { linkStats } of this.site.edges) expect(linkStats.nowUnanswered).toBe(0)
  }

  /** First deliveries of one publisher on one topic and QoS come in order [MQTT-4.6.0-6]; a lost edge's QoS 2 messages in flight come before the rest. */
  #inOrder(id: string, texts: readonly string[]): void {
    const last = new Map<string, number>()
    for (const text of new Set(texts)) {
      const [by, topic, qos, n] = text.split(':')
      const stream = `${by}:${topic}:${qos}`
      expect(Number(n), `${id}: ${text} came after ${stream}:${last.get(stream)}`).toBeGreaterThan(
        last.get(stream) ?? 0,
      )
      last.set(stream, Number(n))
    }
  }
}

const SMALL = { maxInflight: 3, sessionQueueMessages: 4, drainPageMessages: 2, watermarkHoldMs: 5000 }

function live(site: Site, ops: readonly Op[]): void {
  const run = new Run(site)
  for (const o of ops) run.step(o)
  run.finish()
  run.check()
}

test('several edges: at least once, exactly once and in order, while links break and resume', () => {
  fc.assert(
    fc.property(withCuts, ops => live(new Site({ edges: EDGES, limits: SMALL }), ops)),
    runs(150),
  )
}, 600_000)

test('the same when edges die, links fall silent and the network is gone for a while', () => {
  fc.assert(
    fc.property(withFaults, ops => live(new Site({ edges: EDGES, limits: SMALL }), ops)),
    runs(150),
  )
}, 600_000)

test('the same when the core dies too, and another one goes on with its data', () => {
  fc.assert(
    fc.property(withCrashes, ops => {
      const dataDir = mkdtempSync(join(tmpdir(), 'meridian-site-'))
      const site = new Site({ edges: EDGES, limits: SMALL, dataDir })
      try {
        live(site, ops)
      } finally {
        site.close()
        rmSync(dataDir, { recursive: true, force: true })
      }
    }),
    runs(40),
  )
}, 600_000)
