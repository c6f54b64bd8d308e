/** What outlives the core beside the log: session records, subscriptions, inboxes, retained messages. Writes are durable with the next commit of `commits`; reads see all earlier writes. Owns no rule of MQTT. */
import type { ClientKey, Tenant, TopicFilter, TopicName } from '../contract/ids.ts'
import type { Message } from '../contract/message.ts'
import type { Inflight, Subscription, Will } from '../contract/session.ts'
import type { Commits } from '../log/port.ts'

/** A subscription and the log position since when it holds: older messages are not for it. */
export interface StoredSubscription extends Subscription {
  readonly since: number
}

/** A session without its subscriptions and its inbox. Times in ms since the epoch. */
export interface SessionRecord {
  readonly client: ClientKey
  readonly epoch: number
  /** Log position at which the session began: older steps and messages are not its own. */
  readonly since: number
  /** Steps of the log before this position are in `inflight` and `received` already. */
  readonly asOf: number
  readonly expirySec: number
  /** When its connection ended; 0 while it is online. */
  readonly offlineAt: number
  /** Not published yet. */
  readonly will: Will | undefined
  readonly inflight: readonly Inflight[]
  readonly received: readonly number[]
}

export interface InboxEntry {
  /** Order within the inbox. May be negative. */
  readonly position: number
  /** When it was stored. ms since the epoch. */
  readonly at: number
  readonly message: Message
}

/** Where an inbox stands when the state is loaded. */
export interface InboxSummary {
  readonly count: number
  readonly bytes: number
  readonly qos0: number
  readonly last: number
}

/** What `load` calls: records before subscriptions and inboxes. */
export interface StateVisitor {
  session(record: SessionRecord): void
  subscription(client: ClientKey, subscription: StoredSubscription): void
  inbox(client: ClientKey, summary: InboxSummary): void
  retained(message: Message): void
}

export interface State {
  readonly commits: Commits
  load(visit: StateVisitor): void
  putSession(record: SessionRecord): void
  /** With its subscriptions and its inbox. */
  deleteSession(client: ClientKey): void
  putSubscription(client: ClientKey, subscription: StoredSubscription): void
  deleteSubscription(client: ClientKey, filter: TopicFilter): void
  /** `entry.position` is not in use in this inbox; `bytes` is its size for `InboxSummary`. The message is kept: it must own its bytes, or be encoded at once. */
  putInbox(client: ClientKey, entry: InboxEntry, bytes: number): void
  deleteInbox(client: ClientKey, position: number): void
  /** At most `limit` entries with positions above `after`, in order; `qos0Only` leaves out the others. Fewer than `limit`: there are no more. */
  readInbox(
    client: ClientKey,
    after: number,
    limit: number,
    qos0Only: boolean,
    done: (entries: readonly InboxEntry[]) => void,
  ): void
  /** One per (tenant, topic). */
  putRetained(message: Message): void
  deleteRetained(tenant: Tenant, topic: TopicName): void
}
