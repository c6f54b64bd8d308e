/** The register of logs keeps what it is told, in order, from the holder of the lease alone. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { FencedError } from '../../../core/state/redis/fence.ts'
import { RedisWalRegistry } from '../../../core/state/redis/wal-registry.ts'
import { DRIVERS, Holder, Servers } from './servers.ts'

let servers: Servers
beforeAll(async () => {
  servers = await Servers.start()
})
afterAll(() => servers.stop())

test.each(DRIVERS)('over %s: marked, moved, finished, and closed to former holders', async name => {
  const driver = await servers.open(name)
  const holder = await Holder.take(driver, name)
  const wals = new RedisWalRegistry(holder.fence, holder.keys)
  const wal = { name: 'wal-c1-ä', position: 1, offset: 0, sealed: false }
  await wals.mark(wal)
  // Not awaited one by one: they take effect in order all the same.
  const later = { ...wal, position: 1_000_000_000_000, offset: 99, sealed: true }
  await Promise.all([wals.mark(later), wals.mark({ ...wal, name: 'b' }), wals.finished('b'), wals.finished('none')])
  expect(await wals.list()).toEqual([later])
  await Holder.take(driver, name, { name: 'next' })
  await expect(wals.mark(wal)).rejects.toBeInstanceOf(FencedError)
  await expect(wals.list()).rejects.toBeInstanceOf(FencedError)
  driver.close()
})
