/** Wills of clients that their edge sent away: held for a grace, discarded if they come back, published once if they do not. */
import { describe, expect, test } from 'vitest'
import { MemoryInboxes } from '../../../../core/inbox/memory.ts'
import { MemoryLog } from '../../../../core/log/memory.ts'
import { MemoryState } from '../../../../core/state/memory.ts'
import { key, NOTHING, Rig, sub, will } from '../rig.ts'

const HOLD_MS = 30_000
const SENT_AWAY = { will: true, sentAway: true }

/** A client with a will whose edge sends it away, and somebody who sees the will. */
function sentAway(expirySec: number, delaySec = 0, stores = {}) {
  const rig = new Rig(stores)
  const watcher = rig.edge()
  watcher.subscribe('w', watcher.connect('w', { expirySec: 0 }).epoch, sub('will'))
  const edge = rig.edge()
  const { epoch } = edge.connect('s', { expirySec, will: will('will', { delaySec }) })
  edge.subscribe('s', epoch, sub('t'))
  edge.release('s', epoch, { ...SENT_AWAY, expirySec })
  return { rig, watcher, edge, epoch }
}

describe.each([0, 5, 3600])('expiry %i s', expirySec => {
  test('it is published once, after the grace', () => {
    const { rig, watcher } = sentAway(expirySec)
    rig.pass(HOLD_MS - 1000)
    expect(watcher.texts).toEqual([])
    rig.pass(1000)
    rig.pass(3_600_000)
    expect(watcher.texts).toEqual(['gone'])
    expect([rig.stats.willsHeld, rig.stats.willsPublished, rig.stats.nowSessions]).toEqual([1, 1, 1])
  })

  test.each([false, true])('one who comes back before discards it; clean start %s', cleanStart => {
    const { rig, watcher } = sentAway(expirySec)
    rig.pass(4_000)
    const { present, state } = rig.edge().connect('s', { cleanStart, expirySec })
    expect(present).toBe(!cleanStart && expirySec > 0)
    expect(state.subscriptions).toHaveLength(present ? 1 : 0)
    rig.pass(3_600_000)
    expect(watcher.texts).toEqual([])
  })

  test('the will of the new connection is a will like any other', () => {
    const { rig, watcher } = sentAway(expirySec)
    const edge = rig.edge()
    const { epoch } = edge.connect('s', { expirySec, will: will('will') })
    edge.release('s', epoch, { will: true, expirySec })
    rig.pass(1000)
    expect(watcher.texts).toEqual(['gone'])
  })

  test('it survives the core, and so does the grace', () => {
    const stores = { log: new MemoryLog(), state: new MemoryState(), inboxes: new MemoryInboxes() }
    const { rig } = sentAway(expirySec, 0, stores)
    const next = new Rig({ ...stores, now: rig.now + 20_000 })
    next.settle()
    next.pass(5_000)
    expect(next.stats.willsPublished).toBe(0)
    next.pass(6_000)
    expect(next.stats.willsPublished).toBe(1)
    next.pass(3_600_000)
    expect([next.stats.willsPublished, next.stats.nowSessions]).toEqual([1, 0])
    const { present } = new Rig({ ...stores, now: next.now }).edge().connect('s')
    expect(present).toBe(false)
  })
})

test('a longer delay of its own counts', () => {
  const { rig, watcher } = sentAway(3600, 60)
  rig.pass(59_000)
  expect(watcher.texts).toEqual([])
  rig.pass(2_000)
  expect(watcher.texts).toEqual(['gone'])
})

test('without anything but its will, nothing is kept for the client, by its epoch or by its name', () => {
  const { rig, edge, epoch } = sentAway(0)
  edge.subscribe('s', epoch, sub('late'))
  edge.publish('late', 'm')
  edge.publish('t', 'm')
  edge.publish('$p2p/s', 'm', { target: key('s') })
  rig.settle()
  expect([rig.stats.inboxAppended, rig.stats.nowInboxMessages, rig.stats.nowSubscriptions]).toEqual([0, 0, 1])
  const back = edge.connect('s', { expirySec: 0 })
  expect(back.state).toMatchObject({ subscriptions: [], inflight: [], queued: false })
})

test('who waits for the session while its edge lets go has come back already', () => {
  const rig = new Rig()
  const watcher = rig.edge()
  watcher.subscribe('w', watcher.connect('w', { expirySec: 0 }).epoch, sub('will'))
  const old = rig.edge()
  old.connect('s', { expirySec: 0, will: will('will') })
  old.onKick = () => ({ ...SENT_AWAY, expirySec: 0, outbound: NOTHING })
  expect(rig.edge().connect('s').present).toBe(false)
  rig.pass(3_600_000)
  expect(watcher.texts).toEqual([])
})

test('without a will there is nothing to hold', () => {
  const rig = new Rig()
  const edge = rig.edge()
  edge.release('s', edge.connect('s', { expirySec: 0 }).epoch, { ...SENT_AWAY, expirySec: 0 })
  expect([rig.stats.willsHeld, rig.stats.nowSessions]).toEqual([0, 0])
})
