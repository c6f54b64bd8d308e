/** Inboxes and what is in flight: bounds, order, and what the next connection gets. */
import { describe, expect, test } from 'vitest'
import { MemoryInboxes } from '../../../../core/inbox/memory.ts'
import { key, Rig, sub, text } from '../rig.ts'

describe('inbox', () => {
  const offline = (options: ConstructorParameters<typeof Rig>[0] = {}, ...subscriptions: ReturnType<typeof sub>[]) => {
    const edge = new Rig(options).edge()
    const { epoch } = edge.connect('s')
    edge.subscribe('s', epoch, ...(subscriptions.length > 0 ? subscriptions : [sub('t')]))
    edge.release('s', epoch)
    return edge
  }
  const waiting = (edge: ReturnType<typeof offline>) => {
    const { epoch, state } = edge.connect('s')
    return { queued: state.queued, texts: edge.drain('s', epoch)?.messages.map(text) }
  }

  test('keeps QoS ≥ 1 for an offline session, once, at the highest granted QoS; not QoS 0', () => {
    const edge = offline({}, sub('#', { qos: 0 }), sub('t', { qos: 1 }))
    edge.publish('t', '1')
    edge.publish('t', '0', { qos: 0 })
    edge.publish('other', 'granted 0', { qos: 2 })
    edge.rig.settle()
    expect(edge.receipts.map(r => r[1])).toEqual([true, true])
    expect(waiting(edge)).toEqual({ queued: true, texts: ['1'] })
  })

  test('keeps QoS 0 too if asked to', () => {
    const edge = offline({ queueQos0: true })
    edge.publish('t', '0', { qos: 0 })
    edge.rig.settle()
    expect(waiting(edge).texts).toEqual(['0'])
  })

  test('No Local holds offline too', () => {
    const edge = offline({}, sub('t', { noLocal: true }))
    edge.publish('t', 'own', { sender: key('s') })
    edge.publish('t', 'other', { sender: key('x') })
    edge.rig.settle()
    expect(waiting(edge).texts).toEqual(['other'])
  })

  test.each([
    ['oldest', ['2', '3']],
    ['newest', ['1', '2']],
  ] as const)('a full one drops QoS 0 first, then the %s', (dropPolicy, left) => {
    const edge = offline({ dropPolicy, queueQos0: true, limits: { inboxMessages: 2 } })
    edge.publish('t', '1')
    edge.publish('t', 'zero', { qos: 0 })
    edge.publish('t', '2')
    edge.publish('t', '3')
    edge.publish('t', 'zero again', { qos: 0 })
    edge.rig.settle()
    expect(edge.rig.stats.inboxDropped).toBe(3)
    expect(edge.rig.events.filter(e => e.is === 'inbox-dropped').length).toBe(3)
    expect(waiting(edge).texts).toEqual(left)
  })

  test('is bounded in bytes', () => {
    const edge = offline({ limits: { inboxBytes: 1000 } })
    edge.publish('t', 'x'.repeat(2000))
    edge.publish('t', 'a'.repeat(400))
    edge.publish('t', 'b'.repeat(400))
    edge.publish('t', 'c'.repeat(400))
    edge.rig.settle()
    expect(waiting(edge).texts?.map(t => t[0])).toEqual(['b', 'c'])
    expect(edge.rig.stats.nowInboxMessages).toBe(2)
  })

  test('what has expired, or is too old, is left out', () => {
    const edge = offline({ limits: { inboxAgeSec: 100 } })
    edge.publish('t', 'short', { expiresAt: edge.rig.now + 5000 })
    edge.publish('t', 'old')
    edge.rig.settle()
    edge.rig.pass(50_000)
    edge.publish('t', 'young')
    edge.rig.settle()
    edge.rig.pass(60_000)
    expect(waiting(edge).texts).toEqual(['young'])
    expect(edge.rig.stats.inboxExpired).toBe(2)
  })

  test('is read page by page, and again in the next epoch but for what is done', () => {
    const edge = offline()
    for (let i = 1; i <= 5; i++) edge.publish('t', `${i}`)
    edge.rig.settle()
    const { epoch } = edge.connect('s')
    const first = edge.drain('s', epoch, 2)!
    const second = edge.drain('s', epoch, 2)!
    expect([first, second].map(p => [p.messages.map(text), p.end])).toEqual([
      [['1', '2'], false],
      [['3', '4'], false],
    ])
    const third = edge.drain('s', epoch, 2)!
    expect([third.messages.map(text), third.end]).toEqual([['5'], true])
    edge.link.journal(key('s'), epoch, { step: 'done', packetId: 1, message: first.messages[0] })
    edge.link.journal(key('s'), epoch, { step: 'done', packetId: 3, message: second.messages[0] })
    edge.release('s', epoch, {
      outbound: {
        inflight: [{ packetId: 2, state: 'sent', qos: 2, retain: false, message: first.messages[1] }],
        queue: [second.messages[1]!, third.messages[0]!],
      },
    })
    const again = edge.connect('s')
    expect(again.state.inflight.map(f => [f.packetId, f.state, text(f.message)])).toEqual([[2, 'sent', '2']])
    expect(edge.drain('s', again.epoch)?.messages.map(text)).toEqual(['4', '5'])
  })

  test('what waited at the edge comes before what was spooled behind it', () => {
    const edge = offline()
    edge.publish('t', '1')
    edge.rig.settle()
    const { epoch } = edge.connect('s')
    const page = edge.drain('s', epoch)!
    const live = ['2', '3', '4', '5'].map(t => edge.publish('t', t))
    edge.rig.settle()
    edge.link.spool(key('s'), epoch, live[2]!)
    edge.link.spool(key('s'), epoch, live[3]!)
    edge.release('s', epoch, { outbound: { inflight: [], queue: [page.messages[0]!, live[0]!, live[1]!] } })
    expect(waiting(edge).texts).toEqual(['1', '2', '3', '4', '5'])
  })

  test('the same where nothing was read before', () => {
    const edge = offline()
    const { epoch } = edge.connect('s')
    const live = ['1', '2', '3', '4'].map(t => edge.publish('t', t))
    edge.rig.settle()
    edge.link.spool(key('s'), epoch, live[2]!)
    edge.link.spool(key('s'), epoch, live[3]!)
    edge.release('s', epoch, { outbound: { inflight: [], queue: [live[0]!, live[1]!] } })
    expect(waiting(edge).texts).toEqual(['1', '2', '3', '4'])
  })

  test('messages that are routed while the claim is under way wait in the inbox', () => {
    const edge = offline()
    let state: string | undefined
    edge.link.claim({ client: key('s'), cleanStart: false, expirySec: 60, will: undefined }, r => {
      state = r.ok ? `queued ${r.state.queued}` : 'refused'
    })
    edge.publish('t', 'meanwhile')
    edge.rig.settle()
    expect(state).toBe('queued true')
    expect(edge.got).toEqual([])
  })

  test('a message routed after the release of its turn is not lost', () => {
    const edge = new Rig().edge()
    const { epoch } = edge.connect('s')
    edge.subscribe('s', epoch, sub('t'))
    const first = edge.publish('t', '1')
    edge.rig.settle()
    edge.publish('t', '2')
    edge.link.release(key('s'), epoch, { will: false, expirySec: 60, outbound: { inflight: [], queue: [first] } })
    edge.rig.settle()
    expect(edge.texts).toEqual(['1'])
    expect(waiting(edge).texts).toEqual(['1', '2'])
  })

  test('a shared group without online members uses its offline ones in turn', () => {
    const edge = new Rig().edge()
    for (const id of ['a', 'b']) {
      const { epoch } = edge.connect(id)
      edge.subscribe(id, epoch, sub('$share/g/t'))
      edge.release(id, epoch)
    }
    for (let i = 0; i < 4; i++) edge.publish('t', `${i}`)
    edge.rig.settle()
    const texts = ['a', 'b'].map(id => edge.drain(id, edge.connect(id).epoch)?.messages.map(text))
    expect(texts).toEqual([
      ['0', '2'],
      ['1', '3'],
    ])
  })
})

test('reads that have to wait for a commit touch neither a later epoch nor a session that is over', () => {
  const late: (() => void)[] = []
  let waits = false
  const inboxes = new (class extends MemoryInboxes {
    override read(...words: Parameters<MemoryInboxes['read']>): void {
      if (waits) late.push(() => super.read(...words))
      else super.read(...words)
    }

    override first(...words: Parameters<MemoryInboxes['first']>) {
      return waits ? undefined : super.first(...words)
    }
  })()
  const edge = new Rig({ inboxes, limits: { inboxMessages: 1 } }).edge()
  const first = edge.connect('s')
  const live = edge.publish('t', '1')
  edge.rig.settle()
  edge.link.spool(key('s'), first.epoch, live)
  waits = true
  edge.link.spool(key('s'), first.epoch, edge.publish('t', '2'))
  expect(edge.drain('s', first.epoch)).toBeUndefined()
  edge.release('s', first.epoch)
  const second = edge.connect('s')
  waits = false
  for (const read of late.splice(0)) read()
  expect(edge.drain('s', second.epoch)?.messages.map(text)).toEqual(['1'])
  waits = true
  edge.link.spool(key('s'), second.epoch, edge.publish('t', '3'))
  edge.release('s', second.epoch, { expirySec: 0 })
  for (const read of late.splice(0)) read()
  expect(edge.rig.stats.nowInboxMessages).toBe(0)
})

describe('in flight', () => {
  test('steps, save and release make up what the next owner gets', () => {
    const edge = new Rig().edge()
    const { epoch } = edge.connect('s')
    const [a, b, c] = ['a', 'b', 'c'].map(t => edge.publish('t', t, { qos: 2 }))
    edge.link.journal(key('s'), epoch, { step: 'out', packetId: 1, message: a! })
    edge.link.journal(key('s'), epoch, { step: 'out', packetId: 2, message: b! })
    edge.link.save(key('s'), epoch, {
      inflight: [
        { packetId: 1, state: 'sent', qos: 2, retain: false, message: a },
        { packetId: 2, state: 'sent', qos: 2, retain: false, message: b },
        { packetId: 3, state: 'sent', qos: 2, retain: false, message: c },
      ],
      queue: [],
    })
    edge.link.journal(key('s'), epoch, { step: 'rec', packetId: 1 })
    edge.link.journal(key('s'), epoch, { step: 'done', packetId: 3, message: c })
    edge.release('s', epoch, {
      outbound: {
        inflight: [
          { packetId: 1, state: 'received', qos: 2, retain: false, message: undefined },
          { packetId: 2, state: 'sent', qos: 2, retain: false, message: b },
        ],
        queue: [],
      },
    })
    const { state } = edge.connect('s')
    expect(state.inflight.map(f => [f.packetId, f.state, text(f.message)])).toEqual([
      [1, 'received', ''],
      [2, 'sent', 'b'],
    ])
  })

  test('inbound QoS 2 packet ids wait for their release', () => {
    const edge = new Rig().edge()
    const { epoch } = edge.connect('s')
    edge.publish('t', 'x', { qos: 2, packetId: 7, sender: key('s') })
    edge.publish('t', 'y', { qos: 2, packetId: 8, sender: key('s') })
    let done = false
    edge.link.journal(key('s'), epoch, { step: 'rel', packetId: 7 }, () => {
      done = true
    })
    expect(done).toBe(false)
    edge.release('s', epoch)
    expect(done).toBe(true)
    expect(edge.connect('s').state.received).toEqual([8])
  })
})
