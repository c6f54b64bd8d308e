/** What edge and core may rely on, whatever kind of link is between them. */
import { afterEach, describe, expect, test } from 'vitest'
import type { TopicFilter, TopicName } from '../../core/contract/ids.ts'
import { FRAME_BYTES } from '../../core/contract/link/session.ts'
import type { InboxPage, RetainedPage } from '../../core/contract/link.ts'
import type { Message } from '../../core/contract/message.ts'
import { key, sub, text, will } from '../unit/core/rig.ts'
import { claim, local, type Probe, records, subscribe, type World, websocket } from './link.ts'

const KINDS: readonly (readonly [string, () => World | Promise<World>])[] = [
  ['function calls', local],
  ['records', records],
  ['a WebSocket (ws)', () => websocket(false)],
  ['a WebSocket (standard)', () => websocket(true)],
]

describe.each(KINDS)('a link by %s', (_, make) => {
  let world: World
  afterEach(() => world.close())

  const open = async (n: number): Promise<Probe[]> => {
    world = await make()
    const edges: Probe[] = []
    for (let i = 0; i < n; i++) edges.push(await world.edge())
    return edges
  }
  const page = async (edge: Probe, id: string, epoch: number, limit: number): Promise<InboxPage> => {
    let got: InboxPage | undefined
    edge.link.drain(key(id), epoch, limit, p => {
      got = p
    })
    return world.until(() => got)
  }
  const retained = async (edge: Probe, cursor: string | undefined, limit: number): Promise<RetainedPage> => {
    let got: RetainedPage | undefined
    edge.link.retained('' as Message['tenant'], 'r/#' as TopicFilter, cursor, limit, p => {
      got = p
    })
    return world.until(() => got)
  }

  test('messages come to every edge that wants them, in order, with receipts in order', async () => {
    const [a, b] = (await open(2)) as [Probe, Probe]
    const session = await claim(world, b, 'b')
    await subscribe(world, b, 'b', session.epoch, sub('t/+', { qos: 2 }))
    a.publish('t/1', 'one', { qos: 0 })
    a.publish('t/1', 'two', { props: Uint8Array.of(1, 2), expiresAt: 1_800_000_000_000 })
    a.publish('nobody', 'three', { qos: 2 })
    a.publish('t/2', 'four', { qos: 2, retain: true })
    await world.until(() => a.receipts.length === 3 && b.got.length === 3)
    expect(a.receipts).toEqual(['two:true', 'three:false', 'four:true'])
    expect(b.texts).toEqual(['one', 'two', 'four'])
    expect(b.got.map(m => [m.topic, m.qos, m.retain, [...m.props], m.expiresAt])).toEqual([
      ['t/1', 0, false, [], 0],
      ['t/1', 1, false, [1, 2], 1_800_000_000_000],
      ['t/2', 2, true, [], 0],
    ])
    expect(new Set(b.got.map(m => m.origin))).toEqual(new Set([a.link.incarnation]))
  })

  test('a session comes back as it was left, at another edge, and its old owner is told', async () => {
    const [a, b] = (await open(2)) as [Probe, Probe]
    const first = await claim(world, a, 's', { will: will('gone', { payload: Uint8Array.of(0, 255) }) })
    expect([first.present, first.state.queued]).toEqual([false, false])
    const subscriptions = [
      sub('x/#', { qos: 2, noLocal: true, id: 268_435_455 }),
      sub('$share/g/y', { retainAsPublished: true, retainHandling: 2 }),
    ]
    await subscribe(world, a, 's', first.epoch, ...subscriptions)
    a.holds = true
    b.publish('x/1', 'first', { qos: 2 })
    b.publish('x/2', 'second')
    await world.until(() => a.got.length === 2)
    const [one, two] = a.got as [Message, Message]
    let out = false
    a.link.journal(key('s'), first.epoch, { step: 'out', packetId: 7, message: one }, () => {
      out = true
    })
    await world.until(() => out)
    const inflight = [{ packetId: 7, state: 'sent' as const, qos: 2 as const, retain: false, message: one }]
    a.link.release(key('s'), first.epoch, { will: false, expirySec: 3600, outbound: { inflight, queue: [two] } })
    a.link.delivered(one)
    a.link.delivered(two)
    const second = await claim(world, b, 's')
    expect(second.present).toBe(true)
    expect(second.epoch).toBeGreaterThan(first.epoch)
    expect(second.state.subscriptions).toEqual(subscriptions.map(s => expect.objectContaining(s)))
    expect(second.state.inflight.map(f => [f.packetId, f.state, f.qos, text(f.message)])).toEqual([
      [7, 'sent', 2, 'first'],
    ])
    const { messages, end } = await page(b, 's', second.epoch, 10)
    expect([messages.map(text), end]).toEqual([['second'], true])
    await claim(world, a, 's')
    expect(b.kicked).toEqual([':s'])
  })

  test('what is spooled is drained in pages, and what is done does not come again', async () => {
    const [a] = (await open(1)) as [Probe]
    const first = await claim(world, a, 's')
    await subscribe(world, a, 's', first.epoch, sub('t'))
    a.holds = true
    for (let i = 0; i < 5; i++) a.publish('t', `m${i}`)
    await world.until(() => a.got.length === 5)
    for (const message of a.got) {
      a.link.spool(key('s'), first.epoch, message)
      a.link.delivered(message)
    }
    const one = await page(a, 's', first.epoch, 3)
    expect([one.messages.map(text), one.end]).toEqual([['m0', 'm1', 'm2'], false])
    a.link.journal(key('s'), first.epoch, { step: 'done', packetId: 0, message: one.messages[1] })
    const two = await page(a, 's', first.epoch, 3)
    expect([two.messages.map(text), two.end]).toEqual([['m3', 'm4'], true])
    a.link.release(key('s'), first.epoch, {
      will: false,
      expirySec: 3600,
      outbound: { inflight: [], queue: [one.messages[0]!, one.messages[2]!, ...two.messages] },
    })
    const second = await claim(world, a, 's')
    expect(second.state.queued).toBe(true)
    expect((await page(a, 's', second.epoch, 10)).messages.map(text)).toEqual(['m0', 'm2', 'm3', 'm4'])
  })

  test('inbound QoS 2 packet ids are known to the next owner until they are released', async () => {
    const [a, b] = (await open(2)) as [Probe, Probe]
    const first = await claim(world, a, 's')
    a.publish('t', 'x', { qos: 2, sender: key('s'), packetId: 5 })
    a.publish('t', 'y', { qos: 2, sender: key('s'), packetId: 6 })
    let released = false
    a.link.journal(key('s'), first.epoch, { step: 'rel', packetId: 5 }, () => {
      released = true
    })
    await world.until(() => released)
    const second = await claim(world, b, 's')
    expect(second.state.received).toEqual([6])
  })

  test('retained messages are read in pages', async () => {
    const [a] = (await open(1)) as [Probe]
    for (let i = 0; i < 5; i++) a.publish(`r/${i}`, `v${i}`, { retain: true })
    await world.until(() => a.receipts.length === 5)
    const got: string[] = []
    let cursor: string | undefined
    do {
      const { messages, next } = await retained(a, cursor, 2)
      expect(messages.length).toBeLessThanOrEqual(2)
      got.push(...messages.map(text))
      cursor = next
    } while (cursor !== undefined)
    expect(got.sort()).toEqual(['v0', 'v1', 'v2', 'v3', 'v4'])
  })

  test('a group’s copy that is given back goes to the member that is offline', async () => {
    const [a, b] = (await open(2)) as [Probe, Probe]
    const offline = await claim(world, b, 'off')
    await subscribe(world, b, 'off', offline.epoch, sub('$share/g/t'))
    b.link.release(key('off'), offline.epoch, { will: false, expirySec: 3600, outbound: { inflight: [], queue: [] } })
    const online = await claim(world, a, 'on')
    await subscribe(world, a, 'on', online.epoch, sub('$share/g/t'))
    a.holds = true
    a.publish('t', 'given')
    const message = await world.until(() => a.got[0])
    a.link.giveBack('$share/g/t' as TopicFilter, message)
    a.link.delivered(message)
    const back = await claim(world, b, 'off')
    expect((await page(b, 'off', back.epoch, 10)).messages.map(text)).toEqual(['given'])
  })

  test('a message, and a session, that are longer than a frame', async () => {
    const [a] = (await open(1)) as [Probe]
    const first = await claim(world, a, 's')
    await subscribe(world, a, 's', first.epoch, sub('t'))
    const payload = Uint8Array.from({ length: 3 * FRAME_BYTES }, (_, i) => i % 251)
    a.holds = true
    for (let i = 0; i < 3; i++) a.publish('t', '', { payload })
    await world.until(() => a.got.length === 3)
    for (const message of a.got) {
      expect(message.payload.length).toBe(payload.length)
      // Answered first: then the release has to carry them whole.
      a.link.delivered(message)
    }
    a.link.release(key('s'), first.epoch, { will: false, expirySec: 3600, outbound: { inflight: [], queue: a.got } })
    const second = await claim(world, a, 's')
    const { messages } = await page(a, 's', second.epoch, 10)
    expect(messages.map(m => m.payload.length)).toEqual(payload.length === 0 ? [] : Array(3).fill(payload.length))
    expect(messages[2]!.payload.slice(-300)).toEqual(payload.slice(-300))
  })

  test('unsubscribing ends it', async () => {
    const [a] = (await open(1)) as [Probe]
    const { epoch } = await claim(world, a, 's')
    await subscribe(world, a, 's', epoch, sub('t'), sub('u'))
    let done = false
    a.link.unsubscribe(key('s'), epoch, ['t' as TopicFilter], () => {
      done = true
    })
    await world.until(() => done)
    a.publish('t', 'no')
    a.publish('u', 'yes')
    await world.until(() => a.receipts.length === 2)
    expect(a.receipts).toEqual(['no:false', 'yes:true'])
    expect(a.got.map(m => m.topic)).toEqual(['u' as TopicName])
  })
})
