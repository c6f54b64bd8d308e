/** Judges that a client id has one live owner: once a newer connection has its CONNACK, the older one is silent and ends. Pure. */
import { type EventOf, eventsOf, type HistoryEvent } from './history.ts'

/** What may be on its way through sockets and the driver's own event loop when the newer CONNACK is read. */
const ON_ITS_WAY_MS = 1_000

export interface OwnerRules {
  /** An older connection must have ended so long after the newer CONNACK; undefined: not judged (its edge was cut off). */
  readonly closedWithinMs?: number
  /** Until then (on the clock of `at`) regions could not tell each other of a newer connection. */
  readonly apartUntil?: number
}

/** Clients open their connections one after another, so the order of their CONNACKs is the order of ownership. */
export function checkOwners(events: readonly HistoryEvent[], rules: OwnerRules = {}): string[] {
  const wrong: string[] = []
  const closed = new Map(eventsOf(events, 'closed').map(one => [one.connection, one.at]))
  const received = new Map<number, EventOf<'received'>[]>()
  for (const one of eventsOf(events, 'received')) {
    received.set(one.connection, [...(received.get(one.connection) ?? []), one])
  }
  const last = events.at(-1)?.at ?? 0
  for (const connacks of byClient(eventsOf(events, 'connack'))) {
    for (const [i, older] of connacks.entries()) {
      const newer = connacks[i + 1]
      if (newer === undefined) continue
      const from = Math.max(newer.at, rules.apartUntil ?? 0)
      const late = (received.get(older.connection) ?? []).filter(one => one.at > from + ON_ITS_WAY_MS)
      if (late.length > 0) {
        const ms = Math.round((late.at(-1)?.at ?? 0) - from)
        wrong.push(
          `${older.client} had two owners: its connection at ${older.edge} got ${late.length} messages up to ${ms} ms after the CONNACK of ${newer.edge}`,
        )
      }
      const until = rules.closedWithinMs
      if (until !== undefined && (closed.get(older.connection) ?? last) > from + until) {
        wrong.push(
          `${older.client} had two connections: the one at ${older.edge} was open ${until} ms after the CONNACK of ${newer.edge}`,
        )
      }
    }
  }
  return wrong
}

function byClient(connacks: readonly EventOf<'connack'>[]): EventOf<'connack'>[][] {
  const clients = new Map<string, EventOf<'connack'>[]>()
  for (const one of connacks) {
    const list = clients.get(one.client)
    if (list === undefined) clients.set(one.client, [one])
    else list.push(one)
  }
  return [...clients.values()]
}
