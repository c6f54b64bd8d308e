/** Random lives of clients at three sites whose links break, part and heal, and whose cores die: every site's subscribers get every message, in order, QoS 2 once. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Client } from './client.ts'
import { Crowd, daily, sawAll, sawOnce } from './crowd.ts'
import { op, runs } from './life.ts'
import { Sites } from './sites.ts'

const NAMES = ['eu', 'us', 'ap'] as const
const EDGES = 2
/** Who lives where; the first two publish. */
const HOMES = ['eu', 'us', 'eu', 'us', 'ap', 'eu', 'us', 'us', 'ap'] as const
const PUBLISHERS = 2
/** From here on they are members of one group. */
const MEMBERS = 5
const SIZE = { clients: HOMES.length, publishers: PUBLISHERS, edges: EDGES }

const edge = fc.nat(EDGES - 1)
const pair = fc.constantFrom<[string, string][]>(['eu', 'us'], ['us', 'ap'], ['ap', 'eu'])
const side = fc.constantFrom<('both' | 'edge' | 'core')[]>('both', 'edge', 'core')
const common = [
  ...daily(SIZE),
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
  readonly crowd: Crowd

  constructor(sites: Sites) {
    this.sites = sites
    const name = (i: number): string => (i < PUBLISHERS ? 'pub' : i < MEMBERS ? 'sub' : 'member')
    const clients = HOMES.map((home, i) => new Client(sites.at(home), `${name(i)}${i}`, i % 2 === 0 ? 5 : 4))
    this.crowd = new Crowd(sites, clients, SIZE, (who, at) => {
      sites.at(HOMES[who]!).at = at
      clients[who]!.connect()
    })
    clients[2]!.subscribe('a/+', 2)
    clients[3]!.subscribe('a/#', 2)
    clients[3]!.subscribe('a/1', 1)
    clients[4]!.subscribe('a/1', 2)
    clients[4]!.subscribe('a/2', 2)
    for (const member of clients.slice(MEMBERS)) member.subscribe('$share/g/a/#', 2)
  }

  step(o: Op): void {
    const { sites } = this
    switch (o.do) {
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
        break
      default:
        this.crowd.step(o)
    }
  }

  finish(): void {
    this.sites.heal()
    this.crowd.finish()
  }

  check(): void {
    const { clients, acked } = this.crowd
    for (const subscriber of clients.slice(PUBLISHERS, MEMBERS)) sawAll(subscriber, acked)
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
    const members = this.crowd.clients.slice(MEMBERS)
    const texts = members.flatMap(m => m.seen.map(s => s.text))
    for (const text of acked) expect(texts, `The group never got ${text}`).toContain(text)
    for (const member of members) sawOnce(member)
    if (this.sites.sites.some(site => site.lost > 0)) return
    const exact = members.map(m => m.seen.filter(s => s.qos === 2).map(s => s.text))
    const all = exact.flat()
    expect(new Set(all).size, `Two members got the same QoS 2 message: ${exact.join(' | ')}`).toBe(all.length)
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
