/** The core through its link: publishing, claims, sessions, wills, inboxes, retained messages; in memory, turn by turn. */
import { describe, expect, test } from 'vitest'
import { DEFAULT_TENANT, type TopicFilter, type TopicName } from '../../../core/contract/ids.ts'
import { key, NOTHING, Rig, sub, text, will } from './rig.ts'

describe('publish', () => {
  test('reaches an edge once however many subscriptions match, and its publisher learns whether anybody subscribes', () => {
    const edge = new Rig().edge()
    const { epoch } = edge.connect('s', { expirySec: 0 })
    edge.subscribe('s', epoch, sub('a/#'), sub('a/+'), sub('$share/g/a/b'))
    edge.publish('a/b', 'one')
    edge.publish('x', 'two')
    edge.publish('a/b', 'zero', { qos: 0 })
    expect(edge.got).toEqual([])
    edge.rig.settle()
    expect(edge.texts).toEqual(['one', 'zero'])
    expect(edge.receipts).toEqual([
      ['one', true],
      ['two', false],
    ])
  })

  test('keeps the order of what was said in one turn: what is published before SUBSCRIBE is not for it', () => {
    const edge = new Rig().edge()
    const { epoch } = edge.connect('s', { expirySec: 0 })
    edge.publish('a', 'before')
    edge.link.subscribe(key('s'), epoch, [sub('a')], () => {})
    edge.publish('a', 'after')
    edge.rig.settle()
    expect(edge.texts).toEqual(['after'])
  })

  test('a subscription counts until the last session of the edge gives it up', () => {
    const edge = new Rig().edge()
    const a = edge.connect('a', { expirySec: 0 })
    const b = edge.connect('b', { expirySec: 0 })
    edge.subscribe('a', a.epoch, sub('t'))
    edge.subscribe('b', b.epoch, sub('t'))
    edge.release('a', a.epoch, { expirySec: 0 })
    edge.publish('t', '1')
    edge.link.unsubscribe(key('b'), b.epoch, ['t' as TopicFilter], () => {})
    edge.publish('t', '2')
    edge.rig.settle()
    expect(edge.texts).toEqual(['1'])
  })

  test('two edges get one copy each, a shared group one copy in all', () => {
    const rig = new Rig()
    const one = rig.edge()
    const two = rig.edge()
    one.subscribe('a', one.connect('a', { expirySec: 0 }).epoch, sub('t'), sub('$share/g/s'))
    two.subscribe('b', two.connect('b', { expirySec: 0 }).epoch, sub('t'), sub('$share/g/s'))
    for (let i = 0; i < 4; i++) one.publish('s', `${i}`)
    one.publish('t', 'all')
    rig.settle()
    expect([one.got.length, two.got.length]).toEqual([3, 3])
    expect([...one.texts, ...two.texts].sort()).toEqual(['0', '1', '2', '3', 'all', 'all'])
  })

  test('$p2p: the target alone, queued while it is offline, unmatched if there is no such session', () => {
    const edge = new Rig().edge()
    const { epoch } = edge.connect('s')
    edge.publish('$p2p/s/x', 'on', { target: key('s') })
    edge.publish('$p2p/n/x', 'no', { target: key('nobody') })
    edge.rig.settle()
    edge.release('s', epoch)
    edge.publish('$p2p/s/x', 'off', { target: key('s') })
    edge.rig.settle()
    expect(edge.texts).toEqual(['on'])
    expect(edge.receipts).toEqual([
      ['on', true],
      ['no', false],
      ['off', true],
    ])
    expect(edge.drain('s', edge.connect('s').epoch)?.messages.map(text)).toEqual(['off'])
  })

  test('reading pauses while more is accepted than may be pending', () => {
    const edge = new Rig({ limits: { logPendingBytes: 1000 } }).edge()
    for (let i = 0; i < 10; i++) edge.publish('a', 'x'.repeat(100))
    expect([edge.link.congested, edge.congestion]).toEqual([true, [true]])
    edge.rig.settle()
    expect([edge.link.congested, edge.congestion]).toEqual([false, [true, false]])
  })
})

describe('claim', () => {
  test('a session without expiry ends with its connection', () => {
    const edge = new Rig().edge()
    const { epoch, present } = edge.connect('s', { expirySec: 0 })
    expect(present).toBe(false)
    edge.subscribe('s', epoch, sub('a'))
    edge.release('s', epoch, { expirySec: 0 })
    const again = edge.connect('s')
    expect([again.present, again.state.subscriptions]).toEqual([false, []])
  })

  test('a persistent session comes back with its subscriptions; clean start begins a new one [MQTT-3.1.2-4, MQTT-3.1.2-5]', () => {
    const edge = new Rig().edge()
    const first = edge.connect('s')
    edge.subscribe('s', first.epoch, sub('a', { id: 5, noLocal: true }))
    edge.release('s', first.epoch)
    const second = edge.connect('s')
    expect(second.present).toBe(true)
    expect(second.epoch).toBeGreaterThan(first.epoch)
    expect(second.state.subscriptions).toMatchObject([{ filter: 'a', id: 5, noLocal: true }])
    edge.release('s', second.epoch)
    const third = edge.connect('s', { cleanStart: true })
    expect([third.present, third.state.subscriptions]).toEqual([false, []])
  })

  test('the old connection is kicked, and the reply waits until it has given the session up [MQTT-3.1.4-3]', () => {
    const rig = new Rig()
    const old = rig.edge()
    const next = rig.edge()
    const { epoch } = old.connect('s')
    old.onKick = undefined
    expect(next.claim('s')).toBeUndefined()
    expect(old.kicked).toEqual([[key('s'), epoch, 0x8e]])
    let replied = false
    rig.settle()
    old.release('s', epoch)
    const state = next.connect('s')
    replied = state.ok
    expect(replied).toBe(true)
    old.subscribe('s', epoch, sub('old'))
    old.publish('old', 'x')
    rig.settle()
    expect(old.got).toEqual([])
  })

  test('claims of one client in one turn all get an answer, and the last one owns the session', () => {
    const edge = new Rig().edge()
    const epochs: number[] = []
    for (let i = 0; i < 3; i++)
      edge.link.claim({ client: key('s'), cleanStart: false, expirySec: 60, will: undefined }, r => {
        if (r.ok) epochs.push(r.epoch)
      })
    edge.rig.settle()
    expect(epochs.length).toBe(3)
    expect(edge.kicked.map(k => k[1])).toEqual(epochs.slice(0, 2))
    expect(edge.rig.stats.nowOnline).toBe(1)
  })

  test('an owner that does not answer loses the session after a bound', () => {
    const rig = new Rig()
    const dead = rig.edge()
    dead.onKick = undefined
    dead.connect('s')
    const edge = rig.edge()
    let present: boolean | undefined
    edge.link.claim({ client: key('s'), cleanStart: false, expirySec: 60, will: undefined }, r => {
      present = r.ok && r.present
    })
    rig.settle()
    rig.pass(1000)
    expect(present).toBeUndefined()
    rig.pass(1500)
    expect(present).toBe(true)
  })

  test('sessions are bounded', () => {
    const edge = new Rig({ limits: { sessions: 1 } }).edge()
    edge.connect('a')
    expect(edge.claim('b')).toMatchObject({ ok: false, why: 'quota' })
  })

  test('a session ends after its expiry and not before', () => {
    const edge = new Rig().edge()
    const { epoch } = edge.connect('s', { expirySec: 10 })
    edge.release('s', epoch, { expirySec: 10 })
    edge.rig.pass(9000)
    expect(edge.rig.stats.nowSessions).toBe(1)
    edge.rig.pass(2000)
    expect(edge.rig.stats.nowSessions).toBe(0)
    expect(edge.connect('s').present).toBe(false)
  })

  test('expiry 0 at DISCONNECT ends the session at once', () => {
    const edge = new Rig().edge()
    const { epoch } = edge.connect('s')
    edge.release('s', epoch, { expirySec: 0 })
    expect(edge.connect('s').present).toBe(false)
  })
})

describe('will', () => {
  const watched = (more: object, request: object = {}) => {
    const rig = new Rig()
    const watcher = rig.edge()
    watcher.subscribe('w', watcher.connect('w', { expirySec: 0 }).epoch, sub('will'))
    const edge = rig.edge()
    const { epoch } = edge.connect('s', { will: will('will', more), ...request })
    return { rig, watcher, edge, epoch }
  }

  test('is published when the connection breaks [MQTT-3.1.2-8], once', () => {
    const { rig, watcher, edge, epoch } = watched({ expirySec: 60 })
    edge.release('s', epoch, { will: true })
    rig.pass(60_000)
    expect(watcher.texts).toEqual(['gone'])
    expect(watcher.got[0]).toMatchObject({ sender: key('s'), expiresAt: 1_700_000_060_000 })
  })

  test('is removed by a clean DISCONNECT [MQTT-3.1.2-10]', () => {
    const { rig, watcher, edge, epoch } = watched({})
    edge.release('s', epoch)
    rig.pass(60_000)
    expect(watcher.texts).toEqual([])
  })

  test('waits for its delay, and is not published if the client comes back before [MQTT-3.1.3-9]', () => {
    const { rig, watcher, edge, epoch } = watched({ delaySec: 5 })
    edge.release('s', epoch, { will: true })
    rig.pass(4000)
    const again = edge.connect('s', { will: will('will', { delaySec: 5 }) })
    rig.pass(10_000)
    expect(watcher.texts).toEqual([])
    edge.release('s', again.epoch, { will: true })
    rig.pass(6000)
    expect(watcher.texts).toEqual(['gone'])
  })

  test.each([
    ['the session ends before the delay', { expirySec: 2 }, 3000, false],
    ['the session ends with the connection', { expirySec: 0 }, 0, false],
    ['a clean start ends the session', { expirySec: 100 }, 0, true],
  ])('is published at once if %s', (_, request, ms, clean) => {
    const { rig, watcher, edge, epoch } = watched({ delaySec: 50 }, request)
    edge.release('s', epoch, { will: true, ...request })
    if (clean) edge.connect('s', { cleanStart: true })
    if (ms > 0) rig.pass(ms)
    expect(watcher.texts).toEqual(['gone'])
  })

  test('goes through retained messages like any other', () => {
    const { edge, epoch } = watched({ retain: true })
    edge.release('s', epoch, { will: true })
    expect(edge.retained('will').messages.map(text)).toEqual(['gone'])
  })
})

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
        inflight: [{ packetId: 2, state: 'sent', message: first.messages[1] }],
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

describe('in flight', () => {
  test('steps, save and release make up what the next owner gets', () => {
    const edge = new Rig().edge()
    const { epoch } = edge.connect('s')
    const [a, b, c] = ['a', 'b', 'c'].map(t => edge.publish('t', t, { qos: 2 }))
    edge.link.journal(key('s'), epoch, { step: 'out', packetId: 1, message: a! })
    edge.link.journal(key('s'), epoch, { step: 'out', packetId: 2, message: b! })
    edge.link.save(key('s'), epoch, {
      inflight: [
        { packetId: 1, state: 'sent', message: a },
        { packetId: 2, state: 'sent', message: b },
        { packetId: 3, state: 'sent', message: c },
      ],
      queue: [],
    })
    edge.link.journal(key('s'), epoch, { step: 'rec', packetId: 1 })
    edge.link.journal(key('s'), epoch, { step: 'done', packetId: 3, message: c })
    edge.release('s', epoch, {
      outbound: {
        inflight: [
          { packetId: 1, state: 'received', message: undefined },
          { packetId: 2, state: 'sent', message: b },
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

describe('retained', () => {
  test('the last one per topic, removed by an empty payload [MQTT-3.3.1-5, MQTT-3.3.1-6]', () => {
    const edge = new Rig().edge()
    edge.publish('r/a', '1', { retain: true })
    edge.publish('r/a', '2', { retain: true, qos: 0 })
    edge.publish('r/b', '3', { retain: true })
    edge.publish('r/b', '', { retain: true })
    edge.publish('r/c', 'not retained')
    expect(edge.retained('r/#').messages.map(text)).toEqual(['2'])
    expect(edge.rig.stats.nowRetained).toBe(1)
  })

  test('expires', () => {
    const edge = new Rig().edge()
    edge.publish('r', 'x', { retain: true, expiresAt: edge.rig.now + 1500 })
    edge.rig.settle()
    edge.rig.now += 2000
    expect(edge.retained('r').messages).toEqual([])
    edge.rig.pass(0)
    expect(edge.rig.stats).toMatchObject({ nowRetained: 0, retainedExpired: 1, nowRetainedBytes: 0 })
  })

  test('is bounded in payload, count and bytes', () => {
    const edge = new Rig({ limits: { retainedPayloadBytes: 1000, retainedMessages: 2, retainedBytes: 900 } }).edge()
    for (const [topic, payload] of [
      ['a', 'x'.repeat(2000)],
      ['b', 'x'],
      ['c', 'x'.repeat(800)],
      ['d', 'x'],
      ['e', 'x'],
      ['d', 'y'],
    ] as const) {
      edge.publish(topic, payload, { retain: true })
      edge.rig.settle()
    }
    expect(edge.rig.events.flatMap(e => (e.is === 'retained-refused' ? [`${e.topic} ${e.why}`] : []))).toEqual([
      'a payload',
      'c bytes',
      'e count',
    ])
    expect(edge.retained('#').messages.map(text)).toEqual(['x', 'y'])
  })

  test('one page after the other', () => {
    const rig = new Rig()
    const edge = rig.edge()
    for (let i = 0; i < 5; i++) edge.publish(`r/${i}`, `${i}`, { retain: true })
    const first = edge.retained('r/+', 3)
    expect([first.messages.length, first.next !== undefined]).toEqual([3, true])
  })

  test('a message of the gateway itself reaches subscribers and stays', () => {
    const edge = new Rig().edge()
    edge.subscribe('s', edge.connect('s', { expirySec: 0 }).epoch, sub('$SYS/#'))
    edge.rig.core.publish({
      tenant: DEFAULT_TENANT,
      topic: '$SYS/x' as TopicName,
      qos: 0,
      payload: new Uint8Array([49]),
      retain: true,
    })
    edge.rig.settle()
    expect(edge.texts).toEqual(['1'])
    expect(edge.retained('$SYS/x').messages.map(text)).toEqual(['1'])
  })
})

test('an old epoch has no effect', () => {
  const edge = new Rig().edge()
  const old = edge.connect('s')
  edge.release('s', old.epoch)
  const { epoch } = edge.connect('s')
  const message = edge.publish('t', 'x')
  edge.link.spool(key('s'), old.epoch, message)
  edge.link.save(key('s'), old.epoch, { inflight: [{ packetId: 1, state: 'sent', message }], queue: [message] })
  edge.link.release(key('s'), old.epoch, { will: true, expirySec: 0, outbound: NOTHING })
  edge.subscribe('s', old.epoch, sub('t'))
  edge.release('s', epoch)
  expect(edge.connect('s').state).toEqual({ subscriptions: [], inflight: [], received: [], queued: false })
})
