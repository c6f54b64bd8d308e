/** How fast and how many connections come in: the bucket and the gate, with pretended time. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { AcceptGate, TokenBucket, type Waiting } from '../../../../edge/listen/accept-limit.ts'
import { EdgeStats } from '../../../../edge/stats.ts'

describe('token bucket', () => {
  test('gives its burst at once, then its rate', () => {
    const bucket = new TokenBucket(10, 3, 0)
    expect([1, 2, 3, 4].map(() => bucket.take(0))).toEqual([true, true, true, false])
    expect(bucket.take(99)).toBe(false)
    expect(bucket.take(100)).toBe(true)
    expect(bucket.take(100)).toBe(false)
  })

  test('never holds more than its burst', () => {
    const bucket = new TokenBucket(1000, 2, 0)
    expect([1, 2, 3].map(() => bucket.take(60_000))).toEqual([true, true, false])
  })

  test('a clock that steps back gives no token and breaks nothing', () => {
    const bucket = new TokenBucket(1, 1, 1000)
    expect(bucket.take(1000)).toBe(true)
    expect(bucket.take(0)).toBe(false)
    expect(bucket.take(1999)).toBe(false)
    expect(bucket.take(2000)).toBe(true)
  })
})

describe('gate', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 1_000_000 })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  const limits = { acceptPerSecond: 100, acceptBurst: 2, maxConnections: 5 }
  const waiting = (log: string[], name: string, alive = true): Waiting => ({
    enter: () => {
      if (alive) log.push(name)
      return alive
    },
    refuse: () => void log.push(`no ${name}`),
  })

  test('delays what comes faster than the rate, in order, and counts it', () => {
    const stats = new EdgeStats()
    const gate = new AcceptGate(limits, stats)
    const log: string[] = []
    expect([gate.arrive(), gate.arrive(), gate.arrive()]).toEqual(['enter', 'enter', 'wait'])
    gate.queue(waiting(log, 'a'))
    expect(gate.arrive()).toBe('wait')
    gate.queue(waiting(log, 'b'))
    vi.advanceTimersByTime(10)
    expect(log).toEqual(['a'])
    vi.advanceTimersByTime(10)
    expect(log).toEqual(['a', 'b'])
    expect(stats).toMatchObject({ accepted: 4, acceptDelayed: 2, nowConnections: 4 })
  })

  test('one that left the line costs no token', () => {
    const gate = new AcceptGate(limits, new EdgeStats())
    const log: string[] = []
    gate.arrive()
    gate.arrive()
    gate.queue(waiting(log, 'gone', false))
    gate.queue(waiting(log, 'here'))
    vi.advanceTimersByTime(10)
    expect(log).toEqual(['here'])
    expect(gate.waiting).toBe(0)
  })

  test('refuses beyond the ceiling and lets in again when one leaves', () => {
    const stats = new EdgeStats()
    const gate = new AcceptGate({ ...limits, acceptBurst: 100 }, stats)
    for (let i = 0; i < 5; i++) expect(gate.arrive()).toBe('enter')
    expect(gate.arrive()).toBe('refuse')
    gate.leave()
    expect(stats).toMatchObject({ nowConnections: 4, acceptRefused: 1 })
    expect(gate.arrive()).toBe('enter')
  })

  test('the line is bounded, and emptied when the process stops', async () => {
    const gate = new AcceptGate(limits, new EdgeStats(), Date.now, 2)
    const log: string[] = []
    gate.arrive()
    gate.arrive()
    gate.queue(waiting(log, 'a'))
    const late = gate.admit()
    expect(gate.arrive()).toBe('refuse')
    gate.clear()
    expect(log).toEqual(['no a'])
    expect(await late).toBe(false)
  })

  test('admit waits its turn', async () => {
    const gate = new AcceptGate(limits, new EdgeStats())
    expect(await Promise.all([gate.admit(), gate.admit()])).toEqual([true, true])
    const third = gate.admit()
    vi.advanceTimersByTime(10)
    expect(await third).toBe(true)
  })
})
