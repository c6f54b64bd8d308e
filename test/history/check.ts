/** All findings about one round: every check over its history, and what clients complained about themselves. Pure. */
import { lostMessages, type Order, type Owed, wrongMessages } from './check-messages.ts'
import { checkOwners, type OwnerRules } from './check-owners.ts'
import { lostWills, type WillRules, wrongWills } from './check-wills.ts'
import { eventsOf, type HistoryEvent, type Subscription } from './history.ts'

export interface RoundRules extends OwnerRules, WillRules {
  readonly round: number
  /** Stand since before the round began. */
  readonly subscriptions: readonly Subscription[]
  /** The client whose session gets every will. */
  readonly watcher: string
  /** What earlier rounds have missed and may come late. */
  readonly owed?: Owed
  /** Default `kept`. */
  readonly order?: Order
}

/** What has not come yet. Once nothing is under way, these are losses. Retained messages are judged apart (`check-retained.ts`). */
export const missing = (events: readonly HistoryEvent[], rules: RoundRules): string[] => [
  ...lostMessages(events, rules.subscriptions),
  ...lostWills(events, rules.watcher, rules),
]

/** What came, or was said, and must not have been. */
export const wrong = (events: readonly HistoryEvent[], rules: RoundRules): string[] => [
  ...eventsOf(events, 'wrong').map(({ client, what }) => `${client}: ${what}`),
  ...wrongMessages(events, rules.subscriptions, rules.round, rules.owed, rules.order),
  ...checkOwners(events, rules),
  ...wrongWills(events, rules.watcher, rules),
]
