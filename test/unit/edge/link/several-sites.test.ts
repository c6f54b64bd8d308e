/** The life of a link when the cores are of several sites: where it begins, where it goes when a site is lost, and when it comes back. */
import { describe, expect, test } from 'vitest'
import type { Limits } from '../../../../core/contract/limits.ts'
import { encodeHello, LINK_VERSION } from '../../../../core/contract/link/hello.ts'
import { key } from '../../core/rig.ts'
import { FakeCore, message, World } from './rig.ts'

const SITES = ['eu', 'us', 'ap'] as const

/** One core per site, named like it. */
function several(prefer: string, limits: Partial<Limits> = {}): { world: World; core: Record<string, FakeCore> } {
  const world = new World({ siteProbeMs: 1_000, siteFailbackMs: 5_000, ...limits })
  world.prefer = prefer
  const core = Object.fromEntries(SITES.map(site => [site, new FakeCore(world, site, 'secret', site)]))
  for (const [i, site] of SITES.entries()) world.distances.set(`ws://${site}`, 10 + 40 * i)
  return { world, core }
}
const URLS = SITES.map(site => `ws://${site}`)
const linkedTo = (world: World): string | undefined => world.link.sites.find(one => one.linked)?.site

describe('at the beginning', () => {
  test('the nearest', () => {
    const { world } = several('')
    world.distances.set('ws://us', 1)
    world.start(...URLS)
    world.pass(500)
    expect(linkedTo(world)).toBe('us')
    expect(world.link.state).toBe("Linked to core 'us' of site 'us'")
    expect(world.events.map(e => e.is)).toEqual(['linked'])
  })

  test('the preferred one as soon as it has answered, whatever the others do', () => {
    const { world } = several('eu')
    world.hang('ws://us')
    world.start(...URLS)
    world.pass(250)
    expect(linkedTo(world)).toBe('eu')
  })

  test('one that hangs is not waited for long', () => {
    const { world } = several('')
    world.hang('ws://eu')
    world.start(...URLS)
    world.pass(750)
    expect(linkedTo(world)).toBeUndefined()
    world.pass(500)
    expect(linkedTo(world)).toBe('us')
  })

  test('a preferred one that is not there is waited for a little: regions may start together', () => {
    const { world, core } = several('eu')
    world.die('ws://eu')
    world.start(...URLS)
    world.pass(2000)
    expect(linkedTo(world)).toBeUndefined()
    core.eu!.listen(world)
    world.pass(1500)
    expect(linkedTo(world)).toBe('eu')
    expect(world.stats.switches).toBe(0)
  })

  test('but not for ever', () => {
    const { world } = several('eu')
    world.die('ws://eu')
    world.start(...URLS)
    world.pass(5000)
    expect(linkedTo(world)).toBe('us')
  })
})

test('a preferred site that no core is of is a warning, once', () => {
  const { world } = several('eü')
  world.start(...URLS)
  world.pass(20_000)
  expect(linkedTo(world)).toBe('eu')
  const told = { is: 'site-missing', site: 'eü', sites: ['eu', 'us', 'ap'] }
  expect(world.events.filter(e => e.is === 'site-missing')).toEqual([told])
})

describe('a site is lost', () => {
  test('its core refuses connections: the next site is there at once, and the edge begins anew', () => {
    const { world, core } = several('eu')
    world.start(...URLS)
    world.pass(500)
    world.told.length = 0
    world.die('ws://eu')
    world.pass(500)
    expect(linkedTo(world)).toBe('us')
    expect(world.told).toEqual(['congested true', 'begin anew', 'congested false'])
    expect([world.stats.switches, world.stats.nowLinks, core.us!.ports.length]).toEqual([1, 1, 1])
    world.link.publish(message(1))
    world.settle()
    expect(core.us!.published).toEqual([1])
  })

  test('it falls silent: after three heartbeats and a second the next site is there', () => {
    const { world } = several('eu')
    world.start(...URLS)
    world.pass(500)
    world.hang('ws://eu')
    world.pass(2000)
    expect(linkedTo(world)).toBe('eu')
    world.pass(2500)
    expect(linkedTo(world)).toBe('us')
    expect(world.stats.silent).toBe(1)
  })

  test('a connection that only breaks is resumed', () => {
    const { world } = several('eu')
    world.start(...URLS)
    world.pass(500)
    world.told.length = 0
    world.cut()
    world.pass(500)
    expect(linkedTo(world)).toBe('eu')
    expect(world.told).toEqual(['congested true', 'congested false'])
    expect([world.stats.resumed, world.stats.switches]).toEqual([1, 0])
  })

  test('a standby that says that it will be active is waited for, as long as devices are', () => {
    const world = new World({ siteProbeMs: 1_000 })
    world.prefer = 'eu'
    new FakeCore(world, 'eu1', 'secret', 'eu')
    const second = new FakeCore(world, 'eu2', 'secret', 'eu')
    second.standby = 'Core eu1 is active'
    new FakeCore(world, 'us', 'secret', 'us')
    world.start('ws://eu1', 'ws://eu2', 'ws://us')
    world.pass(1500)
    world.die('ws://eu1')
    world.pass(6000)
    expect(linkedTo(world)).toBeUndefined()
    expect(world.link.state).toContain('Core eu1 is active')
    second.standby = undefined
    world.pass(1500)
    expect(linkedTo(world)).toBe('eu')
    second.standby = 'Redis does not answer'
    second.server.close()
    world.die('ws://eu2')
    second.listen(world)
    world.pass(12_000)
    expect(linkedTo(world)).toBe('us')
  })

  test('the last of all: it is asked again and again, and the first that comes is taken', () => {
    const { world, core } = several('eu')
    world.start(...URLS)
    world.pass(500)
    for (const url of URLS) world.die(url)
    world.pass(20_000)
    expect(world.link.linked).toBe(false)
    expect(world.link.state).toMatch(/No core is linked: ws:\/\/\w+: Core died|Connection refused/)
    core.ap!.listen(world)
    world.pass(3_000)
    expect(linkedTo(world)).toBe('ap')
  })
})

describe('a better site is there again', () => {
  test('it must have been so for a while; then the core in use hears good-bye, and the link moves', () => {
    const { world, core } = several('eu')
    world.start(...URLS)
    world.pass(500)
    world.die('ws://eu')
    world.pass(500)
    core.eu!.listen(world)
    world.pass(4500)
    expect(linkedTo(world)).toBe('us')
    world.told.length = 0
    world.pass(3000)
    expect(linkedTo(world)).toBe('eu')
    expect(core.us!.events.at(-1)).toEqual({ is: 'edge-left', edge: 'e1' })
    expect(world.told.filter(one => one === 'begin anew')).toEqual(['begin anew'])
    expect(world.events).toContainEqual({ is: 'site-move', from: 'us', to: 'eu', url: 'ws://eu' })
    expect(world.stats).toMatchObject({ switches: 2, nowLinks: 1 })
    world.pass(20_000)
    expect(world.stats.switches, 'it stays').toBe(2)
  })

  test('one that comes and goes is left alone', () => {
    const { world, core } = several('eu')
    world.start(...URLS)
    world.pass(500)
    for (let i = 0; i < 8; i++) {
      world.die('ws://eu')
      world.pass(2000)
      core.eu!.listen(world)
      world.pass(3000)
    }
    expect([linkedTo(world), world.stats.switches]).toEqual(['us', 1])
  })

  test('without preference: only one that is much nearer', () => {
    const { world } = several('')
    world.start(...URLS)
    world.pass(500)
    world.distances.set('ws://us', 8)
    world.pass(60_000)
    expect(linkedTo(world)).toBe('eu')
    world.distances.set('ws://eu', 200)
    world.pass(30_000)
    expect(linkedTo(world)).toBe('us')
    expect(world.stats.switches).toBe(1)
  })

  test('a core that says good-bye and hangs does not hold the link', () => {
    const { world, core } = several('eu')
    world.start(...URLS)
    world.pass(500)
    world.die('ws://eu')
    world.pass(500)
    core.eu!.listen(world)
    world.pass(5250)
    expect(linkedTo(world)).toBe('us')
    world.hang('ws://us')
    world.pass(3500)
    expect(linkedTo(world)).toBe('eu')
  })
})

describe('devices are sent away before the link goes', () => {
  function leaving(): { world: World; core: Record<string, FakeCore>; told: string[]; gone: () => void } {
    const { world, core } = several('eu')
    const told: string[] = []
    let gone = (): void => {}
    world.departure = {
      begin: done => {
        told.push('begin')
        gone = done
      },
      end: () => told.push('end'),
    }
    core.eu!.standby = 'Redis does not answer'
    world.limits.linkLostMs = 1000
    world.start(...URLS)
    world.pass(3000)
    core.eu!.standby = undefined
    world.pass(7500)
    return { world, core, told, gone: () => gone() }
  }

  test('what they said last is heard by the core that is left', () => {
    const { world, core, told, gone } = leaving()
    expect([told, linkedTo(world), world.link.moving]).toEqual([['begin'], 'us', true])
    world.pass(20_000)
    expect([told, linkedTo(world)]).toEqual([['begin'], 'us'])
    world.link.release(key('a'), 1, { will: false, expirySec: 9, outbound: { inflight: [], queue: [] } })
    gone()
    world.pass(500)
    expect([told, linkedTo(world), world.link.moving]).toEqual([['begin', 'end'], 'eu', false])
    expect([core.us!.released, core.us!.events.at(-1)?.is]).toEqual([[key('a')], 'edge-left'])
    gone()
    world.pass(5_000)
    expect([told, linkedTo(world)]).toEqual([['begin', 'end'], 'eu'])
  })

  test('the better site goes again: it stays where it is', () => {
    const { world, core, told, gone } = leaving()
    core.eu!.standby = 'Redis does not answer'
    world.pass(2000)
    expect([told, linkedTo(world), world.link.moving]).toEqual([['begin', 'end'], 'us', false])
    gone()
    world.pass(1000)
    expect(linkedTo(world)).toBe('us')
    expect(world.told).not.toContain('begin anew')
    core.eu!.standby = undefined
    world.pass(7000)
    expect(told).toEqual(['begin', 'end', 'begin'])
  })

  test('the link breaks meanwhile: it is resumed, and the move begins again', () => {
    const { world, told } = leaving()
    world.cut()
    world.pass(500)
    expect([told, linkedTo(world), world.stats.resumed]).toEqual([['begin', 'end', 'begin'], 'us', 1])
  })
})

describe('a core of another version', () => {
  test('is refused with a clear error while the rest goes on', () => {
    const { world } = several('eu')
    const detail = 'Link version 2 is not spoken, only 1'
    world.network.listeners.set('ws://us', transport => ({
      message: () => {
        transport.send(encodeHello({ is: 'refused', version: 1, why: 'version', site: '', detail }))
        transport.close(1008, 'version')
      },
      closed: () => {},
    }))
    world.start(...URLS)
    world.pass(3000)
    expect(linkedTo(world)).toBe('eu')
    const told = { is: 'core-unfit', url: 'ws://us', detail: `Refused (version): ${detail}` }
    expect(world.events.filter(e => e.is === 'core-unfit')).toEqual([told])
    world.die('ws://eu')
    world.pass(1000)
    expect(linkedTo(world)).toBe('ap')
  })

  test('also one that welcomes', () => {
    const { world } = several('us')
    world.network.listeners.set('ws://us', transport => ({
      message: () => transport.send(new TextEncoder().encode('{"is":"welcome","version":1}')),
      closed: () => {},
    }))
    world.start(...URLS)
    world.pass(5000)
    expect(linkedTo(world)).toBe('eu')
    expect(world.events).toContainEqual(
      expect.objectContaining({ detail: `Core speaks version 1 of the link, not ${LINK_VERSION}`, url: 'ws://us' }),
    )
  })
})

test('a core with no room is left out', () => {
  const { world, core } = several('')
  world.start(...URLS)
  world.pass(500)
  world.limits.maxLinks = 1
  const events = core.us!.server.accept({ send: () => {}, close: () => {}, bufferedBytes: 0 }, 'x')
  const hello = { is: 'hello', version: LINK_VERSION, edge: 'x', region: '', incarnation: 'x', session: '1' } as const
  events.message(encodeHello({ ...hello, token: 'secret', received: 0, probe: false, site: '', to: '', term: 0 }))
  world.die('ws://eu')
  world.pass(750)
  expect([linkedTo(world), core.us!.stats.refused, core.us!.stats.nowLinks]).toEqual(['ap', 0, 1])
  const detail = 'Refused (full): All 1 links are taken'
  expect(world.events).toContainEqual({ is: 'core-unfit', url: 'ws://us', detail })
})

test('what is asked of cores beside is no link: nothing is attached, and nothing is left open', () => {
  const { world, core } = several('eu')
  world.start(...URLS)
  world.pass(30_000)
  expect([core.us!.ports, core.us!.events, core.us!.stats.opened]).toEqual([[], [], 0])
  expect(world.network.wires.size).toBe(1)
})
