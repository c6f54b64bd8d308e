/** The state in Redis beyond its contract: fencing, keys and their ends, restarts of the server in the middle of commits. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Driver } from '../../../core/state/redis/driver.ts'
import { FencedError } from '../../../core/state/redis/fence.ts'
import { client, load, record, retained, subscription, will } from './records.ts'
import { DRIVERS, Holder, Servers } from './servers.ts'

const DAY_MS = 24 * 3600 * 1000

let servers: Servers
let sites = 0
beforeAll(async () => {
  servers = await Servers.start()
})
afterAll(() => servers.stop())

describe.each(DRIVERS)('over %s', name => {
  let driver: Driver
  let site: string
  let core: Holder
  beforeEach(async () => {
    driver = await servers.open(name, 1_000)
    site = `s${++sites}`
    core = await Holder.take(driver, site)
  })
  afterEach(() => driver.close())

  test('a commit is a few calls, whatever was written, and the last write to a key is what counts', async () => {
    const before = driver.stats.calls
    for (let i = 0; i < 100; i++) {
      for (let epoch = 1; epoch <= 5; epoch++) core.state.putSession(record(i, { epoch }))
      core.state.putSubscription(client(i), subscription('a/#'))
      core.state.putRetained(retained(`t/${i}`, 'old'))
      core.state.putRetained(retained(`t/${i}`, 'new'))
    }
    await core.commit()
    expect(driver.stats.calls - before).toBe(2)
    const { sessions, retained: messages } = await load(core.state)
    expect([...sessions.values()].map(r => r.epoch)).toEqual(Array(100).fill(5))
    expect(new Set(messages.values())).toEqual(new Set(['new']))
  })

  test('what was deleted and made again in one commit has nothing of the old', async () => {
    core.state.putSession(record(1))
    core.state.putSubscription(client(1), subscription('old'))
    await core.commit()
    core.state.putSubscription(client(1), subscription('older'))
    core.state.deleteSession(client(1))
    core.state.putSession(record(1, { epoch: 2 }))
    core.state.putSubscription(client(1), subscription('new'))
    await core.commit()
    expect((await load(core.state)).subscriptions).toEqual([':1 new'])
  })

  test('a former holder is refused, and what it wrote has no effect', async () => {
    core.state.putSession(record(1))
    await core.commit()
    const next = await Holder.take(driver, site, { name: 'b' })
    core.state.putSession(record(1, { epoch: 9 }))
    core.state.deleteRetained('' as never, 'x' as never)
    await expect(core.commit()).rejects.toBeInstanceOf(FencedError)
    expect((await load(next.state)).sessions.get(':1')!.epoch).toBe(1)
  })

  test('scripts that Redis has forgotten are sent again', async () => {
    core.state.putSession(record(1))
    await core.commit()
    await servers.look.script('FLUSH')
    const loads = driver.stats.scriptLoads
    core.state.putSession(record(2))
    await core.commit()
    expect(driver.stats.scriptLoads).toBe(loads + 1)
    expect([...(await load(core.state)).sessions.keys()]).toEqual([':1', ':2'])
  })

  test('a first try that arrives after a later commit is refused', async () => {
    const late = core.fence.next('state')
    core.state.putSession(record(1, { epoch: 2 }))
    await core.commit()
    await expect(core.fence.write('retained', [core.keys.retained], [], late)).rejects.toThrow('too late')
  })

  test('sessions that have ended go by themselves, also from the index', async () => {
    const now = Date.now()
    core.state.putSession(record('gone', { expirySec: 1, offlineAt: now - DAY_MS }))
    core.state.putSubscription(client('gone'), subscription('a'))
    core.state.putSession(record('ends', { expirySec: 60, offlineAt: now }))
    core.state.putSession(record('back', { expirySec: 60, offlineAt: now }))
    core.state.putSession(record('never', { offlineAt: now }))
    core.state.putSession(record('online', { expirySec: 60 }))
    core.state.putRetained(retained('expires', 'x', now + 60_000))
    core.state.putRetained(retained('stays', 'x'))
    await core.commit()
    core.state.putSession(record('back', { expirySec: 60, epoch: 2 }))
    await core.commit()
    const ttl = (id: string) => servers.look.pttl(`${core.keys.session.before}:${id}}`)
    for (const id of ['back', 'never', 'online']) expect(await ttl(id)).toBe(-1)
    expect(Math.abs((await ttl('ends')) - 60_000 - DAY_MS)).toBeLessThan(30_000)
    expect(await servers.look.pttl(`${core.keys.retained}::stays`)).toBe(-1)
    expect(Math.abs((await servers.look.pttl(`${core.keys.retained}::expires`)) - 60_000 - DAY_MS)).toBeLessThan(30_000)
    await new Promise(done => setTimeout(done, 1_100))
    expect([...(await load(core.state)).sessions.keys()]).toEqual([':back', ':ends', ':never', ':online'])
    expect(await servers.look.zcard(core.keys.sessions)).toBe(4)
  })

  test('pages end by members and by bytes, and leave nothing out', async () => {
    const ids = Array.from({ length: 2_300 }, (_, i) => `${i}ü}`)
    for (const id of ids) core.state.putSession(record(id, { inbox: new Uint8Array(600).fill(200) }))
    await core.commit()
    const { sessions } = await load(core.state)
    expect(new Set(sessions.keys())).toEqual(new Set(ids.map(client)))
    expect(sessions.get(client(ids[7]!))!.inbox).toEqual(new Uint8Array(600).fill(200))
  })

  test('Redis is stopped and started again in the middle of commits: each is carried out once it is back', async () => {
    let written = 0
    let failed = 0
    const restarts = (async () => {
      for (let i = 0; i < 2; i++) {
        await new Promise(done => setTimeout(done, 150))
        await (i === 0 ? servers.redis.server.stop() : servers.redis.server.kill9())
        await new Promise(done => setTimeout(done, 300))
        await servers.redis.server.start()
      }
      await new Promise(done => setTimeout(done, 300))
      return 'done'
    })()
    let over = false
    restarts.finally(() => {
      over = true
    })
    while (!over) {
      core.state.putSession(record(written % 50, { epoch: ++written }))
      core.state.putSubscription(client(written % 50), subscription(`f/${written}`))
      await core.commit().catch(async error => {
        failed++
        expect(error.message).toContain(driver.address)
        await new Promise(done => setTimeout(done, 20))
      })
    }
    while (core.state.commits.dirty) await core.commit().catch(() => new Promise(done => setTimeout(done, 50)))
    expect(await restarts).toBe('done')
    expect(failed).toBeGreaterThan(0)
    expect(written).toBeGreaterThan(50)
    const { sessions, subscriptions } = await load(core.state)
    expect(sessions.size).toBe(50)
    expect(Math.max(...[...sessions.values()].map(r => r.epoch))).toBe(written)
    expect(subscriptions.length).toBe(written)
  }, 20_000)

  test('a server that hangs: the commit fails in time and is tried again as it was, what came since is the next', async () => {
    servers.redis.server.pause()
    core.state.putSession(record(1))
    const from = Date.now()
    try {
      await expect(core.commit()).rejects.toThrow(driver.address)
    } finally {
      servers.redis.server.resume()
    }
    expect(Date.now() - from).toBeLessThan(3_000)
    core.state.putSession(record(1, { epoch: 2 }))
    await expect.poll(() => core.commit().then(() => 'done', String), { timeout: 5_000 }).toBe('done')
    expect([...(await load(core.state)).sessions.values()].map(r => r.epoch)).toEqual([1])
    expect(core.state.commits.dirty).toBe(true)
    await core.commit()
    expect([...(await load(core.state)).sessions.values()].map(r => r.epoch)).toEqual([2])
    expect(core.state.commits.dirty).toBe(false)
  }, 15_000)

  test('writes that Redis has lost are noticed with the next one', async () => {
    core.state.putSession(record(1))
    await core.commit()
    const backup = await servers.look.hgetall(core.keys.lease)
    core.state.putSession(record(2))
    await core.commit()
    await core.commit()
    expect(core.rollbacks).toBe(0)
    // As after a failover to a replica that had not seen the second commit.
    await servers.look.hset(core.keys.lease, backup)
    core.state.putSession(record(3))
    await core.commit()
    expect(core.rollbacks).toBe(1)
    await servers.look.del(core.keys.lease)
    core.state.putSession(record(4))
    await core.commit()
    expect(core.rollbacks).toBe(2)
    core.state.putSession(record(5))
    await core.commit()
    expect(core.rollbacks).toBe(2)
    expect(await servers.look.hget(core.keys.lease, 'token')).toBe(String(core.fence.token))
  })

  test('nothing grows when 10,000 sessions come and go', async () => {
    const look = servers.look
    const memory = async () => Number(/used_memory_dataset:(\d+)/.exec(await look.info('memory'))![1])
    const round = async () => {
      for (let from = 0; from < 10_000; from += 2_500) {
        const ids = Array.from({ length: 2_500 }, (_, i) => from + i)
        for (const id of ids) {
          core.state.putSession(record(id, { will: will(60), expirySec: 600 }))
          core.state.putSubscription(client(id), subscription(`f/${id}`))
          core.state.putRetained(retained(`r/${id}`, 'text'))
        }
        await core.commit()
        for (const id of ids)
          core.state.putSession(record(id, { will: will(60), expirySec: 600, offlineAt: Date.now() }))
        await core.commit()
        expect(await look.zcard(core.keys.wills)).toBe(2_500)
        for (const id of ids) {
          core.state.deleteSession(client(id))
          core.state.deleteRetained('' as never, `r/${id}` as never)
        }
        await core.commit()
      }
    }
    await round()
    const [keys, bytes] = [await look.dbsize(), await memory()]
    await round()
    expect(await look.dbsize()).toBe(keys)
    expect((await look.keys(`meridian:${site}:*`)).sort()).toEqual([core.keys.lease])
    expect((await memory()) - bytes).toBeLessThan(256 * 1024)
  }, 30_000)
})
