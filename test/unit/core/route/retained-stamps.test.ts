/** Retained messages of several sites: the highest stamp holds in whatever order they come, and what was removed stays removed. */
import { describe, expect, test } from 'vitest'
import { DEFAULT_TENANT, type Incarnation, type TopicFilter, type TopicName } from '../../../../core/contract/ids.ts'
import { DEFAULT_LIMITS } from '../../../../core/contract/limits.ts'
import { Message } from '../../../../core/contract/message.ts'
import { Retained } from '../../../../core/route/retain.ts'
import { MemoryState } from '../../../../core/state/memory.ts'
import { CoreStats } from '../../../../core/stats.ts'
import { text } from '../rig.ts'

const MINUTE_MS = 60_000
const T = 't' as TopicName

class Site {
  now: number
  readonly origin: Incarnation
  readonly state: MemoryState
  readonly stats = new CoreStats()
  readonly retained: Retained
  #seq = 0

  constructor(name: string, { now = 1_700_000_000_000, tombstones = 100, state = new MemoryState() } = {}) {
    this.now = now
    this.origin = name as Incarnation
    this.state = state
    const { stats } = this
    const options = { state, stats, limits: DEFAULT_LIMITS, events: () => {}, now: () => this.now, tombstones }
    this.retained = new Retained(options)
    state.load({ session() {}, subscription() {}, retained: m => this.retained.load(m) })
  }

  message(payload: string, topic: TopicName = T, more: { expiresAt?: number; stamp?: number } = {}): Message {
    const bytes = new TextEncoder().encode(payload)
    return new Message(this.origin, ++this.#seq, {
      tenant: DEFAULT_TENANT,
      topic,
      qos: 1,
      payload: bytes,
      retain: true,
      ...more,
    })
  }

  publish(payload: string, topic: TopicName = T, more: { expiresAt?: number } = {}): Message {
    const message = this.message(payload, topic, more)
    this.hear(message)
    return message
  }

  /** Its own, or one that another site has passed on. */
  hear(message: Message): void {
    this.retained.accept(message)
    this.retained.apply(message)
  }

  get shown(): string[] {
    return this.retained.page(DEFAULT_TENANT, '#' as TopicFilter, undefined, 100, this.now).messages.map(text)
  }

  get stored(): string[] {
    const stored: string[] = []
    this.state.load({ session() {}, subscription() {}, retained: m => void stored.push(text(m)) })
    return stored
  }
}

describe('stamps of retained messages', () => {
  test('a message is stamped once, with the time, and never with the same twice', () => {
    const site = new Site('a')
    const first = site.publish('1')
    const second = site.publish('2')
    expect([first.stamp, second.stamp]).toEqual([site.now, site.now + 1])
    site.now -= MINUTE_MS
    expect(site.publish('3').stamp).toBe(second.stamp + 1)
    const other = new Site('b')
    other.hear(first)
    expect(first.stamp).toBe(1_700_000_000_000)
  })

  test('a stamp from a site whose clock is minutes ahead raises ours', () => {
    const [here, there] = [new Site('a'), new Site('b', { now: 1_700_000_000_000 + 5 * MINUTE_MS })]
    const theirs = there.publish('theirs')
    here.hear(theirs)
    const ours = here.publish('ours')
    expect(ours.stamp).toBe(theirs.stamp + 1)
    there.hear(ours)
    expect([here.shown, there.shown]).toEqual([['ours'], ['ours']])
  })

  test('what comes late changes nothing, in memory and in the state', () => {
    const [here, there] = [new Site('a'), new Site('b')]
    const old = there.publish('old')
    here.now += 10
    here.publish('new')
    here.hear(old)
    expect([here.shown, here.stored, here.stats.retainedStale]).toEqual([['new'], ['new'], 1])
    here.hear(old)
    here.retained.replay(old)
    here.retained.take(old)
    expect(here.shown).toEqual(['new'])
  })

  test('neither does what comes late while the newer one is on its way, nor what is on its way when a newer one is taken', () => {
    const [here, there] = [new Site('a'), new Site('b')]
    const old = there.publish('old')
    here.now += 10
    const news = here.message('new')
    here.retained.accept(news)
    here.hear(old)
    here.retained.apply(news)
    expect([here.shown, here.stored]).toEqual([['new'], ['new']])
    const mine = here.message('mine')
    here.retained.accept(mine)
    there.now += MINUTE_MS
    here.retained.take(there.publish('taken'))
    here.retained.apply(mine)
    expect([here.shown, here.stored]).toEqual([['taken'], ['taken']])
  })

  test('two of the same time: all sites keep the same one', () => {
    const [a, b] = [new Site('a'), new Site('b')]
    const [one, two] = [a.publish('one'), b.publish('two')]
    expect(one.stamp).toBe(two.stamp)
    a.hear(two)
    b.hear(one)
    expect(a.shown).toEqual(b.shown)
    const sameCore = [b.message('x', T, { stamp: two.stamp + 1 }), b.message('y', T, { stamp: two.stamp + 1 })]
    for (const m of sameCore) a.hear(m)
    for (const m of sameCore.toReversed()) b.hear(m)
    expect([a.shown, b.shown]).toEqual([['y'], ['y']])
  })

  test('any order of three sites’ messages ends in the same', () => {
    const sites = ['a', 'b', 'c'].map(name => new Site(name))
    const all = [1, 2, 3, 4].flatMap(i =>
      sites.map((site, k) => {
        site.now += ((i * 7 + k * 5) % 11) - 3
        return site.message((i + k) % 4 === 0 ? '' : `${i}${k}`, `t/${i % 2}` as TopicName)
      }),
    )
    for (const [i, m] of all.entries()) sites[i % 3]!.hear(m)
    for (const [k, site] of sites.entries())
      for (const m of k === 0 ? all : k === 1 ? all.toReversed() : all.toSorted((x, y) => x.seq - y.seq)) site.hear(m)
    expect(sites[1]!.shown.toSorted()).toEqual(sites[0]!.shown.toSorted())
    expect(sites[2]!.shown.toSorted()).toEqual(sites[0]!.shown.toSorted())
  })

  test('what was removed does not come back with an older message, also after a restart; a newer one does', () => {
    const [here, there] = [new Site('a'), new Site('b')]
    const old = there.publish('old')
    here.now += 10
    here.publish('')
    here.hear(old)
    expect([here.shown, here.stats.nowTombstones, here.stats.nowRetained]).toEqual([[], 1, 0])
    const restarted = new Site('a2', { now: here.now, state: here.state })
    restarted.hear(old)
    expect([restarted.shown, restarted.stats.nowTombstones]).toEqual([[], 1])
    restarted.publish('new')
    expect([restarted.shown, restarted.stored]).toEqual([['new'], ['new']])
    expect(restarted.stats).toMatchObject({ nowTombstones: 0, nowRetained: 1 })
  })

  test('nor does an older one come back after one that has expired', () => {
    const [here, there] = [new Site('a'), new Site('b')]
    const old = there.publish('old')
    here.now += 10
    here.publish('short', T, { expiresAt: here.now + 1_500 })
    here.now += 3_000
    here.retained.tick(here.now)
    here.hear(old)
    expect([here.shown, here.stats.retainedExpired, here.stats.nowTombstones]).toEqual([[], 1, 1])
  })

  test('removed topics are remembered for as long as an inbox is kept, and the last so many of them', () => {
    const site = new Site('a', { tombstones: 3 })
    for (let i = 0; i < 5; i++) site.publish('', `t/${i}` as TopicName)
    expect([site.stats.nowTombstones, site.stored.length]).toEqual([3, 3])
    site.now += DEFAULT_LIMITS.inboxAgeSec * 1000 + 2_000
    site.retained.tick(site.now)
    expect([site.stats.nowTombstones, site.stored.length, site.retained.stored().length]).toEqual([0, 0, 0])
  })

  test('one site alone remembers none, and drops those that it finds', () => {
    const several = new Site('a')
    several.publish('')
    const alone = new Site('a2', { tombstones: 0, state: several.state })
    expect([alone.stats.nowTombstones, alone.stored]).toEqual([0, []])
    alone.publish('x')
    alone.publish('')
    expect([alone.shown, alone.stored, alone.stats.nowTombstones]).toEqual([[], [], 0])
  })
})
