/** The directory in Redis beyond its contract: what it leaves behind, fencing, bounds, answers that are late or lost; and how other sites are seen. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ClientKey } from '../../../core/contract/ids.ts'
import { DEFAULT_LIMITS, type Limits } from '../../../core/contract/limits.ts'
import type { Claimed } from '../../../core/site/port.ts'
import { RedisDirectory } from '../../../core/state/redis/directory.ts'
import { type Driver, RedisError } from '../../../core/state/redis/driver.ts'
import { RedisWatch } from '../../../core/state/redis/site-watch.ts'
import { client, record, retained, will } from './records.ts'
import { DRIVERS, Holder, Servers } from './servers.ts'

let servers: Servers
let prefixes = 0
beforeAll(async () => {
  servers = await Servers.start()
})
afterAll(() => servers.stop())

const claim = (at: RedisDirectory, c: ClientKey) => new Promise<Claimed | undefined>(done => at.claim(c, 0, done))
const takeWill = (at: RedisDirectory, c: ClientKey, epoch: number) =>
  new Promise<boolean | undefined>(done => at.takeWill(c, epoch, done))
/** For a busy machine. */
const PATIENT = { timeout: 20_000 }
const find = (at: RedisDirectory, c: ClientKey) => new Promise<string | undefined>(done => at.find(c, done))

describe.each(DRIVERS)('over %s', name => {
  let driver: Driver
  let prefix: string
  let opened: RedisDirectory[]
  beforeEach(async () => {
    driver = await servers.open(name)
    prefix = `${name}-${++prefixes}:`
    opened = []
  })
  afterEach(() => {
    for (const directory of opened) directory.close()
    driver.close()
  })

  const open = async (site: string, limits: Partial<Limits> = {}, over = driver, timeoutMs = 2_000, holder = 'a') => {
    const { fence, keys } = await Holder.take(over, site, { prefix, name: holder })
    const directory = new RedisDirectory({ fence, keys, site, limits: { ...DEFAULT_LIMITS, ...limits }, timeoutMs })
    opened.push(directory)
    return directory
  }
  const keys = (what: string) => servers.look.keys(`${prefix}${what}`)

  test('10,000 sessions come and go: nothing stays of those that never moved, and nothing for ever of the others', async () => {
    const a = await open('a', {}, driver, 20_000)
    const b = await open('b', {}, driver, 20_000)
    const all = Array.from({ length: 10_000 }, (_, i) => client(i))
    const claims = await Promise.all(all.map(c => claim(a, c)))
    for (const [i, c] of all.entries()) a.forget(c, claims[i]!.epoch)
    await expect.poll(() => driver.stats.nowDirectoryWaiting, PATIENT).toBe(0)
    expect((await keys('*')).sort()).toEqual([`${prefix}a:lease`, `${prefix}b:lease`])
    const some = all.slice(0, 2_000)
    await Promise.all(some.map(c => claim(a, c)))
    const moved = await Promise.all(some.map(c => claim(b, c)))
    expect(await servers.look.zcard(`${prefix}b:owed`)).toBe(2_000)
    for (const [i, c] of some.entries()) {
      b.forget(c, moved[i]!.epoch)
      b.settled(c, 'a')
    }
    await expect.poll(() => driver.stats.nowDirectoryWaiting, PATIENT).toBe(0)
    expect(await servers.look.exists(`${prefix}a:owed`, `${prefix}b:owed`)).toBe(0)
    const left = await keys('owner:*')
    expect(left.length).toBe(2_000)
    const ends = await Promise.all(left.map(key => servers.look.pttl(key)))
    expect(Math.min(...ends)).toBeGreaterThan(0)
  }, 60_000)

  test('whom other sites have claimed is kept for a minute, up to a bound; beyond that it cannot be told', async () => {
    const a = await open('a', { directoryWrites: 200 })
    const b = await open('b', { directoryWrites: 200 })
    const all = Array.from({ length: 600 }, (_, i) => client(i))
    await Promise.all(all.map(c => claim(a, c)))
    const some = all.slice(0, 150)
    await Promise.all(some.map(c => claim(b, c)))
    expect((await a.taken())?.length).toBe(150)
    await Promise.all(all.map(c => claim(b, c)))
    expect(await servers.look.xlen(`${prefix}a:taken`)).toBeLessThanOrEqual(300)
    expect(await a.taken()).toBeUndefined()
    expect(await a.taken()).toEqual([])
    expect(await servers.look.pttl(`${prefix}a:taken`)).toBeGreaterThan(30_000)
    // As old as they can be.
    await servers.look.del(`${prefix}a:taken`)
    await servers.look.xadd(`${prefix}a:taken`, '1-1', 'client', client(1))
    expect(await a.taken()).toEqual([])
  })

  test('what an index still names of an owner that Redis has forgotten goes when it is read', async () => {
    const a = await open('a')
    const b = await open('b')
    await claim(a, client(1))
    await claim(b, client(1))
    await servers.look.del(`${prefix}owner:{${client(1)}}`)
    expect((await b.owed()).size).toBe(0)
    await expect.poll(() => servers.look.exists(`${prefix}b:owed`), PATIENT).toBe(0)
  })

  test('a core that is not the active one any more claims, forgets and takes nothing', async () => {
    const old = await open('a')
    const { epoch } = (await claim(old, client(1)))!
    const next = await open('a', {}, driver, 2_000, 'next')
    expect(await claim(old, client(1))).toBeUndefined()
    old.forget(client(1), epoch)
    const twice = await Promise.all([takeWill(old, client(1), epoch), takeWill(old, client(2), 1)])
    expect(twice).toEqual([undefined, undefined])
    expect(await find(next, client(1))).toBe('a')
    expect(await claim(next, client(1))).toMatchObject({ epoch: epoch + 1, from: [] })
  })

  test('a Redis that stands still: claims are answered in time, and told it is what it missed', async () => {
    const a = await open('a', {}, driver, 300)
    const { epoch } = (await claim(a, client(1)))!
    await servers.look.client('PAUSE', 1_500)
    const from = Date.now()
    expect(await claim(a, client(2))).toBeUndefined()
    expect(Date.now() - from).toBeLessThan(1_400)
    a.forget(client(1), epoch)
    expect(await takeWill(a, client(3), 7)).toBe(true)
    await expect.poll(() => find(a, client(1)), PATIENT).toBe('')
  })

  test('after Redis has lost everything nobody is told that nothing is known, before others could tell what they have', async () => {
    const a = await open('a')
    const b = await open('b')
    for (let i = 0; i < 5; i++) await claim(b, client('any'))
    const { epoch } = (await claim(a, client(1)))!
    await servers.look.del(...(await keys('*')))
    expect(await claim(b, client(1))).toBeUndefined()
    await a.restore([{ client: client(1), epoch: epoch + 7 }])
    await expect.poll(() => claim(b, client(1)), PATIENT).toMatchObject({ epoch: expect.any(Number), from: ['a'] })
  })

  test('a will is ours though the answer was lost and it was asked for again', async () => {
    let losses = 2
    const lossy = new Proxy(driver, {
      get(target, key) {
        if (key !== 'run') return Reflect.get(target, key, target)
        const run: Driver['run'] = async (script, keys, args) => {
          const reply = await target.run(script, keys, args)
          if (script === 'tell' && losses-- > 0) throw new RedisError('Redis is cut off')
          return reply
        }
        return run
      },
    })
    const a = await open('a', {}, lossy)
    const b = await open('b')
    const { epoch } = (await claim(a, client(1)))!
    expect(await takeWill(a, client(1), epoch)).toBe(true)
    expect(losses).toBeLessThan(0)
    expect(await takeWill(a, client(1), epoch)).toBe(false)
    expect(await takeWill(b, client(1), epoch)).toBe(false)
  })

  test('beyond their bounds claims and what is told are given up at once', async () => {
    const a = await open('a', { directoryClaims: 3, directoryWrites: 2 })
    const claims = await Promise.all([1, 2, 3, 4].map(i => claim(a, client(i))))
    expect(claims.map(c => c?.epoch)).toEqual([1, 1, 1, undefined])
    a.forget(client(1), 1)
    a.forget(client(2), 1)
    a.forget(client(3), 1)
    expect(await takeWill(a, client(4), 1)).toBeUndefined()
    expect(driver.stats.directoryDropped).toBe(2)
    await expect.poll(() => find(a, client(2)), PATIENT).toBe('')
    expect(await find(a, client(3))).toBe('a')
  })

  test('sites are alive, dead for so long, or were never there; their clocks are compared through that of Redis', async () => {
    const here = await Holder.take(driver, 'a', { prefix })
    await Holder.take(driver, 'alive', { prefix, lifeMs: 60_000 })
    await Holder.take(driver, 'dead', { prefix })
    await servers.look.hincrby(`${prefix}dead:lease`, 'ahead', 90_000)
    await new Promise(done => setTimeout(done, 50))
    const ahead = 600_000
    const options = { driver, keys: here.keys, sites: ['alive', 'dead', 'never'], now: () => Date.now() + ahead }
    const [alive, dead, never] = await new RedisWatch(options).look()
    expect([alive!.expiredMs, never!.expiredMs]).toEqual([undefined, undefined])
    expect(dead!.expiredMs).toBeGreaterThanOrEqual(50)
    expect(dead!.expiredMs).toBeLessThan(60_000)
    expect(Math.abs(alive!.aheadMs + ahead)).toBeLessThan(2_000)
    expect(Math.abs(dead!.aheadMs + ahead - 90_000)).toBeLessThan(2_000)
  })

  test('what a dead site has left: those with a will alone, online or not, and its retained messages', async () => {
    const here = await Holder.take(driver, 'a', { prefix })
    const there = await Holder.take(driver, 'b', { prefix })
    there.state.putSession(record('online', { will: will(5) }))
    there.state.putSession(record('offline', { will: will(), offlineAt: Date.now() }))
    there.state.putSession(record('none'))
    for (const id of ['gone', 'ended', 'back']) there.state.putSession(record(id, { will: will() }))
    for (let i = 0; i < 1_500; i++) there.state.putRetained(retained(`t/${i}`, 'x'))
    await there.commit()
    there.state.putSession(record('gone'))
    there.state.deleteSession(client('ended'))
    there.state.deleteSession(client('back'))
    there.state.putSession(record('back'))
    await there.commit()
    const watch = new RedisWatch({ driver, keys: here.keys, sites: ['b'], now: Date.now })
    const willed: string[] = []
    for await (const { client: c, will: w } of watch.willed('b')) willed.push(`${c} ${w?.delaySec}`)
    expect(willed).toEqual([':offline 0', ':online 5'])
    const topics = new Set<string>()
    for await (const m of watch.retained('b')) topics.add(m.topic)
    expect(topics.size).toBe(1_500)
  })
})
