/** Clients that go from one site to another: their sessions, what waits in them and their wills go along, also when the site they come from is away. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { ClientKey } from '../../core/contract/ids.ts'
import { DEFAULT_LIMITS } from '../../core/contract/limits.ts'
import { EmbeddedInboxes } from '../../core/inbox/embedded/inboxes.node.ts'
import { LocalLink } from '../../core/link/local-link.ts'
import { MemoryDirectory } from '../../core/site/memory.ts'
import { Roamer, rest, roamer, textsOf } from './roamer.ts'
import { Sites, type SitesOptions } from './sites.ts'

const opened: Sites[] = []
const dirs: string[] = []

async function open(more: Partial<SitesOptions> = {}): Promise<Sites> {
  const sites = new Sites({ names: ['eu', 'us'], edges: 1, shared: true, ...more })
  opened.push(sites)
  await rest(sites)
  return sites
}

async function passes(sites: Sites, ms: number): Promise<void> {
  for (const until = sites.now + ms; sites.now < until; sites.pass(250)) await new Promise(done => setImmediate(done))
}

const onDisk = (): Pick<SitesOptions, 'dataDir'> => {
  const dir = mkdtempSync(join(tmpdir(), 'meridian-moves-'))
  dirs.push(dir)
  return { dataDir: name => join(dir, name) }
}

afterEach(() => {
  vi.restoreAllMocks()
  for (const sites of opened.splice(0)) sites.close()
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true })
})

describe('a client goes to another site', () => {
  test('its session is there, with what waited for it, in order', async () => {
    const sites = await open()
    const sub = await roamer(sites, 'sub', 'eu', 'a/+')
    const pub = await roamer(sites, 'pub', 'us')
    sub.disconnect()
    await rest(sites, pub)
    for (let i = 0; i < 5; i++) pub.publish('a/1', `${i}`, i % 2 === 0 ? 1 : 2)
    await rest(sites, pub)
    await sub.go('us')
    expect(sub.sessionPresent).toBe(true)
    pub.publish('a/1', '5', 2)
    await rest(sites, sub, pub)
    expect(textsOf(sub)).toEqual(['0', '1', '2', '3', '4', '5'])
    // Nothing of it is left where it was.
    expect(sites.at('eu').coreStats.nowSessions).toBe(1)
    expect(sites.at('us').core.peers!.exports.filters.has('a/+' as never)).toBe(true)
    expect(sites.at('eu').core.peers!.exports.filters.has('a/+' as never)).toBe(false)
  })

  test('while it is connected: the old connection ends, and nothing is lost or comes twice', async () => {
    const sites = await open()
    const sub = await roamer(sites, 'sub', 'eu', 'a/+')
    const pub = await roamer(sites, 'pub', 'eu')
    for (let i = 0; i < 10; i++) {
      pub.publish('a/1', `${i}`, 2)
      if (i === 4) sub.at = 'us'
      if (i === 4) sub.connect()
      await rest(sites, pub, sub)
    }
    expect(sub.sessionPresent).toBe(true)
    expect(textsOf(sub)).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
    expect(sites.at('eu').coreStats.nowOnline).toBe(2)
  })

  test('with clean start nothing goes along', async () => {
    const sites = await open()
    const sub = await roamer(sites, 'sub', 'eu', 'a/+')
    sub.disconnect()
    const pub = await roamer(sites, 'pub', 'eu')
    pub.publish('a/1', 'old', 1)
    await rest(sites, pub)
    await sub.go('us', { clean: true })
    expect(sub.sessionPresent).toBe(false)
    pub.publish('a/1', 'new', 1)
    await rest(sites, pub, sub)
    expect(textsOf(sub)).toEqual([])
    await sub.go('eu')
    expect(textsOf(sub)).toEqual([])
  })

  test('back and forth', async () => {
    const sites = await open({ names: ['eu', 'us', 'ap'] })
    const sub = await roamer(sites, 'sub', 'eu', 'a/+')
    const pub = await roamer(sites, 'pub', 'ap')
    const all: string[] = []
    for (let i = 0; i < 12; i++) {
      if (i % 3 === 1) sub.disconnect()
      pub.publish('a/1', `${i}`, 2)
      all.push(`${i}`)
      await rest(sites, pub, sub)
      await sub.go(['us', 'ap', 'eu'][i % 3]!)
      expect(sub.sessionPresent).toBe(true)
    }
    await rest(sites, pub, sub)
    expect(textsOf(sub)).toEqual(all)
  })
})

describe('the site it comes from is away', () => {
  test('its session goes on from the record; what was there comes when the site is back, once', async () => {
    const sites = await open(onDisk())
    const sub = await roamer(sites, 'sub', 'eu', 'a/+')
    const pub = await roamer(sites, 'pub', 'us')
    const local = await roamer(sites, 'local', 'eu')
    sub.disconnect()
    await rest(sites, pub, local)
    pub.publish('a/1', 'before', 2)
    await rest(sites, pub)
    sites.part('eu', 'us')
    // Waits at eu, which cannot be reached.
    local.publish('a/1', 'there', 2)
    await rest(sites, local)
    // Waits at us for the site.
    pub.publish('a/1', 'here', 2)
    await rest(sites, pub)
    await sub.go('us')
    expect(sub.sessionPresent).toBe(true)
    pub.publish('a/1', 'live', 2)
    await rest(sites, sub, pub)
    expect(textsOf(sub)).toEqual(['here', 'live'])
    sites.heal()
    await rest(sites, sub, pub, local)
    await rest(sites, sub, pub, local)
    expect([...textsOf(sub)].sort()).toEqual(['before', 'here', 'live', 'there'])
    local.publish('a/1', 'after', 2)
    await rest(sites, sub, pub, local)
    expect(textsOf(sub).filter(text => text === 'after')).toEqual(['after'])
    expect(sites.at('eu').coreStats.nowSessions).toBe(2)
  })

  test('what two clients wanted comes to both, if they go on at the same moment', async () => {
    const sites = await open(onDisk())
    const subs = await Promise.all(['sub1', 'sub2', 'sub3'].map(id => roamer(sites, id, 'eu', 'a/+')))
    const [pub, local] = [await roamer(sites, 'pub', 'us'), await roamer(sites, 'local', 'eu')]
    for (const sub of subs) sub.disconnect()
    await rest(sites, pub, local)
    sites.part('eu', 'us')
    local.publish('a/1', 'there', 1)
    pub.publish('a/1', 'here', 2)
    await rest(sites, pub, local)
    for (const sub of subs) {
      sub.at = 'us'
      sub.connect()
    }
    await rest(sites, ...subs)
    for (const sub of subs) expect(textsOf(sub)).toEqual(['here'])
    sites.heal()
    await rest(sites, ...subs, pub, local)
    await rest(sites, ...subs, pub, local)
    for (const sub of subs) expect(textsOf(sub)).toEqual(['here', 'there'])
  })

  test('its old connection there ends within two seconds, while the sites are still apart', async () => {
    const sites = await open(onDisk())
    const asked = vi.spyOn(MemoryDirectory.prototype, 'taken')
    const sub = await roamer(sites, 'sub', 'eu', 'a/+')
    const pub = await roamer(sites, 'pub', 'eu')
    await sub.go('us')
    await sub.go('eu')
    // Nobody is asked for what comes over the link.
    expect(asked).not.toHaveBeenCalled()
    sites.part('eu', 'us')
    await rest(sites, sub, pub)
    const old = sub.pipe
    sub.abandon()
    sub.at = 'us'
    sub.connect()
    expect(old.ended).toBe(false)
    await passes(sites, 2_000)
    expect(old.ended).toBe(true)
    expect(sub.sessionPresent).toBe(true)
    pub.publish('a/1', 'x', 2)
    await rest(sites, sub, pub)
    expect(textsOf(sub)).toEqual([])
    sites.heal()
    await rest(sites, sub, pub)
    await rest(sites, sub, pub)
    expect(textsOf(sub)).toEqual(['x'])
  })

  test('it goes back before it is answered there: the answer that comes late holds for two seconds at most', async () => {
    const sites = await open(onDisk())
    const here = await roamer(sites, 'sub', 'eu', 'a/+')
    const pubs = [await roamer(sites, 'pub', 'eu'), await roamer(sites, 'far', 'us')]
    sites.part('eu', 'us')
    await rest(sites, here, ...pubs)
    // What waits at us for eu is looked through.
    const real = EmbeddedInboxes.prototype.read
    const later: (() => void)[] = []
    const read = vi.spyOn(EmbeddedInboxes.prototype, 'read').mockImplementation(function (
      this: EmbeddedInboxes,
      ...args
    ) {
      later.push(() => real.apply(this, args))
    })
    const there = new Roamer(sites, 'sub', 'us')
    there.connect()
    await passes(sites, 1_500)
    expect(here.pipe.ended).toBe(true)
    read.mockRestore()
    await here.go('eu')
    await passes(sites, 1_500)
    for (const one of later) one()
    await passes(sites, 250)
    there.receive()
    expect(there.sessionPresent).toBe(true)
    expect(there.connected).toBe(true)
    await passes(sites, 2_000)
    expect(there.connected).toBe(false)
    for (const pub of pubs) pub.publish('a/1', pub.id, 2)
    await rest(sites, here, ...pubs)
    sites.heal()
    await rest(sites, here, ...pubs)
    await rest(sites, here, ...pubs)
    expect(here.connected).toBe(true)
    expect(textsOf(here)).toEqual(['pub', 'far'])
  })

  test('its old connection there ends when the site is back', async () => {
    const sites = await open()
    const sub = await roamer(sites, 'sub', 'eu', 'a/+')
    const pub = await roamer(sites, 'pub', 'us')
    sites.part('eu', 'us')
    await rest(sites, sub, pub)
    const old = sub.pipe
    sub.abandon()
    await sub.go('us')
    pub.publish('a/1', 'x', 2)
    await rest(sites, sub, pub)
    sites.heal()
    await rest(sites, sub, pub)
    expect(old.ended).toBe(true)
    expect(textsOf(sub)).toEqual(['x'])
    expect(sites.at('eu').coreStats.nowSessions).toBe(1)
  })
})

describe('a client that goes and comes back does not get what it published itself [MQTT-3.8.3-3]', () => {
  test.each([
    ['the other site is away', true],
    ['the other site cannot reach this one', false],
  ])('%s', async (_, isAway) => {
    const sites = await open(onDisk())
    const sub = await roamer(sites, 'sub', 'us')
    sub.subscribe('a/+', 2, { subscriptions: [{ topic: 'a/+', qos: 2, nl: true }] })
    sub.subscribe('b/+', 2)
    const pub = await roamer(sites, 'pub', 'us')
    await roamer(sites, 'other', 'eu', 'a/+')
    sites.bar('eu', 'us')
    if (isAway) sites.bar('us', 'eu')
    await rest(sites, sub, pub)
    // Waits at us for eu.
    sub.publish('a/1', 'own', 2)
    await rest(sites, sub, pub)
    await sub.go('eu')
    pub.publish('a/1', 'x', 2)
    await rest(sites, sub, pub)
    await sub.go('us')
    expect(sub.sessionPresent).toBe(true)
    await rest(sites, sub, pub)
    expect(textsOf(sub)).toEqual(['x'])
  })
})

describe('a CONNECT is answered', () => {
  test('in seconds, also if what was asked for does not come; the next one goes on with what was begun', async () => {
    const sites = await open(onDisk())
    const sub = await roamer(sites, 'sub', 'eu', 'a/+')
    sub.disconnect()
    await rest(sites)
    sites.part('eu', 'us')
    await rest(sites)
    // What waits for eu is looked through.
    const real = EmbeddedInboxes.prototype.read
    const later: (() => void)[] = []
    const began = sites.now
    const read = vi.spyOn(EmbeddedInboxes.prototype, 'read').mockImplementation(function (
      this: EmbeddedInboxes,
      ...args
    ) {
      later.push(() => real.apply(this, args))
    })
    await sub.go('us')
    // Before the edge gives it up.
    const late = began + DEFAULT_LIMITS.connectTimeoutMs - 500
    while (sites.now < late) sites.pass(250)
    sub.receive()
    expect(sub.log.at(-1)).toMatchObject({ cmd: 'connack', reasonCode: 0x88 })
    read.mockRestore()
    sub.at = 'us'
    sub.connect()
    for (const one of later) one()
    await rest(sites, sub)
    expect(sub.sessionPresent).toBe(true)
  })

  test('from the record, if the site that has the session is linked and does not give it', async () => {
    const sites = await open(onDisk())
    const sub = await roamer(sites, 'sub', 'eu', 'a/+')
    sub.disconnect()
    await rest(sites)
    const claim = LocalLink.prototype.claim
    const refusing = vi.spyOn(LocalLink.prototype, 'claim').mockImplementation(function (
      this: LocalLink,
      request,
      done,
    ) {
      if (!this.incarnation.startsWith('us-core')) return claim.call(this, request, done)
      setImmediate(() => done({ ok: false, why: 'unavailable', detail: 'The session store cannot be written' }))
    })
    await sub.go('us')
    expect(sub.sessionPresent).toBe(true)
    refusing.mockRestore()
    await rest(sites, sub)
    expect(sites.at('eu').coreStats.nowSessions).toBe(1)
  })
})

describe('what is left where it was', () => {
  test('a session that begins anew gets nothing of the one before, when the site that had it is back [MQTT-3.1.2-6]', async () => {
    const sites = await open(onDisk())
    const sub = await roamer(sites, 'sub', 'eu', 'a/+')
    const local = await roamer(sites, 'local', 'eu')
    sub.disconnect()
    await rest(sites, local)
    local.publish('a/1', 'before', 1)
    await rest(sites, local)
    sites.part('eu', 'us')
    await sub.go('us')
    await sub.go('us', { clean: true })
    expect(sub.sessionPresent).toBe(false)
    sites.heal()
    await rest(sites, sub, local)
    await rest(sites, sub, local)
    expect(textsOf(sub)).toEqual([])
    expect(sites.at('eu').coreStats.nowSessions).toBe(2)
    expect(sites.at('us').coreStats.nowSessionsOwed).toBe(0)
  })

  test('the same if it begins anew at once', async () => {
    const sites = await open(onDisk())
    const sub = await roamer(sites, 'sub', 'eu', 'a/+')
    const local = await roamer(sites, 'local', 'eu')
    sub.disconnect()
    local.publish('a/1', 'before', 1)
    await rest(sites, local)
    sites.part('eu', 'us')
    await sub.go('us', { clean: true })
    sites.heal()
    await rest(sites, sub, local)
    await rest(sites, sub, local)
    expect(textsOf(sub)).toEqual([])
    expect(sites.at('eu').coreStats.nowSessions).toBe(2)
  })

  test('ends when a link begins anew, if the site that it went to has all of it', async () => {
    const sites = await open(onDisk())
    const sub = await roamer(sites, 'sub', 'eu', 'a/+')
    sub.disconnect()
    await rest(sites)
    const client = ':sub' as ClientKey
    const us = new MemoryDirectory(sites.globe!, 'us')
    await new Promise<unknown>(done => us.claim(client, sites.now, done))
    sites.at('eu').crashCore()
    await rest(sites)
    // Nothing of it has gone over.
    expect(sites.at('eu').coreStats.nowSessions).toBe(2)
    us.settled(client, 'eu')
    sites.at('eu').crashCore()
    await rest(sites)
    expect(sites.at('eu').coreStats.nowSessions).toBe(1)
  })
})
