/** Sites that die: when that is said, whose wills are published, when and how often, and what happens to those that come back. */
import { describe, expect, test } from 'vitest'
import type { ClientKey } from '../../../../core/contract/ids.ts'
import { DEFAULT_LIMITS } from '../../../../core/contract/limits.ts'
import type { Message, MessageInit } from '../../../../core/contract/message.ts'
import { Globe, MemoryDirectory, MemoryWatch } from '../../../../core/site/memory.ts'
import { Undertaker } from '../../../../core/site/undertaker.ts'
import { MemoryState } from '../../../../core/state/memory.ts'
import { type CoreEvent, CoreStats } from '../../../../core/stats.ts'
import { client, record, retained, will } from '../../../integration/redis/records.ts'

const NAMES = ['eu', 'us', 'ap'] as const
type Name = (typeof NAMES)[number]

class Site {
  readonly state = new MemoryState()
  readonly stats = new CoreStats()
  readonly events: CoreEvent[] = []
  readonly published: { readonly at: number; readonly init: MessageInit }[] = []
  readonly taken: Message[] = []
  readonly directory: MemoryDirectory
  readonly watch: MemoryWatch
  readonly undertaker: Undertaker
  readonly now: () => number
  alive = true

  constructor(name: Name, globe: Globe, aheadMs: number) {
    this.now = () => globe.now() + aheadMs
    globe.place(name, this.state)
    this.directory = new MemoryDirectory(globe, name)
    this.watch = new MemoryWatch(
      globe,
      NAMES.filter(other => other !== name),
      this.now,
    )
    const { directory, watch, stats, now } = this
    this.undertaker = new Undertaker({
      watch,
      directory,
      stats,
      now,
      limits: DEFAULT_LIMITS,
      events: event => this.events.push(event),
      publish: (init, done) => {
        this.published.push({ at: globe.now(), init })
        queueMicrotask(done)
      },
      take: message => this.taken.push(message),
    })
  }

  get senders(): (ClientKey | undefined)[] {
    return this.published.map(({ init }) => init.sender)
  }
}

class World {
  now = 1_700_000_000_000
  readonly globe = new Globe({ now: () => this.now })
  readonly sites: Record<Name, Site>

  /** `aheadMs`: of the clocks. */
  constructor(aheadMs: Partial<Record<Name, number>> = {}) {
    const site = (name: Name) => new Site(name, this.globe, aheadMs[name] ?? 0)
    this.sites = { eu: site('eu'), us: site('us'), ap: site('ap') }
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 1_000) {
      this.now += Math.min(1_000, left)
      for (const name of NAMES) {
        const site = this.sites[name]
        if (!site.alive) continue
        if (site.directory.reachable) this.globe.renew(name, site.now())
        site.undertaker.tick(site.now())
      }
      for (let i = 0; i < 3; i++) await new Promise(done => setImmediate(done))
    }
  }

  claim(name: Name, c: ClientKey): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>()
    this.sites[name].directory.claim(c, 0, claimed => resolve(claimed!.epoch))
    return promise
  }

  reach(name: Name, on: boolean): void {
    this.sites[name].directory.reachable = on
    this.sites[name].watch.reachable = on
  }
}

const LEASE_AND_GRACE_MS = 5_000 + DEFAULT_LIMITS.siteGraceMs

describe('undertaker', () => {
  test('a site is dead once its lease has been over for the grace, and its wills are published once', async () => {
    const world = new World()
    const { eu, us, ap } = world.sites
    const [online, offline] = [client('online'), client('offline')]
    eu.state.putSession(record('online', { epoch: await world.claim('eu', online), will: will() }))
    eu.state.putSession(
      record('offline', { epoch: await world.claim('eu', offline), will: will(20), offlineAt: world.now - 5_000 }),
    )
    eu.state.putSession(record('none', { epoch: await world.claim('eu', client('none')) }))
    await world.pass(2_000)
    eu.alive = false
    await world.pass(LEASE_AND_GRACE_MS - 1_000)
    expect([us.events, ap.events, us.stats.nowSitesDead]).toEqual([[], [], 0])
    await world.pass(3_000)
    expect(us.events[0]).toEqual({ is: 'site-dead', site: 'eu' })
    expect(ap.events[0]).toEqual({ is: 'site-dead', site: 'eu' })
    expect([...us.senders, ...ap.senders]).toEqual([online])
    await world.pass(30_000)
    expect([...us.senders, ...ap.senders]).toEqual([online, offline])
    expect(us.stats.willsForOthers + ap.stats.willsForOthers).toBe(2)
    expect([us.stats.nowWillsOfDead, ap.stats.nowWillsOfDead]).toEqual([0, 0])
  })

  test('a will waits for its delay, counted from the death or from the end of the connection, and not beyond the session', async () => {
    const world = new World({ us: 3 * 60_000, eu: -2 * 60_000 })
    const { eu, us } = world.sites
    world.sites.ap.alive = false
    await world.pass(10_000)
    const there = eu.now()
    for (const [id, more] of [
      ['death+30', { will: will(30) }],
      ['was offline', { will: will(60), offlineAt: there - 20_000 }],
      ['ends first', { will: will(3_600), expirySec: 20 }],
    ] as const)
      eu.state.putSession(record(id, { epoch: await world.claim('eu', client(id)), ...more }))
    const from = world.now
    eu.alive = false
    await world.pass(90_000)
    const when = new Map(us.published.map(({ at, init }) => [init.sender, at - from]))
    const death = 5_000
    for (const [id, expected] of [
      ['death+30', death + 30_000],
      ['was offline', 40_000],
      ['ends first', death + 20_000],
    ] as const) {
      expect(when.get(client(id))).toBeGreaterThanOrEqual(expected)
      expect(when.get(client(id))).toBeLessThanOrEqual(expected + 3_000)
    }
  })

  test('who has come to another site by then has no will any more', async () => {
    const world = new World()
    const { eu, us, ap } = world.sites
    const moved = client('moved')
    eu.state.putSession(record('moved', { epoch: await world.claim('eu', moved), will: will(10) }))
    await world.pass(1_000)
    eu.alive = false
    await world.pass(LEASE_AND_GRACE_MS + 2_000)
    expect(us.stats.nowWillsOfDead).toBe(1)
    await world.claim('us', moved)
    await world.pass(30_000)
    expect([us.published, ap.published, us.stats.nowWillsOfDead]).toEqual([[], [], 0])
  })

  test('a site that comes back has its wills back, but for those that were published', async () => {
    const world = new World()
    const { eu, us, ap } = world.sites
    const [now, later] = [client('now'), client('later')]
    const epoch = await world.claim('eu', now)
    eu.state.putSession(record('now', { epoch, will: will() }))
    eu.state.putSession(record('later', { epoch: await world.claim('eu', later), will: will(60) }))
    await world.pass(1_000)
    eu.alive = false
    await world.pass(LEASE_AND_GRACE_MS + 4_000)
    eu.alive = true
    await world.pass(2_000)
    expect(us.events.at(-1)).toEqual({ is: 'site-back', site: 'eu' })
    expect([us.stats.nowSitesDead, us.stats.nowWillsOfDead]).toEqual([0, 0])
    await world.pass(90_000)
    expect([...us.senders, ...ap.senders]).toEqual([now])
    const mine = new Promise(done => eu.directory.takeWill(now, epoch, done))
    expect(await mine).toBe(false)
  })

  test('nobody is dead because all missed what is global for a while', async () => {
    const world = new World()
    await world.pass(3_000)
    for (const name of NAMES) world.reach(name, false)
    await world.pass(60_000)
    for (const name of NAMES) world.reach(name, true)
    // The one comes back a moment before the others.
    world.reach('us', false)
    world.reach('ap', false)
    await world.pass(2_000)
    world.reach('us', true)
    world.reach('ap', true)
    await world.pass(20_000)
    expect(Object.values(world.sites).flatMap(site => site.events)).toEqual([])
  })

  test('what is global goes away in between: wills are published once all the same', async () => {
    const world = new World()
    const { eu, us, ap } = world.sites
    for (let i = 0; i < 400; i++)
      eu.state.putSession(record(i, { epoch: await world.claim('eu', client(i)), will: will(i % 20) }))
    await world.pass(1_000)
    eu.alive = false
    await world.pass(LEASE_AND_GRACE_MS + 3_000)
    for (let i = 0; i < 6; i++) {
      world.reach('us', i % 2 === 1)
      world.reach('ap', i % 3 === 1)
      await world.pass(3_000)
    }
    world.reach('us', true)
    world.reach('ap', true)
    await world.pass(20_000)
    const all = [...us.senders, ...ap.senders]
    expect([all.length, new Set(all).size]).toEqual([400, 400])
  })

  test('retained messages of a dead site are taken over; one that was never there is not dead', async () => {
    const world = new World()
    const { eu, us, ap } = world.sites
    ap.alive = false
    for (let i = 0; i < 50; i++) eu.state.putRetained(retained(`t/${i}`, 'x'))
    await world.pass(1_000)
    eu.alive = false
    await world.pass(LEASE_AND_GRACE_MS + 3_000)
    expect(us.taken.length).toBe(50)
    expect(us.events).toEqual([{ is: 'site-dead', site: 'eu' }])
  })

  test('a will that its site had taken, and not published when it died, is published once', async () => {
    const world = new World()
    const { eu, us, ap } = world.sites
    const [taking, published] = [client('taking'), client('published')]
    for (const c of [taking, published]) {
      const epoch = await world.claim('eu', c)
      if (c === taking)
        eu.state.putSession(record('taking', { epoch, will: will(), offlineAt: world.now, expirySec: 0 }))
      await new Promise(done => eu.directory.takeWill(c, epoch, done))
    }
    await world.pass(1_000)
    eu.alive = false
    await world.pass(LEASE_AND_GRACE_MS + 10_000)
    expect([...us.senders, ...ap.senders]).toEqual([taking])
  })

  test('one that has ended takes nothing any more', async () => {
    const world = new World()
    const { eu, us, ap } = world.sites
    ap.alive = false
    eu.state.putSession(record(1, { epoch: await world.claim('eu', client(1)), will: will() }))
    await world.pass(1_000)
    eu.alive = false
    await world.pass(LEASE_AND_GRACE_MS - 1_000)
    us.undertaker.close()
    await world.pass(10_000)
    expect([us.published, us.events]).toEqual([[], []])
  })
})
