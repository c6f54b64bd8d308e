/** Counts what a history holds, by QoS. Pure; `check-messages.ts` judges. */
import { matches } from './check-messages.ts'
import { type EventOf, eventsOf, type HistoryEvent, roundOf, type Subscription } from './history.ts'

/** What was sent and acknowledged counts by the QoS it was published with, the rest by the QoS it was to be delivered with. */
export interface Tally {
  sent: number
  acknowledged: number
  /** First deliveries, one for each subscription. */
  delivered: number
  duplicates: number
  /** Acknowledged, or sent with QoS 0, and not delivered. */
  lost: number
}

export type Tallies = readonly [Tally, Tally, Tally]

interface Sent {
  readonly topic: string
  readonly qos: 0 | 1 | 2
  isDue: boolean
}

/** Retained messages and wills are left out, and what belongs to other rounds. */
export function tally(events: readonly HistoryEvent[], subscriptions: readonly Subscription[], round: number): Tallies {
  const counts: Tallies = [zero(), zero(), zero()]
  const book = new Map<string, Sent>()
  for (const event of events) {
    if (event.is === 'sent' && !event.retain && !book.has(event.payload)) {
      book.set(event.payload, { topic: event.topic, qos: event.qos, isDue: event.qos === 0 })
      counts[event.qos].sent++
    } else if (event.is === 'acknowledged') {
      const message = book.get(event.payload)
      if (message === undefined || message.isDue) continue
      message.isDue = true
      counts[message.qos].acknowledged++
    }
  }
  const topics = Map.groupBy(book.entries(), ([, { topic }]) => topic)
  const received = Map.groupBy(eventsOf(events, 'received'), one => one.client)
  for (const one of subscriptions) {
    const own = (received.get(one.client) ?? []).filter(({ topic }) => matches(one.filter, topic))
    const got = countReceived(own, round, counts)
    for (const [topic, messages] of topics) {
      if (!matches(one.filter, topic)) continue
      for (const [payload, { qos, isDue }] of messages)
        if (isDue && !got.has(payload)) counts[lower(qos, one.qos)].lost++
    }
  }
  return counts
}

function countReceived(received: readonly EventOf<'received'>[], round: number, counts: Tallies): ReadonlySet<string> {
  const got = new Set<string>()
  for (const { payload, qos, taken } of received) {
    if (!taken || roundOf(payload) !== round) continue
    if (got.has(payload)) counts[qos].duplicates++
    else counts[qos].delivered++
    got.add(payload)
  }
  return got
}

const zero = (): Tally => ({ sent: 0, acknowledged: 0, delivered: 0, duplicates: 0, lost: 0 })
const lower = (a: 0 | 1 | 2, b: 0 | 1 | 2): 0 | 1 | 2 => (a < b ? a : b)

/** Several rounds together. */
export function sumOf(all: readonly Tallies[]): Tallies {
  const sum: Tallies = [zero(), zero(), zero()]
  for (const one of all)
    for (const qos of [0, 1, 2] as const)
      for (const key of ['sent', 'acknowledged', 'delivered', 'duplicates', 'lost'] as const)
        sum[qos][key] += one[qos][key]
  return sum
}
