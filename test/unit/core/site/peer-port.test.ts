/** What another site is to this core, as a client: who may be it, when it gets messages live, and what it may fetch. */
import { describe, expect, test } from 'vitest'
import type { TopicFilter } from '../../../../core/contract/ids.ts'
import { DEFAULT_LIMITS } from '../../../../core/contract/limits.ts'
import { encodeHello, type Hello, LINK_VERSION } from '../../../../core/contract/link/hello.ts'
import { LinkStats } from '../../../../core/contract/link/stats.ts'
import type { LinkSocketEvents } from '../../../../core/contract/link/transport.ts'
import type { EdgePort, Handed } from '../../../../core/contract/link.ts'
import type { Message } from '../../../../core/contract/message.ts'
import { EXPIRY_NEVER } from '../../../../core/contract/session.ts'
import { LinkServer } from '../../../../core/link/server/link-server.ts'
import { MemoryLog } from '../../../../core/log/memory.ts'
import { FakeEdge, key, NOTHING, Rig, type RigOptions, sub, text } from '../rig.ts'

/** Another site: it holds what it is handed until it answers. */
class Site extends FakeEdge implements EdgePort {
  readonly site: string
  readonly handed: Handed[] = []
  readonly only: boolean[] = []
  #count = 0

  constructor(rig: Rig, site: string) {
    super(rig)
    this.site = site
  }

  override deliver(message: Message, groups: readonly TopicFilter[] | undefined, only: boolean): boolean {
    super.deliver(message, groups, only)
    this.only.push(only)
    if (message.qos > 0) this.handed.push({ n: ++this.#count, message, groups, only })
    return message.qos > 0
  }

  get handedOut(): number {
    return this.#count
  }

  unanswered(): Iterable<Handed> {
    return this.handed
  }
}

const start = (options: RigOptions = {}) => {
  const rig = new Rig({ log: new MemoryLog({ keep: true }), ...options })
  return { rig, edge: new FakeEdge(rig), us: new Site(rig, 'us') }
}
const claim = (site: Site) => site.connect(`$site/${site.site}`, { expirySec: EXPIRY_NEVER })

describe('the session of a site', () => {
  test('is for that site alone', () => {
    const { edge, us } = start()
    for (const [who, id] of [
      [edge, '$site/us'],
      [us, '$site/ap'],
    ] as const)
      expect(who.claim(id)).toMatchObject({ ok: false, detail: `Client id of ':${id}' is kept for sites` })
    expect(claim(us).present).toBe(false)
  })

  test('gets nothing live until it has read what waited, so that order holds; QoS 0 comes all the same', () => {
    const { rig, edge, us } = start()
    const { epoch } = claim(us)
    us.subscribe('$site/us', epoch, sub('t', { qos: 2 }))
    us.release('$site/us', epoch, { expirySec: EXPIRY_NEVER })
    for (const payload of ['1', '2', '3']) edge.publish('t', payload)
    rig.settle()
    const again = claim(us)
    expect(again.state.queued).toBe(true)
    edge.publish('t', '4')
    edge.publish('t', 'at once', { qos: 0 })
    rig.settle()
    expect(us.texts).toEqual(['at once'])
    expect(us.drain('$site/us', again.epoch, 2)).toMatchObject({ end: false })
    edge.publish('t', '5')
    rig.settle()
    const rest = us.drain('$site/us', again.epoch, 10)!
    expect([rest.messages.map(text), rest.end]).toEqual([['3', '4', '5'], true])
    edge.publish('t', '6')
    rig.settle()
    expect(us.texts).toEqual(['at once', '6'])
  })

  test('gets every retained message, matched or not, but none of the gateway itself', () => {
    const { rig, edge, us } = start()
    const { epoch } = claim(us)
    edge.publish('t', 'live', { retain: true })
    edge.publish('$SYS/x', 'own', { retain: true })
    rig.settle()
    expect(us.texts).toEqual(['live'])
    expect(edge.receipts).toEqual([
      ['live', false],
      ['own', false],
    ])
    us.handed.length = 0
    us.release('$site/us', epoch, { expirySec: EXPIRY_NEVER })
    edge.publish('t', 'away', { retain: true })
    edge.publish('t', 'away too', { retain: true, qos: 0 })
    rig.settle()
    expect(us.drain('$site/us', claim(us).epoch)?.messages.map(text)).toEqual(['away', 'away too'])
  })

  test('gets everything that its link had not answered when it is lost, a group’s copy by itself', () => {
    const { rig, edge, us } = start()
    const { epoch } = claim(us)
    us.subscribe('$site/us', epoch, sub('t', { qos: 2 }), sub('$share/g/t', { qos: 2 }))
    edge.publish('t', 'x', { qos: 2 })
    rig.settle()
    expect(us.groups).toEqual([['$share/g/t']])
    rig.core.detach(us)
    rig.settle()
    const back = new Site(rig, 'us')
    const page = back.drain('$site/us', claim(back).epoch)
    expect(page?.messages.map(m => [text(m), m.relayed])).toEqual([
      ['x', undefined],
      ['x', { groups: ['$share/g/t'], only: true }],
    ])
  })

  test('is the last to get a group’s copy while it is away, and not the first while it is there', () => {
    const { rig, edge, us } = start()
    const { epoch } = claim(us)
    const group = sub('$share/g/t', { qos: 2 })
    us.subscribe('$site/us', epoch, group)
    const near = edge.connect('near')
    edge.subscribe('near', near.epoch, group)
    edge.publish('t', 'near')
    rig.settle()
    expect([edge.texts, us.texts]).toEqual([['near'], []])
    edge.release('near', near.epoch)
    edge.publish('t', 'far')
    rig.settle()
    expect(us.texts).toEqual(['far'])
    us.release('$site/us', epoch, { expirySec: EXPIRY_NEVER })
    edge.publish('t', 'waits near')
    rig.settle()
    expect(edge.drain('near', edge.connect('near').epoch)?.messages.map(text)).toEqual(['waits near'])
  })
})

describe('a session that another site fetches', () => {
  test('stays with its inbox, where all that comes for it is read from, and ends when it is there', () => {
    const { rig, edge, us } = start()
    const { epoch } = edge.connect('device')
    edge.subscribe('device', epoch, sub('t'))
    const { epoch: fetched } = us.connect('device', { expirySec: EXPIRY_NEVER })
    expect(edge.kicked).toEqual([[key('device'), epoch, 0x8e]])
    edge.publish('t', '1')
    edge.publish('t', '2')
    rig.settle()
    expect(us.texts).toEqual([])
    expect(us.drain('device', fetched)?.messages.map(text)).toEqual(['1', '2'])
    edge.publish('t', '3')
    rig.settle()
    expect(us.drain('device', fetched)).toMatchObject({ end: true })
    us.release('device', fetched, { expirySec: 0 })
    expect(rig.stats.nowInboxMessages).toBe(0)
    expect(edge.connect('device').present).toBe(false)
  })

  test('is as it was when it is given back', () => {
    const { rig, edge, us } = start()
    edge.subscribe('device', edge.connect('device').epoch, sub('t'))
    const { epoch, state } = us.connect('device', { expirySec: EXPIRY_NEVER })
    edge.publish('t', '1')
    rig.settle()
    us.drain('device', epoch)
    us.release('device', epoch, { expirySec: EXPIRY_NEVER, outbound: { ...NOTHING, inflight: state.inflight } })
    edge.publish('t', '2')
    rig.settle()
    expect(edge.drain('device', edge.connect('device').epoch)?.messages.map(text)).toEqual(['1', '2'])
  })

  test('keeps nothing twice when its site is lost meanwhile', () => {
    const { rig, edge, us } = start()
    us.subscribe('$site/us', claim(us).epoch, sub('t'))
    edge.subscribe('device', edge.connect('device').epoch, sub('t'))
    us.connect('device', { expirySec: EXPIRY_NEVER })
    edge.publish('t', '1')
    rig.settle()
    expect(us.texts).toEqual(['1'])
    rig.core.detach(us)
    rig.settle()
    expect(edge.drain('device', edge.connect('device').epoch)?.messages.map(text)).toEqual(['1'])
  })
})

describe('HELLO of a peer', () => {
  const hello = (more: Partial<Hello>): Hello => ({
    is: 'hello',
    version: LINK_VERSION,
    edge: 'c9',
    region: '',
    incarnation: 'x',
    session: '1',
    token: '',
    received: 0,
    probe: false,
    site: 'us',
    to: 'eu',
    term: 0,
    ...more,
  })

  const open = () => {
    const { rig } = start()
    const lost: string[] = []
    const ends: LinkSocketEvents[] = []
    const server = new LinkServer({
      id: 'c1',
      site: 'eu',
      incarnation: 'core' as never,
      token: '',
      core: () => rig.core,
      limits: DEFAULT_LIMITS,
      stats: new LinkStats(),
      now: () => rig.now,
      atTurnEnd: () => {},
      events: event => {
        if (event.is === 'edge-lost') lost.push(event.detail)
      },
    })
    const link = (more: Partial<Hello>): Record<string, unknown> => {
      const said: Uint8Array[] = []
      const transport = { send: (bytes: Uint8Array) => said.push(bytes), close: () => {}, bufferedBytes: 0 }
      const end = server.accept(transport, 'wire')
      ends.push(end)
      end.message(encodeHello(hello(more)))
      return JSON.parse(new TextDecoder().decode(said[0]))
    }
    return { link, lost, server, rig, ends }
  }

  test('of the same site, or meant for another one, is refused', () => {
    const { link, server } = open()
    expect(link({ site: 'eu' })).toMatchObject({
      is: 'refused',
      why: 'site',
      detail: "Core 'c9' is of site 'eu' as this one is, and no peer of it",
    })
    expect(link({ to: 'ap' })).toMatchObject({
      is: 'refused',
      why: 'site',
      detail: "Core 'c9' of site 'us' looks for site 'ap', but this is 'eu'",
    })
    expect(server.edges).toEqual([])
  })

  test('of another core of that site ends the link of the one before', () => {
    const { link, lost, server } = open()
    expect(link({})).toMatchObject({ is: 'welcome', site: 'eu' })
    link({ edge: 'e1', incarnation: 'edge', site: '', to: '' })
    expect(link({ edge: 'c8', incarnation: 'y' })).toMatchObject({ is: 'welcome' })
    expect(lost).toEqual(["Another core of site 'us' has taken over"])
    expect(server.edges.map(({ id }) => id)).toEqual(['e1', 'c8'])
  })

  test('of a core of that site that was active before the one that is known is refused, until that one is known no more', () => {
    const { link, lost, server, rig, ends } = open()
    const older = { edge: 'c7', incarnation: 'older', term: 6 }
    expect(link({ incarnation: 'younger', term: 7 })).toMatchObject({ is: 'welcome' })
    const refused = {
      is: 'refused',
      why: 'site',
      detail: "Core 'c7' of site 'us' was active before core 'c9', which is known here",
    }
    expect(link(older)).toMatchObject(refused)
    expect(link({ ...older, probe: true })).toMatchObject(refused)
    expect(link({ ...older, site: 'ap' }), 'of another site').toMatchObject({ is: 'welcome' })
    expect(link({ incarnation: 'younger', session: '2', term: 7 }), 'the same again').toMatchObject({ is: 'welcome' })
    expect(link({ incarnation: 'untold' }), 'who does not say').toMatchObject({ is: 'welcome' })
    expect(link({ incarnation: 'youngest', term: 8 })).toMatchObject({ is: 'welcome' })
    expect(link({ incarnation: 'younger', session: '2', term: 7 })).toMatchObject({ is: 'refused' })
    expect(lost).toEqual(['It began anew', ...Array(2).fill("Another core of site 'us' has taken over")])
    for (const { closed } of ends) closed('Cut')
    expect(link(older)).toMatchObject({ is: 'refused' })
    server.tick(rig.now + DEFAULT_LIMITS.linkGraceMs)
    expect(link(older)).toMatchObject({ is: 'welcome' })
  })
})
