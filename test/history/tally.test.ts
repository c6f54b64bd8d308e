/** Counts of a made-up history. */
import { expect, test } from 'vitest'
import type { HistoryEvent, Subscription } from './history.ts'
import { recoveryOf } from './recovery.ts'
import { sumOf, tally } from './tally.ts'

const subscriptions: Subscription[] = [
  { client: 'all', filter: 'load/#', qos: 2 },
  { client: 'one', filter: 'load/p/+', qos: 1 },
]
const sent = (number: number, qos: 0 | 1 | 2, at = 1): HistoryEvent => ({
  ...{ at, is: 'sent', client: 'p', topic: 'load/p/0', payload: `1/p/${number}`, qos, retain: false, dup: false },
})
const acknowledged = (number: number, at = 2): HistoryEvent => ({
  ...{ at, is: 'acknowledged', client: 'p', payload: `1/p/${number}` },
})
const received = (client: string, number: number, qos: 0 | 1 | 2): HistoryEvent => ({
  ...{ at: 3, is: 'received', client, connection: 1, topic: 'load/p/0', payload: `1/p/${number}`, qos },
  ...{ dup: false, packetId: 1, taken: true },
})

test('counts by the QoS of publish and of delivery', () => {
  const events = [
    ...[sent(1, 2), acknowledged(1), received('all', 1, 2), received('all', 1, 2), received('one', 1, 1)],
    ...[sent(2, 1), acknowledged(2), received('all', 2, 1)],
    // Not acknowledged, so not lost; without QoS everything that does not come is.
    ...[sent(3, 2), sent(4, 0), received('all', 4, 0)],
  ]
  const counts = tally(events, subscriptions, 1)
  expect(counts).toEqual([
    { sent: 1, acknowledged: 0, delivered: 1, duplicates: 0, lost: 1 },
    { sent: 1, acknowledged: 1, delivered: 2, duplicates: 0, lost: 1 },
    { sent: 2, acknowledged: 1, delivered: 1, duplicates: 1, lost: 0 },
  ])
  expect(sumOf([counts, counts])[2]).toEqual({ sent: 4, acknowledged: 2, delivered: 2, duplicates: 2, lost: 0 })
})

test('what belongs to an earlier round, or was not taken, is not counted', () => {
  const again = { ...received('all', 1, 2), taken: false } as HistoryEvent
  const events = [sent(1, 2), acknowledged(1), received('all', 1, 2), again]
  expect(tally(events, subscriptions, 2)[2].delivered).toBe(0)
  expect(tally(events, subscriptions, 1)[2]).toMatchObject({ delivered: 1, duplicates: 0 })
})

test('recovery counts from the fault, and looks at what was sent after it struck, by those it concerns', () => {
  const events: HistoryEvent[] = [
    { at: 10, is: 'fault', name: 'region-loss' },
    ...[sent(1, 1, 11), acknowledged(1, 12)],
    { at: 20, is: 'struck' },
    ...[sent(2, 1, 21), acknowledged(2, 40)],
  ]
  expect(recoveryOf(events).publishMs).toEqual([30])
  expect(recoveryOf(events, client => client !== 'p').publishMs).toEqual([])
})
