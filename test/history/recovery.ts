/** How long a fault was felt, from the history of its round. Pure. */
import { eventsOf, type HistoryEvent } from './history.ts'

/** Milliseconds from the beginning of the fault, one value for each client that was concerned. */
export interface Recovery {
  /** Until a publisher had a message acknowledged that it sent after the fault began. */
  readonly publishMs: readonly number[]
  /** Until a client whose connection ended, not by its own will, had a CONNACK again. */
  readonly ownedMs: readonly number[]
}

/** @param concerns which clients are looked at; default all */
export function recoveryOf(events: readonly HistoryEvent[], concerns = (_client: string): boolean => true): Recovery {
  const fault = eventsOf(events, 'fault')[0]
  if (fault === undefined) return { publishMs: [], ownedMs: [] }
  const struckAt = eventsOf(events, 'struck')[0]?.at ?? fault.at
  const after = events.filter(event => event.at >= fault.at && 'client' in event && concerns(event.client))
  return {
    publishMs: [...firstPublishes(after, struckAt).values()].map(at => at - fault.at),
    ownedMs: [...regained(after).values()].map(at => at - fault.at),
  }
}

/** By publisher: when the first message that was sent from then on was acknowledged. */
function firstPublishes(events: readonly HistoryEvent[], from: number): Map<string, number> {
  const sent = new Set<string>()
  const first = new Map<string, number>()
  for (const event of events) {
    if (event.is === 'sent' && event.at >= from && !event.dup && !event.retain) sent.add(event.payload)
    if (event.is === 'acknowledged' && sent.has(event.payload) && !first.has(event.client)) {
      first.set(event.client, event.at)
    }
  }
  return first
}

/** By client: when its first connection after a loss was accepted. */
function regained(events: readonly HistoryEvent[]): Map<string, number> {
  const lost = new Set<string>()
  const again = new Map<string, number>()
  for (const event of events) {
    if (event.is === 'closed' && event.by === 'server') lost.add(event.client)
    if (event.is === 'connack' && lost.has(event.client) && !again.has(event.client)) again.set(event.client, event.at)
  }
  return again
}
