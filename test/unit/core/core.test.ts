/** The core through its link, in memory, turn by turn: publishing, claims, old epochs. */
import { describe, expect, test } from 'vitest'
import type { TopicFilter } from '../../../core/contract/ids.ts'
import { key, NOTHING, Rig, sub, text } from './rig.ts'

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
    // Where the message comes from, if there is a member; else in turn.
    const three = rig.edge()
    for (let i = 0; i < 4; i++) three.publish('s', `${i}`)
    two.publish('s', 'local')
    one.publish('t', 'all')
    rig.settle()
    expect([one.got.length, two.got.length, three.got.length]).toEqual([3, 4, 0])
    expect([...one.texts, ...two.texts].sort()).toEqual(['0', '1', '2', '3', 'all', 'all', 'local'])
  })

  test('an edge is told which groups chose it', () => {
    const rig = new Rig()
    const one = rig.edge()
    const two = rig.edge()
    one.subscribe('a', one.connect('a', { expirySec: 0 }).epoch, sub('$share/g/s'), sub('$share/h/s'))
    two.subscribe('b', two.connect('b', { expirySec: 0 }).epoch, sub('s'), sub('$share/h/s'))
    two.publish('s', 'x')
    rig.settle()
    expect([one.groups, two.groups]).toEqual([[['$share/g/s']], [['$share/h/s']]])
    // Nobody took it there: to another edge, or to nobody.
    two.link.giveBack('$share/h/s' as TopicFilter, two.got[0]!)
    one.link.giveBack('$share/g/s' as TopicFilter, one.got[0]!)
    rig.settle()
    expect(one.groups).toEqual([['$share/g/s'], ['$share/h/s']])
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

test('an old epoch has no effect', () => {
  const edge = new Rig().edge()
  const old = edge.connect('s')
  edge.release('s', old.epoch)
  const { epoch } = edge.connect('s')
  const message = edge.publish('t', 'x')
  edge.link.spool(key('s'), old.epoch, message)
  edge.link.save(key('s'), old.epoch, {
    inflight: [{ packetId: 1, state: 'sent', qos: 1, retain: false, message }],
    queue: [message],
  })
  edge.link.release(key('s'), old.epoch, { will: true, expirySec: 0, outbound: NOTHING })
  edge.subscribe('s', old.epoch, sub('t'))
  edge.release('s', epoch)
  expect(edge.connect('s').state).toEqual({ subscriptions: [], inflight: [], received: [], queued: false })
})
