/** The lease of a site: one holder at a time, whatever stops, hangs or restarts. */
import { type ChildProcess, spawn } from 'node:child_process'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { Fence } from '../../../core/state/redis/fence.ts'
import { Keys } from '../../../core/state/redis/keys.ts'
import { Lease, type LeaseEvent } from '../../../core/state/redis/lease.ts'
import { DRIVERS, type DriverName, Servers } from './servers.ts'

const LIFE_MS = 1_200
const RENEW_MS = 200
const GRACE_MS = 800

vi.setConfig({ testTimeout: 30_000 })

let servers: Servers
let sites = 0
let site = ''
let ends: (() => unknown)[] = []
beforeAll(async () => {
  servers = await Servers.start()
})
afterAll(() => servers.stop())
beforeEach(() => {
  site = `s${++sites}`
})
afterEach(async () => {
  for (const end of ends) await end()
  ends = []
})

const sleep = (ms: number) => new Promise(done => setTimeout(done, ms))

async function candidate(holder: string, driverName: DriverName = 'tcp') {
  const driver = await servers.open(driverName, 300)
  const fence = new Fence({ driver, key: new Keys(site).lease })
  const events: LeaseEvent['is'][] = []
  const lost: string[] = []
  const lease = new Lease({
    fence,
    holder,
    now: Date.now,
    onLost: by => lost.push(by),
    onEvent: event => events.push(event.is),
    lifeMs: LIFE_MS,
    renewMs: RENEW_MS,
    graceMs: GRACE_MS,
  })
  ends.push(async () => {
    await lease.release().catch(() => {})
    driver.close()
  })
  const started = lease.start()
  return { driver, fence, lease, lost, events, started }
}

test.each(DRIVERS)('one holds it, the other stands by and follows as soon as it is released (%s)', async name => {
  const a = await candidate('a', name)
  await a.started
  const b = await candidate('b', name)
  await sleep(LIFE_MS * 2)
  expect([a.lease.held, b.lease.held, b.events]).toEqual([true, false, ['standby']])
  await a.lease.release()
  const from = Date.now()
  await b.started
  expect(Date.now() - from, 'sooner than it would be over').toBeLessThan(LIFE_MS)
  expect(b.fence.token).toBeGreaterThan(a.fence.token)
  expect([a.lease.held, a.lost]).toEqual([false, []])
})

test('of two that start together one gets it', async () => {
  const both = await Promise.all([candidate('a'), candidate('b')])
  await Promise.race(both.map(c => c.started))
  await sleep(LIFE_MS)
  expect(both.filter(c => c.lease.held).length).toBe(1)
})

test('a holder that is gone is followed when its lease is over', async () => {
  const a = await candidate('a')
  await a.started
  const b = await candidate('b')
  const from = Date.now()
  // Gone without a word.
  a.driver.close()
  await b.started
  expect(Date.now() - from).toBeGreaterThan(LIFE_MS / 2)
  expect(Date.now() - from).toBeLessThan(LIFE_MS * 3)
})

test('Redis away for longer than the lease: the holder goes on and has it again, no standby snatches it', async () => {
  const a = await candidate('a')
  await a.started
  const { token } = a.fence
  const standbys = [await candidate('b'), await candidate('c', 'rest')]
  await servers.redis.server.stop()
  await sleep(LIFE_MS * 2)
  expect([a.lease.held, a.lease.reachable, a.lease.mayBeStale(Date.now())]).toEqual([true, false, false])
  await servers.redis.server.start()
  await expect.poll(() => a.lease.reachable).toBe(true)
  await sleep(GRACE_MS + RENEW_MS * 10)
  expect([a.lease.held, a.lease.reachable, a.fence.token, a.lost]).toEqual([true, true, token, []])
  expect(standbys.map(s => s.lease.held)).toEqual([false, false])
  expect(a.events).toEqual(['unreachable', 'reachable'])
})

test('Redis standing still for longer than the lease: what a standby asked before takes nothing when it goes on', async () => {
  const a = await candidate('a')
  await a.started
  const { token } = a.fence
  const standbys = [await candidate('b'), await candidate('c', 'rest')]
  await sleep(GRACE_MS + RENEW_MS * 3)
  servers.redis.server.pause()
  await sleep(LIFE_MS * 2)
  servers.redis.server.resume()
  await sleep(GRACE_MS + RENEW_MS * 10)
  expect([a.lease.held, a.fence.token, a.lost]).toEqual([true, token, []])
  expect(standbys.map(s => s.lease.held)).toEqual([false, false])
})

test('a lease whose answer was lost is had again at once', async () => {
  const driver = await servers.open('tcp', 300)
  ends.push(() => driver.close())
  const { lease } = new Keys(site)
  const [, token] = (await driver.run('lease', [lease], ['take', 'a', LIFE_MS * 20, 0, '0', Date.now()])) as unknown[]
  const a = await candidate('a')
  await a.started
  expect(String(a.fence.token)).toBe(String(token))
})

test('Redis away and the holder gone meanwhile: a standby follows after the grace', async () => {
  const a = await candidate('a')
  await a.started
  const b = await candidate('b')
  await servers.redis.server.stop()
  a.driver.close()
  await sleep(LIFE_MS)
  await servers.redis.server.start()
  const from = Date.now()
  await b.started
  expect(Date.now() - from).toBeGreaterThan(GRACE_MS)
})

test('a Redis that comes back empty is given the lease of its holder', async () => {
  const a = await candidate('a')
  await a.started
  const { token } = a.fence
  await servers.look.del(a.fence.key)
  await expect.poll(() => servers.look.hmget(a.fence.key, 'holder', 'token')).toEqual(['a', String(token)])
  expect(a.driver.stats.rollbacks).toBe(1)
})

class Program {
  readonly child: ChildProcess
  words: string[] = []
  readonly ended: Promise<number | null>

  constructor(name: string) {
    const program = new URL('holder-program.ts', import.meta.url).pathname
    const words = [program, servers.redis.url, site, name, LIFE_MS, RENEW_MS, GRACE_MS].map(String)
    this.child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => this.words.push(...text.trim().split('\n')))
    this.ended = new Promise(done => this.child.once('exit', done))
    ends.push(() => this.child.kill('SIGKILL'))
  }

  async says(word: string): Promise<void> {
    await expect.poll(() => this.words, { timeout: 20_000 }).toContain(word)
  }
}

test('a holder that stood still does nothing before it has asked, and ends when another has the lease', async () => {
  const a = new Program('a')
  await a.says('held')
  const b = await candidate('b')
  a.child.kill('SIGSTOP')
  await b.started
  expect(a.words).toEqual(['held'])
  a.child.kill('SIGCONT')
  expect(await a.ended).toBe(3)
  expect(a.words.filter(word => word !== 'stale')).toEqual(['held', 'lost b'])
  expect(b.lease.held).toBe(true)
})

test('a holder that stood still asks and goes on if nobody else wanted the lease', async () => {
  const a = new Program('a')
  await a.says('held')
  a.child.kill('SIGSTOP')
  await sleep(LIFE_MS * 2)
  a.child.kill('SIGCONT')
  await a.says('stale')
  await sleep(RENEW_MS * 3)
  const { words } = a
  expect(words).not.toContain('worked after standing still')
  const count = words.length
  await sleep(RENEW_MS * 3)
  expect([a.words.length, a.child.exitCode]).toEqual([count, null])
})
