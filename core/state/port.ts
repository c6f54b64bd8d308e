/** What outlives the core beside log and inboxes: session records, subscriptions, retained messages. Writes are durable with the next commit of `commits`; reads see all earlier writes. Owns no rule of MQTT. */
import type { ClientKey, Tenant, TopicFilter, TopicName } from '../contract/ids.ts'
import type { Message } from '../contract/message.ts'
import type { Inflight, Subscription, Will } from '../contract/session.ts'
import type { Commits } from '../log/port.ts'
import type { SiteName } from '../site/port.ts'

/** A subscription and the log position since when it holds: older messages are not for it. */
export interface StoredSubscription extends Subscription {
  readonly since: number
}

/** A session without its subscriptions and its messages. Times in ms since the epoch. */
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
  /** As in `Session`: the will waits until then, even if the session has ended before. */
  readonly heldUntil: number
  /** As in `Session`; '' for no site. */
  readonly comesFrom: SiteName
  readonly inflight: readonly Inflight[]
  readonly received: readonly number[]
  /** What the inbox store wants kept (`InboxStore.mark`). */
  readonly inbox: Uint8Array | undefined
}

/** What `load` calls: records before subscriptions. */
export interface StateVisitor {
  session(record: SessionRecord): void
  subscription(client: ClientKey, subscription: StoredSubscription): void
  retained(message: Message): void
}

export interface State {
  readonly commits: Commits
  /** A promise if that takes time. */
  load(visit: StateVisitor): Promise<void> | undefined
  putSession(record: SessionRecord): void
  /** With its subscriptions. */
  deleteSession(client: ClientKey): void
  putSubscription(client: ClientKey, subscription: StoredSubscription): void
  deleteSubscription(client: ClientKey, filter: TopicFilter): void
  /** One per (tenant, topic). */
  putRetained(message: Message): void
  deleteRetained(tenant: Tenant, topic: TopicName): void
}
