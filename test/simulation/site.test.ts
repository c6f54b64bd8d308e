/** Random lives of clients at several edges of one core, whose links break and resume and whose processes die: what MQTT promises holds all the same. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Client } from './client.ts'
import { Crowd, daily, sawAll } from './crowd.ts'
import { nothingLeft, op, runs } from './life.ts'
import { Site } from './site.ts'

const EDGES = 3
const SIZE = { clients: 5, publishers: 2, edges: EDGES }

const edge = fc.nat(EDGES - 1)
const common = daily(SIZE)
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
  readonly crowd: Crowd

  constructor(site: Site) {
    this.site = site
    const clients = Array.from(
      { length: SIZE.clients },
      (_, i) => new Client(site, i < SIZE.publishers ? `pub${i}` : `sub${i}`, i % 2 === 0 ? 5 : 4),
    )
    this.crowd = new Crowd(site, clients, SIZE, (who, at) => {
      site.at = at
      clients[who]!.connect()
    })
    clients[2]!.subscribe('a/+', 2)
    clients[3]!.subscribe('a/#', 2)
    clients[3]!.subscribe('a/1', 1)
    clients[4]!.subscribe('a/1', 2)
  }

  step(o: Op): void {
    const { site } = this
    switch (o.do) {
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
        break
      default:
        this.crowd.step(o)
    }
  }

  finish(): void {
    this.site.network.down = false
    this.crowd.finish()
  }

  check(): void {
    const { clients, acked } = this.crowd
    for (const subscriber of clients.slice(SIZE.publishers))
      sawAll(subscriber, acked, text => subscriber !== clients[4] || text.split(':')[1] === '0')
    nothingLeft(this.site, clients)
    expect(this.site.linkStats.nowUnanswered).toBe(0)
    for (const { linkStats } of this.site.edges) expect(linkStats.nowUnanswered).toBe(0)
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
