/** The core over SQLite and over a log in memory: what survives when it dies at any point, and what is never repeated. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Message } from '../../../core/contract/message.ts'
import { MemoryLog } from '../../../core/log/memory.ts'
import { BOXES, type Box } from '../../contract/stores.ts'
import { type FakeEdge, key, NOTHING, Rig, type RigOptions, sub, text, will } from './rig.ts'

describe.each(BOXES)('after a crash: $name', ({ make }) => {
  let box: Box
  let rig: Rig
  beforeEach(() => {
    box = make()
    rig = new Rig({ log: box.log, state: box.state, inboxes: box.inboxes })
  })
  afterEach(() => box.dispose())

  const crash = (options: RigOptions = {}): FakeEdge => {
    const { now } = rig
    box.reopen()
    rig = new Rig({ log: box.log, state: box.state, inboxes: box.inboxes, now, ...options })
    return rig.edge()
  }
  /** A persistent session online at an edge that holds what it gets. */
  const online = (id = 's', ...subscriptions: ReturnType<typeof sub>[]) => {
    const edge = rig.edge()
    edge.holds = true
    const { epoch } = edge.connect(id)
    edge.subscribe(id, epoch, ...(subscriptions.length > 0 ? subscriptions : [sub('t', { qos: 2 })]))
    return { edge, epoch }
  }
  const receive = (edge: FakeEdge, id = 's') => {
    const { epoch, state } = edge.connect(id)
    return {
      ...state,
      texts: edge.drain(id, epoch)?.messages.map(text) ?? [],
      flying: state.inflight.map(f => `${f.packetId} ${f.state} ${text(f.message)}`),
    }
  }
  const journal = (edge: FakeEdge, epoch: number, step: 'out' | 'done', packetId: number, message: Message) =>
    edge.link.journal(key('s'), epoch, { step, packetId, message })

  test('an acknowledged message that no recipient has acknowledged is delivered', () => {
    const { edge } = online()
    edge.publish('t', 'x')
    rig.settle()
    expect(edge.receipts).toEqual([['x', true]])
    expect(receive(crash()).texts).toEqual(['x'])
    expect(rig.stats.recovered).toBe(1)
    // What was recovered is in the inbox now, and the log is empty.
    expect(receive(crash()).texts).toEqual(['x'])
    expect(rig.stats.recovered).toBe(0)
  })

  test('what a recipient has acknowledged does not come again, whether another one still needs it or not', () => {
    const { edge, epoch } = online()
    const other = online('o')
    const message = edge.publish('t', 'x')
    rig.settle()
    journal(edge, epoch, 'done', 1, message)
    rig.settle()
    const next = crash()
    expect(receive(next).texts).toEqual([])
    expect(receive(next, 'o').texts).toEqual(['x'])
    expect(other.edge.texts).toEqual(['x'])
  })

  test('a subscription gets nothing that is older, one that was given up gets nothing', () => {
    const { edge } = online()
    edge.publish('t', 'x')
    rig.settle()
    const late = online('late')
    const gone = online('gone')
    edge.publish('t', 'y')
    rig.settle()
    gone.edge.link.unsubscribe(key('gone'), gone.epoch, [sub('t').filter], () => {})
    rig.settle()
    late.edge.publish('other', 'z')
    const next = crash()
    expect([receive(next).texts, receive(next, 'late').texts, receive(next, 'gone').texts]).toEqual([
      ['x', 'y'],
      ['y'],
      [],
    ])
  })

  test('a message after SUBSCRIBE in the same turn is for it, one before is not', () => {
    const edge = rig.edge()
    edge.holds = true
    const { epoch } = edge.connect('s')
    edge.publish('t', 'before')
    edge.link.subscribe(key('s'), epoch, [sub('t')], () => {})
    edge.publish('t', 'after')
    rig.settle()
    expect(receive(crash()).texts).toEqual(['after'])
  })

  test('QoS 2 in flight keeps its packet id and its state [MQTT-4.3.3-1]', () => {
    const { edge, epoch } = online()
    const [a, b, c] = ['a', 'b', 'c'].map(t => edge.publish('t', t, { qos: 2 }))
    rig.settle()
    journal(edge, epoch, 'out', 1, a!)
    journal(edge, epoch, 'out', 2, b!)
    journal(edge, epoch, 'out', 3, c!)
    edge.link.journal(key('s'), epoch, { step: 'rec', packetId: 2 })
    edge.link.journal(key('s'), epoch, { step: 'done', packetId: 3, message: undefined })
    edge.publish('t', 'd', { qos: 2 })
    rig.settle()
    for (let i = 0; i < 2; i++) {
      const { flying, texts } = receive(crash())
      expect(flying).toEqual(['1 sent a', '2 received '])
      expect(texts).toEqual(['d'])
    }
  })

  test('a retained message in flight survives although it is neither in the log nor in the inbox', () => {
    const { edge, epoch } = online()
    edge.publish('r', 'old', { qos: 2, retain: true })
    rig.settle()
    rig.pass(1000)
    const [message] = edge.retained('r').messages
    journal(edge, epoch, 'out', 9, message!)
    rig.settle()
    expect(receive(crash()).flying).toEqual(['9 sent old'])
  })

  test('what is in flight from the inbox is in flight only', () => {
    const { edge, epoch } = online()
    edge.release('s', epoch)
    edge.publish('t', 'x', { qos: 2 })
    rig.settle()
    const again = edge.connect('s')
    const page = edge.drain('s', again.epoch)!
    journal(edge, again.epoch, 'out', 4, page.messages[0]!)
    rig.settle()
    const { flying, texts } = receive(crash())
    expect([flying, texts]).toEqual([['4 sent x'], []])
  })

  test('the same when it was held for so long that it moved into the record', () => {
    const { edge, epoch } = online()
    edge.release('s', epoch)
    edge.publish('t', 'x', { qos: 2 })
    rig.settle()
    const again = edge.connect('s')
    journal(edge, again.epoch, 'out', 4, edge.drain('s', again.epoch)!.messages[0]!)
    rig.settle()
    for (let i = 0; i < 8; i++) rig.pass(1000)
    expect([rig.stats.heldTooLong, rig.stats.nowLogEnvelopes]).toEqual([1, 0])
    const { flying, texts } = receive(crash())
    expect([flying, texts]).toEqual([['4 sent x'], []])
  })

  test('inbound QoS 2 packet ids are remembered until they are released [MQTT-4.3.3-2]', () => {
    const { edge, epoch } = online()
    edge.publish('t', 'x', { qos: 2, packetId: 7, sender: key('s') })
    edge.publish('t', 'y', { qos: 2, packetId: 8, sender: key('s') })
    edge.link.journal(key('s'), epoch, { step: 'rel', packetId: 7 })
    rig.settle()
    expect(receive(crash()).received).toEqual([8])
    expect(receive(crash()).received).toEqual([8])
  })

  test('the inbox keeps its order though older messages come back from the log', () => {
    const { edge, epoch } = online()
    const messages = ['1', '2', '3', '4'].map(t => edge.publish('t', t))
    rig.settle()
    // Three and four went to the inbox, one and two were still at the edge.
    edge.link.spool(key('s'), epoch, messages[2]!)
    edge.link.spool(key('s'), epoch, messages[3]!)
    rig.pass(1000)
    expect(receive(crash()).texts).toEqual(['1', '2', '3', '4'])
  })

  test('a copy of a shared group goes to one member, and not again once one has taken it', () => {
    const { edge, epoch } = online('s', sub('$share/g/t'))
    online('o', sub('$share/g/t'))
    const taken = edge.publish('t', 'taken')
    edge.publish('t', 'open')
    rig.settle()
    edge.link.journal(key('s'), epoch, { step: 'taken', group: sub('$share/g/t').filter, message: taken })
    rig.settle()
    const next = crash()
    expect([...receive(next).texts, ...receive(next, 'o').texts]).toEqual(['open'])
  })

  test('a will of who was connected is published once, whether its session has an expiry or not', () => {
    const watcher = online('w', sub('will'))
    watcher.edge.release('w', watcher.epoch)
    const edge = rig.edge()
    edge.connect('a', { expirySec: 0, will: will('will') })
    edge.connect('b', { expirySec: 60, will: will('will') })
    const clean = edge.connect('c', { expirySec: 60, will: will('will') })
    edge.release('c', clean.epoch)
    expect(receive(crash(), 'w').texts).toEqual(['gone', 'gone'])
    expect(receive(crash(), 'w').texts).toEqual(['gone', 'gone'])
  })

  test('a delayed will and the expiry of a session go on counting', () => {
    const watcher = online('w', sub('will'))
    watcher.edge.release('w', watcher.epoch)
    const edge = rig.edge()
    const { epoch } = edge.connect('a', { expirySec: 60, will: will('will', { delaySec: 30 }) })
    edge.release('a', epoch, { will: true, expirySec: 60 })
    rig.now += 20_000
    crash()
    rig.pass(5_000)
    expect(rig.stats.willsPublished).toBe(0)
    rig.pass(6_000)
    expect(rig.stats.willsPublished).toBe(1)
    crash()
    rig.pass(30_000)
    expect([rig.stats.willsPublished, rig.stats.nowSessions]).toEqual([0, 1])
  })

  test('retained messages survive as they were at the last commit; $SYS does not', () => {
    const edge = rig.edge()
    edge.publish('r/1', 'x', { retain: true })
    edge.publish('r/2', 'x', { retain: true })
    edge.publish('$SYS/1', 'x', { retain: true, qos: 0 })
    rig.settle()
    edge.publish('r/1', 'y', { retain: true, qos: 0 })
    edge.publish('r/2', '', { retain: true })
    rig.settle()
    const next = crash()
    expect(next.retained('#').messages.map(text)).toEqual(['y'])
    expect(next.retained('$SYS/#').messages).toEqual([])
  })

  test('a session that was ended leaves nothing behind for the next of its name', () => {
    const { edge, epoch } = online()
    const message = edge.publish('t', 'x', { qos: 2 })
    rig.settle()
    journal(edge, epoch, 'out', 1, message)
    edge.release('s', epoch)
    edge.connect('s', { cleanStart: true })
    expect(receive(crash())).toMatchObject({ subscriptions: [], inflight: [], texts: [] })
  })

  test('the log is trimmed up to the oldest entry that somebody waits for', () => {
    const { edge } = online()
    const first = edge.publish('t', '1')
    rig.settle()
    edge.publish('none', '2')
    rig.settle()
    rig.pass(1000)
    rig.pass(1000)
    expect(rig.stats.nowLogEnvelopes).toBeGreaterThan(0)
    edge.link.delivered(first)
    for (let i = 0; i < 4; i++) rig.pass(1000)
    expect(rig.stats.nowLogEnvelopes).toBe(0)
    let left = 0
    box.log.replay(() => left++)
    expect(left).toBe(0)
  })

  test('a clean end loses nothing either', () => {
    const { edge, epoch } = online()
    edge.publish('t', '1')
    edge.link.release(key('s'), epoch, { will: false, expirySec: 60, outbound: NOTHING })
    if (rig.core !== undefined) rig.settle()
    expect(receive(crash()).texts).toEqual(['1'])
  })
})

test('what a core appended after its log was taken over is logged anew and routed', () => {
  const envelopes: [number, Uint8Array][] = []
  const zombie = new Rig({
    log: new (class extends MemoryLog {
      override append(position: number, records: number, envelope: Uint8Array): void {
        super.append(position, records, envelope)
        envelopes.push([position, envelope.slice()])
      }
    })({ keep: true }),
  })
  zombie.edge().publish('t', 'stray')
  zombie.settle()
  const rig = new Rig({ log: new MemoryLog({ keep: true }) })
  const edge = rig.edge()
  edge.subscribe('s', edge.connect('s').epoch, sub('t'))
  for (const [position, envelope] of envelopes) rig.core.adopt(position, envelope)
  rig.settle()
  expect([edge.texts, rig.stats.logRecords]).toEqual([['stray'], 1])
})
