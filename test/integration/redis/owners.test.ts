/** Across sites: epochs are given once, due wills are taken once, and the register of logs keeps what it is told in order. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Driver } from '../../../core/state/redis/driver.ts'
import { FencedError } from '../../../core/state/redis/fence.ts'
import { raise } from '../../../core/state/redis/owners.ts'
import { RedisWalRegistry } from '../../../core/state/redis/wal-registry.ts'
import { popDueWills } from '../../../core/state/redis/wills.ts'
import { client, load, record, will } from './records.ts'
import { DRIVERS, Holder, Servers } from './servers.ts'

let servers: Servers
let sites = 0
beforeAll(async () => {
  servers = await Servers.start()
})
afterAll(() => servers.stop())

describe.each(DRIVERS)('over %s', name => {
  let driver: Driver
  let here: Holder
  let there: Holder
  beforeEach(async () => {
    driver = await servers.open(name)
    here = await Holder.take(driver, `s${++sites}`)
    there = await Holder.take(driver, `s${++sites}`)
  })
  afterEach(() => driver.close())

  test('an epoch is above what Redis has and what is given; the owner before is told', async () => {
    const c = client(`x-${name}`)
    const [first, second] = [
      { edge: 'e1', core: 'c1' },
      { edge: 'ä e2', core: 'c2' },
    ]
    expect(await raise(here.fence, here.keys, c, first, 1_700_000_000_000)).toEqual({
      epoch: 1_700_000_000_001,
      previous: undefined,
    })
    expect(await raise(there.fence, there.keys, c, second, 5)).toEqual({ epoch: 1_700_000_000_002, previous: first })
    expect(await raise(here.fence, here.keys, c, first, 1_700_000_000_009)).toEqual({
      epoch: 1_700_000_000_010,
      previous: second,
    })
    expect(await servers.look.pttl(here.keys.owner(c))).toBeGreaterThan(24 * 3600 * 1000)
  })

  test('1,000 claims of one client at once: each has its own epoch', async () => {
    const raised = await Promise.all(
      Array.from({ length: 1_000 }, (_, i) =>
        raise(i % 2 === 0 ? here.fence : there.fence, here.keys, client(`y-${name}`), { edge: `e${i}`, core: 'c' }, 0),
      ),
    )
    expect(new Set(raised.map(r => r.epoch)).size).toBe(1_000)
    // Each names the one before it, so together they are one chain.
    expect(new Set(raised.map(r => r.previous?.edge)).size).toBe(1_000)
  })

  test('due wills are taken once per epoch, earliest first, by whichever site comes first', async () => {
    const now = 1_800_000_000_000
    for (let i = 0; i < 10; i++)
      here.state.putSession(record(i, { epoch: 7, offlineAt: now + i * 1000, will: will(60), expirySec: 0xffffffff }))
    here.state.putSession(record('online', { will: will() }))
    here.state.putSession(record('none', { offlineAt: now }))
    here.state.putSession(record('ends', { offlineAt: now, will: will(60), expirySec: 5 }))
    await here.commit()
    expect(await popDueWills(there.fence, here.keys, now + 4_000, 100)).toEqual({ wills: [], more: false })
    const first = await popDueWills(there.fence, here.keys, now + 64_000, 2)
    expect(first.wills.map(w => [w.client, w.epoch, w.will.payload])).toEqual([
      [':ends', 1, new Uint8Array([1, 200])],
      [':0', 7, new Uint8Array([1, 200])],
    ])
    expect(first.more).toBe(true)
    const all = await Promise.all(
      [here, there, here, there].map(by => popDueWills(by.fence, here.keys, now + 64_000, 3)),
    )
    expect(all.flatMap(page => page.wills.map(w => w.client)).sort()).toEqual([':1', ':2', ':3', ':4'])
    expect(await popDueWills(there.fence, here.keys, now + 64_000, 3)).toEqual({ wills: [], more: false })
  })

  test('a will that another site has taken does not come back with its site, in the same epoch', async () => {
    const offlineAt = Date.now()
    const dead = record(1, { epoch: 3, offlineAt, will: will() })
    here.state.putSession(dead)
    await here.commit()
    const popped = await popDueWills(there.fence, here.keys, offlineAt, 10)
    expect(popped.wills.length).toBe(1)
    expect((await load(here.state)).sessions.get(':1')!.will).toBeUndefined()
    here.state.putSession(dead)
    await here.commit()
    expect((await popDueWills(there.fence, here.keys, offlineAt, 10)).wills).toEqual([])
    here.state.putSession({ ...dead, epoch: 4 })
    await here.commit()
    expect((await load(here.state)).sessions.get(':1')!.will).toBeDefined()
    expect((await popDueWills(there.fence, here.keys, offlineAt, 10)).wills[0]!.epoch).toBe(4)
  })

  test('a will that is gone, or whose session is, is not due', async () => {
    const offlineAt = Date.now()
    for (const id of ['taken', 'deleted', 'back']) here.state.putSession(record(id, { offlineAt, will: will() }))
    await here.commit()
    here.state.putSession(record('taken', { offlineAt }))
    here.state.deleteSession(client('deleted'))
    here.state.putSession(record('back', { epoch: 2, will: will() }))
    await here.commit()
    expect((await popDueWills(here.fence, here.keys, offlineAt, 10)).wills).toEqual([])
    expect(await servers.look.exists(here.keys.wills)).toBe(0)
  })

  test('the register of logs: marked, moved, finished, and closed to former holders', async () => {
    const wals = new RedisWalRegistry(here.fence, here.keys)
    const wal = { name: 'wal-c1-ä', position: 1, offset: 0, sealed: false }
    await wals.mark(wal)
    // Not awaited one by one: they take effect in order all the same.
    const later = { ...wal, position: 1_000_000_000_000, offset: 99, sealed: true }
    await Promise.all([wals.mark(later), wals.mark({ ...wal, name: 'b' }), wals.finished('b'), wals.finished('none')])
    expect(await wals.list()).toEqual([later])
    await Holder.take(driver, `s${sites - 1}`, 'next')
    await expect(wals.mark(wal)).rejects.toBeInstanceOf(FencedError)
    await expect(wals.list()).rejects.toBeInstanceOf(FencedError)
  })
})
