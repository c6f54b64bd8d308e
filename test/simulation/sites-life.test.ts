/** Random lives of clients at three sites whose links break, part and heal, and whose cores die: every site's subscribers get every message, in order, QoS 2 once. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Client } from './client.ts'
import { op, runs } from './life.ts'
import { Sites } from './sites.ts'

const NAMES = ['eu', 'us', 'ap'] as const
const EDGES = 2
const TOPICS = ['a/1', 'a/2']
/** Who lives where; the first two publish. */
const HOMES = ['eu', 'us', 'eu', 'us', 'ap', 'eu', 'us', 'us', 'ap'] as const
const PUBLISHERS = 2
/** From here on they are members of one group. */
const MEMBERS = 5

const who = fc.nat(HOMES.length - 1)
const edge = fc.nat(EDGES - 1)
const pair = fc.constantFrom<[string, string][]>(['eu', 'us'], ['us', 'ap'], ['ap', 'eu'])
const side = fc.constantFrom<('both' | 'edge' | 'core')[]>('both', 'edge', 'core')
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
  op(6, 'turn', { count: fc.integer({ min: 1, max: 4 }) }),
  op(3, 'pass', { ms: fc.constantFrom(250, 1000, 2250, 6000) }),
  op(1, 'cut', { home: fc.constantFrom(...NAMES), edge, side }),
  op(3, 'cutPeers', { pair, side }),
  op(1, 'silence', { pair }),
  op(1, 'part', { pair }),
  op(1, 'heal'),
] as const
const size = { minLength: 10, maxLength: 90 }
const withCuts = fc.array(fc.oneof(...common), size)
const withCrashes = fc.array(fc.oneof(...common, op(1, 'crash', { home: fc.constantFrom(...NAMES) })), size)
type Op = typeof withCrashes extends fc.Arbitrary<(infer O)[]> ? O : never

class Run {
  readonly sites: Sites
  readonly clients: Client[] = []
  #n = 0

  constructor(sites: Sites) {
    this.sites = sites
    for (const [i, home] of HOMES.entries()) {
      this.clients.push(
        new Client(
          sites.at(home),
          i < PUBLISHERS ? `pub${i}` : i < MEMBERS ? `sub${i}` : `member${i}`,
          i % 2 === 0 ? 5 : 4,
        ),
      )
      this.#connect(i, i % EDGES)
    }
    this.clients[2]!.subscribe('a/+', 2)
    this.clients[3]!.subscribe('a/#', 2)
    this.clients[3]!.subscribe('a/1', 1)
    this.clients[4]!.subscribe('a/1', 2)
    this.clients[4]!.subscribe('a/2', 2)
    for (const member of this.clients.slice(MEMBERS)) member.subscribe('$share/g/a/#', 2)
  }

  #connect(who: number, at: number): void {
    this.sites.at(HOMES[who]!).at = at
    this.clients[who]!.connect()
  }

  step(o: Op): void {
    const { sites, clients } = this
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
        sites.settle()
        break
      case 'turn':
        for (let i = 0; i < o.count; i++) sites.turn()
        break
      case 'pass':
        sites.pass(o.ms)
        break
      case 'cut':
        sites.at(o.home).cut(o.edge, o.side)
        break
      case 'cutPeers':
        sites.cut(...o.pair, o.side)
        break
      case 'silence':
        sites.silence(...o.pair)
        break
      case 'part':
        sites.part(...o.pair)
        break
      case 'heal':
        sites.heal()
        break
      case 'crash':
        sites.at(o.home).crashCore()
    }
  }

  /** Everybody comes back and works until nothing moves. */
  finish(): void {
    const { sites, clients } = this
    sites.heal()
    for (let round = 0; round < 40; round++) {
      sites.pass(1000)
      for (const [i, client] of clients.entries()) if (!client.connected) this.#connect(i, (i + round) % EDGES)
      if (round > 15 && clients.every(c => c.connected)) break
    }
    for (let quiet = 0, round = 0; quiet < 5; round++) {
      if (round > 500) throw new Error('The clients do not come to rest')
      sites.settle()
      let moved = 0
      for (const client of clients) moved += client.work()
      quiet = moved === 0 ? quiet + 1 : 0
      if (quiet > 0) sites.pass(1000)
    }
    for (const client of clients) expect(client.connected, `${client.id} stays connected`).toBe(true)
  }

  check(): void {
    const acked = this.clients.slice(0, PUBLISHERS).flatMap(c => c.acked)
    for (const subscriber of this.clients.slice(PUBLISHERS, MEMBERS)) {
      const texts = subscriber.seen.map(s => s.text)
      for (const text of acked) expect(texts, `${subscriber.id} lost ${text}`).toContain(text)
      const twice = subscriber.seen.filter(s => s.qos === 2).map(s => s.text)
      expect(new Set(twice).size, `${subscriber.id} saw a QoS 2 message twice: ${twice}`).toBe(twice.length)
      inOrder(subscriber.id, texts)
    }
    this.#checkGroup(acked)
    for (const { name, coreStats, linkStats } of this.sites.sites) {
      expect(linkStats.nowUnanswered, `Unanswered at ${name}`).toBe(0)
      expect(coreStats, name).toMatchObject({
        nowPeers: NAMES.length - 1,
        nowInboxMessages: 0,
        nowInboxBytes: 0,
        nowLogEnvelopes: 0,
        nowPendingBytes: 0,
        nowWaitingForSites: 0,
        nowPeerWaitingBytes: 0,
      })
    }
  }

  #checkGroup(acked: readonly string[]): void {
    const members = this.clients.slice(MEMBERS)
    const texts = members.flatMap(m => m.seen.map(s => s.text))
    for (const text of acked) expect(texts, `The group never got ${text}`).toContain(text)
    const exact = members.map(m => m.seen.filter(s => s.qos === 2).map(s => s.text))
    for (const [i, seen] of exact.entries())
      expect(new Set(seen).size, `${members[i]!.id} got a QoS 2 message twice: ${seen}`).toBe(seen.length)
    if (this.sites.sites.some(site => site.lost > 0)) return
    const all = exact.flat()
    expect(new Set(all).size, `Two members got the same QoS 2 message: ${exact.join(' | ')}`).toBe(all.length)
  }
}

/** First deliveries of one publisher on one topic and QoS come in order [MQTT-4.6.0-6]. */
function inOrder(id: string, texts: readonly string[]): void {
  const last = new Map<string, number>()
  for (const text of new Set(texts)) {
    const [by, topic, qos, n] = text.split(':')
    const stream = `${by}:${topic}:${qos}`
    expect(Number(n), `${id}: ${text} came after ${stream}:${last.get(stream)}`).toBeGreaterThan(last.get(stream) ?? 0)
    last.set(stream, Number(n))
  }
}

const SMALL = {
  maxInflight: 3,
  sessionQueueMessages: 4,
  drainPageMessages: 2,
  watermarkHoldMs: 5000,
  peerPageMessages: 2,
  peerWaitingBytes: 400,
}

function live(sites: Sites, ops: readonly Op[]): void {
  const run = new Run(sites)
  for (const o of ops) run.step(o)
  run.finish()
  run.check()
}

test('three sites: at least once, exactly once and in order, while links between them break, part and heal', () => {
  fc.assert(
    fc.property(withCuts, ops => live(new Sites({ names: NAMES, edges: EDGES, limits: SMALL }), ops)),
    runs(60),
  )
}, 600_000)

test('the same when cores die, and others go on with their data', () => {
  fc.assert(
    fc.property(withCrashes, ops => {
      const dir = mkdtempSync(join(tmpdir(), 'meridian-sites-'))
      const sites = new Sites({ names: NAMES, edges: EDGES, limits: SMALL, dataDir: name => join(dir, name) })
      try {
        live(sites, ops)
      } finally {
        sites.close()
        rmSync(dir, { recursive: true, force: true })
      }
    }),
    runs(30),
  )
}, 600_000)
