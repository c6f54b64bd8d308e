/** The life of an edge's link: which core it takes, what happens to calls while there is none, when it begins anew, and that nothing a core sends can harm the process. */
import { describe, expect, test } from 'vitest'
import type { Limits } from '../../../../core/contract/limits.ts'
import { encodeHello, LINK_VERSION } from '../../../../core/contract/link/hello.ts'
import type { ClaimReply } from '../../../../core/contract/link.ts'
import { key } from '../../core/rig.ts'
import { FakeCore, message, World } from './rig.ts'

describe('which core', () => {
  test('a standby refuses, the next is tried, and the reason can be read meanwhile', () => {
    const world = new World()
    const standby = new FakeCore(world, 'c1')
    standby.standby = 'Core c2 is active'
    world.start('ws://c1', 'ws://c2')
    expect(world.link.linked).toBe(false)
    expect(world.link.state).toMatch(/^No core is linked: ws:\/\/c[12]: /)
    new FakeCore(world, 'c2')
    world.pass(2000)
    expect([world.link.linked, world.link.state]).toEqual([true, "Linked to core 'c2' of site 'eu'"])
    expect([standby.events, standby.stats.refused], 'it was only asked').toEqual([[], 0])
    expect(world.events.at(-1)).toEqual({ is: 'linked', core: 'c2', site: 'eu', url: 'ws://c2', resumed: false })
  })

  test('one that has another token refuses', () => {
    const world = new World()
    const core = new FakeCore(world, 'c1', 'other')
    world.start('ws://c1')
    expect(world.link.linked).toBe(false)
    expect(core.events[0]).toMatchObject({ why: 'token' })
    expect(core.ports).toEqual([])
    expect(world.stats.refused).toBe(1)
  })

  test('is asked again and again, less and less often', () => {
    const world = new World()
    world.start('ws://nowhere')
    world.pass(30_000)
    const pauses = world.events.map(e => (e.is === 'link-failed' ? e.retryMs : -1))
    expect(pauses.slice(0, 6)).toEqual([100, 200, 400, 500, 500, 500])
  })
})

describe('a core that is known to be there', () => {
  const URLS = ['ws://c1', 'ws://c2']
  test.each([
    ['of one', URLS.slice(0, 1)],
    ['of several', URLS],
  ])('%s is dialled at once, in the middle of a pause', (_which, urls) => {
    const world = new World()
    world.start(...urls)
    world.pass(2000)
    new FakeCore(world, 'c1')
    world.settle()
    expect(world.link.linked).toBe(false)
    world.link.retry()
    world.settle()
    expect(world.link.linked).toBe(true)
    world.link.retry()
    world.settle()
    expect(world.events.filter(e => e.is === 'linked' || e.is === 'link-down')).toHaveLength(1)
  })

  test.each([
    ['one', URLS.slice(0, 1)],
    ['several', URLS],
  ])('a link to %s that hangs while it is made is made anew, unless it has just begun', (_which, urls) => {
    const world = new World()
    const cores = urls.map(url => new FakeCore(world, url.slice(-2)))
    world.hang(...urls)
    world.start(...urls)
    world.pass(1000)
    world.heal(...urls)
    world.link.retry()
    world.settle()
    expect(world.link.linked).toBe(false)
    world.pass(250)
    world.link.retry()
    world.settle()
    expect([world.link.linked, cores[0]!.ports.length]).toEqual([true, 1])
  })

  test('after a break what hangs is the core that was left: it goes on where it was', () => {
    const world = new World()
    const core = new FakeCore(world, 'c1')
    new FakeCore(world, 'c2').standby = 'Core c1 is active'
    world.start(...URLS)
    world.hang(...URLS)
    world.cut()
    world.pass(1250)
    world.heal(...URLS)
    world.link.retry()
    world.settle()
    expect([world.link.linked, core.events.at(-1)]).toMatchObject([true, { is: 'edge-linked', resumed: true }])
  })

  test('nothing is dialled once the link is closed', async () => {
    const world = new World()
    const core = new FakeCore(world, 'c1')
    world.start('ws://c1')
    const closed = world.link.close()
    world.settle()
    await closed
    world.link.retry()
    world.settle()
    expect(core.events.filter(e => e.is === 'edge-linked')).toHaveLength(1)
  })
})

describe('while there is no core', () => {
  test('claims are refused as unavailable, later and not within the call; everything else has no effect', () => {
    const world = new World()
    world.start('ws://nowhere')
    let reply: ClaimReply | undefined
    world.link.claim({ client: key('a'), cleanStart: false, expirySec: 0, will: undefined }, r => {
      reply = r
    })
    expect(reply).toBeUndefined()
    world.settle()
    expect(reply).toMatchObject({ ok: false, why: 'unavailable' })
    expect(world.link.congested).toBe(true)
    world.link.publish(message(1))
    world.link.release(key('a'), 1, { will: true, expirySec: 0, outbound: { inflight: [], queue: [] } })
    new FakeCore(world, 'nowhere')
    world.pass(3000)
    expect([world.link.linked, world.link.congested, world.cores[0]!.published]).toEqual([true, false, []])
  })
})

describe('a link that breaks', () => {
  const linked = (limits: Partial<Limits> = {}): { world: World; core: FakeCore } => {
    const world = new World(limits)
    const core = new FakeCore(world, 'c1')
    world.start('ws://c1')
    world.told.length = 0
    return { world, core }
  }

  test('resumes: nothing is lost or doubled, publishers wait meanwhile', () => {
    const { world, core } = linked()
    world.network.down = true
    world.cut()
    expect(world.told).toEqual(['congested true'])
    for (let n = 1; n <= 3; n++) world.link.publish(message(n))
    core.ports[0]!.deliver(message(1, 2), undefined, false)
    world.settle()
    world.network.down = false
    world.pass(500)
    expect(world.told).toEqual(['congested true', 'congested false'])
    for (const n of [1, 2, 3]) core.ports[0]!.receipt(message(n), n !== 2)
    world.settle()
    expect(core.published).toEqual([1, 2, 3])
    expect(world.got.map(m => [m.seq, m.ref])).toEqual([[1, 1]])
    expect(world.told.slice(2)).toEqual(['receipt 1 true', 'receipt 2 false', 'receipt 3 true'])
    expect([world.stats.resumed, world.stats.lost, core.stats.lost]).toEqual([1, 0, 0])
  })

  test('devices get nothing more before the core may have given their sessions away', () => {
    const { world, core } = linked()
    world.network.down = true
    world.cut()
    world.pass(1000)
    expect(world.told).toEqual(['congested true', 'suspend true'])
    expect(core.gone).toEqual([])
    world.pass(1000)
    expect(core.gone).toEqual(core.ports)
    world.network.down = false
    world.pass(3000)
    expect(world.link.linked).toBe(true)
    expect(world.told).toEqual(['congested true', 'suspend true', 'begin anew', 'suspend false', 'congested false'])
    expect(core.ports.length).toBe(2)
  })

  test('the edge begins anew when it has had no core for too long', () => {
    const { world } = linked()
    world.network.down = true
    world.cut()
    world.pass(9500)
    expect(world.told).not.toContain('begin anew')
    world.pass(500)
    expect(world.told).toContain('begin anew')
  })

  test('another core means to begin anew; what was asked of the first is not answered', () => {
    const { world } = linked()
    let answered = false
    world.link.claim({ client: key('a'), cleanStart: false, expirySec: 0, will: undefined }, () => {
      answered = true
    })
    world.settle()
    world.network.listeners.delete('ws://c1')
    const other = new FakeCore(world, 'c2')
    world.network.listeners.set('ws://c1', transport => other.server.accept(transport, 'wire'))
    world.cut()
    world.pass(500)
    expect([world.link.linked, answered]).toEqual([true, false])
    expect(world.told).toContain('begin anew')
    world.pass(1000)
    expect(world.stats.nowUnanswered).toBe(0)
  })

  test('silence is noticed at both ends', () => {
    const { world, core } = linked()
    for (const wire of world.network.wires) wire.silent = true
    world.pass(3250)
    expect([world.stats.silent, core.stats.silent]).toEqual([1, 1])
    expect(world.link.linked, 'it is linked anew at once').toBe(true)
    expect(world.stats.resumed).toBe(1)
  })

  test('a claim that is granted to an edge that is gone is given back', () => {
    const { world, core } = linked()
    world.link.claim({ client: key('a'), cleanStart: false, expirySec: 0, will: undefined }, () => {})
    world.settle()
    world.network.down = true
    world.cut()
    world.pass(2500)
    core.claims[0]!({
      ok: true,
      epoch: 5,
      present: false,
      state: { subscriptions: [], inflight: [], received: [], queued: false },
    })
    expect(core.released).toEqual([':a'])
  })
})

describe('bounds', () => {
  test('publishers wait while too much is not acknowledged', () => {
    const world = new World({ linkUnackedBytes: 65_536 })
    const core = new FakeCore(world, 'c1')
    world.start('ws://c1')
    for (const wire of world.network.wires) wire.silent = true
    for (let n = 1; n <= 8; n++) world.link.publish(message(n, 0, 10_000))
    world.settle()
    expect(world.link.congested).toBe(true)
    expect(world.stats.nowUnackedBytes).toBeGreaterThan(80_000)
    world.pass(4000)
    expect([world.link.congested, core.published.length]).toEqual([false, 8])
  })

  test('for an edge that does not keep up QoS 0 is dropped, all publishers wait, and in the end it is given up', () => {
    const world = new World({ linkUnackedBytes: 65_536, linkHeartbeatMs: 60_000 })
    const core = new FakeCore(world, 'c1')
    world.start('ws://c1')
    for (const wire of world.network.wires) wire.silent = true
    const port = core.ports[0]!
    for (let n = 1; n <= 5; n++) port.deliver(message(n, 0, 10_000), undefined, false)
    expect(core.stats.droppedQos0).toBe(1)
    for (let n = 6; n <= 9; n++) expect(port.deliver(message(n, 1, 10_000), undefined, false)).toBe(true)
    world.settle()
    expect(core.stats.nowUnanswered).toBe(4)
    world.pass(4500)
    expect(core.gone).toEqual([])
    world.pass(1000)
    expect(core.gone).toEqual([port])
    expect(core.stats).toMatchObject({ stalled: 1, nowUnanswered: 0, nowUnackedBytes: 0 })
    expect(port.deliver(message(10), undefined, false), 'it is gone').toBe(false)
  })

  test('a connection that says nothing is closed', () => {
    const world = new World({ connectTimeoutMs: 1000 })
    const core = new FakeCore(world, 'c1')
    world.start('ws://c1')
    let closed = false
    core.server.accept({ send: () => {}, close: () => (closed = true), bufferedBytes: 0 }, 'stranger')
    world.pass(1500)
    expect(closed).toBe(true)
  })
})

describe('what nobody should send', () => {
  test('damaged bytes from an edge close its link and give the edge up', () => {
    const world = new World()
    const core = new FakeCore(world, 'c1')
    let closed = ''
    const transport = { send: () => {}, close: (_: number, reason: string) => (closed ||= reason), bufferedBytes: 0 }
    const events = core.server.accept(transport, 'x')
    const hello = {
      is: 'hello',
      version: LINK_VERSION,
      edge: 'x',
      region: '',
      incarnation: 'x',
      session: '1',
      token: 'secret',
      received: 0,
      probe: false,
      site: '',
      to: '',
      term: 0,
    } as const
    events.message(encodeHello(hello))
    expect(core.ports.length).toBe(1)
    events.message(Uint8Array.of(2, 0, 99))
    expect(closed).toBe('Record of unknown kind 99 from an edge')
    expect(core.gone.length).toBe(1)
    events.message(Uint8Array.of(4, 0, 99))
    expect(core.stats.damaged).toBe(1)
  })

  test('damaged bytes from a core make the edge begin anew', () => {
    const world = new World()
    const core = new FakeCore(world, 'c1')
    world.start('ws://c1')
    for (const wire of world.network.wires) wire.edge.coming.push(Uint8Array.of(2, 0, 77))
    world.settle()
    world.pass(500)
    expect(world.told).toContain('begin anew')
    expect(world.stats.damaged).toBe(1)
    expect([world.link.linked, core.ports.length]).toEqual([true, 2])
  })

  test('first words that make no sense are refused', () => {
    const world = new World()
    const core = new FakeCore(world, 'c1')
    const sent: Uint8Array[] = []
    const events = core.server.accept({ send: bytes => sent.push(bytes), close: () => {}, bufferedBytes: 0 }, 'x')
    events.message(new TextEncoder().encode('GET / HTTP/1.1'))
    expect(new TextDecoder().decode(sent[0])).toContain('malformed')
    expect(core.events).toMatchObject([{ is: 'edge-refused', why: 'malformed' }])
  })
})

describe('good-bye', () => {
  test('an edge that goes is detached at once, without grace, and waits until the core has heard it all', async () => {
    const world = new World()
    const core = new FakeCore(world, 'c1')
    world.start('ws://c1')
    world.link.publish(message(1))
    const closing = world.link.close()
    world.settle()
    await closing
    expect([core.published, core.gone, core.stats.lost]).toEqual([[1], core.ports, 0])
    expect(core.events.at(-1)).toEqual({ is: 'edge-left', edge: 'e1' })
  })

  test('a core that goes tells its edges, which look for another', () => {
    const world = new World()
    const core = new FakeCore(world, 'c1')
    world.start('ws://c1', 'ws://c2')
    new FakeCore(world, 'c2')
    core.server.close()
    world.network.listeners.delete('ws://c1')
    world.settle()
    world.pass(1000)
    expect(world.link.state).toBe("Linked to core 'c2' of site 'eu'")
  })
})
