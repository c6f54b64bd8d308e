/** Judges that each will came exactly once per abnormal end, and none of a client that said goodbye. Pure. */
import { eventsOf, type HistoryEvent } from './history.ts'

export interface WillRules {
  /** Clients whose region could not tell the others that it lives: their wills may come, once. */
  readonly maybeDead?: ReadonlySet<string>
}

/** Wills that are due and have not come. Payloads are unique: one will per client id and connection; `watcher` has a session that gets all of them. */
export const lostWills = (events: readonly HistoryEvent[], watcher: string, rules: WillRules = {}): string[] =>
  judge(events, watcher, rules).flatMap(({ client, times, due }) =>
    due === 'once' && times === 0 ? [`The will of ${client} did not come`] : [],
  )

/** Wills that came and must not have, or more than once. */
export const wrongWills = (events: readonly HistoryEvent[], watcher: string, rules: WillRules = {}): string[] =>
  judge(events, watcher, rules).flatMap(({ client, times, due }) => {
    if (times > 1) return [`The will of ${client} came ${times} times`]
    return due === 'never' && times > 0 ? [`The will of ${client} came, and it was connected or had said goodbye`] : []
  })

interface WillCase {
  readonly client: string
  readonly times: number
  /** `maybe`: nobody can say whether the edge got the CONNECT, or the DISCONNECT. */
  readonly due: 'once' | 'never' | 'maybe'
}

function judge(events: readonly HistoryEvent[], watcher: string, { maybeDead }: WillRules): WillCase[] {
  const count = new Map<string, number>()
  for (const { client, payload, taken } of eventsOf(events, 'received')) {
    if (client === watcher && taken) count.set(payload, (count.get(payload) ?? 0) + 1)
  }
  const accepted = new Set(eventsOf(events, 'connack').map(one => one.client))
  const ended = new Set(eventsOf(events, 'closed').map(one => one.client))
  const farewells = new Map(eventsOf(events, 'farewell').map(one => [one.client, one.sure]))
  return eventsOf(events, 'will').map(({ client, payload, delayed }) => {
    const farewell = farewells.get(client)
    const silent = delayed === true || !ended.has(client) || farewell === true
    const due = silent
      ? maybeDead?.has(client)
        ? 'maybe'
        : 'never'
      : farewell === undefined && accepted.has(client)
        ? 'once'
        : 'maybe'
    return { client, times: count.get(payload) ?? 0, due }
  })
}
