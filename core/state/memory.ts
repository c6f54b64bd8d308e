/** The state in memory: for `:memory:` and for tests. Nothing in it survives the process. */
import type { ClientKey, Tenant, TopicFilter, TopicName } from '../contract/ids.ts'
import type { Message } from '../contract/message.ts'
import { MEMORY_COMMITS } from '../log/memory.ts'
import type { SessionRecord, State, StateVisitor, StoredSubscription } from './port.ts'

interface HeldSession {
  record: SessionRecord | undefined
  readonly subscriptions: Map<TopicFilter, StoredSubscription>
}

export class MemoryState implements State {
  readonly commits = MEMORY_COMMITS
  readonly #sessions = new Map<ClientKey, HeldSession>()
  readonly #retained = new Map<string, Message>()

  load(visit: StateVisitor): undefined {
    for (const s of this.#sessions.values()) if (s.record !== undefined) visit.session(s.record)
    for (const [client, s] of this.#sessions)
      for (const subscription of s.subscriptions.values()) visit.subscription(client, subscription)
    for (const m of this.#retained.values()) visit.retained(m)
  }

  putSession(record: SessionRecord): void {
    this.#session(record.client).record = record
  }

  deleteSession(client: ClientKey): void {
    this.#sessions.delete(client)
  }

  putSubscription(client: ClientKey, subscription: StoredSubscription): void {
    this.#session(client).subscriptions.set(subscription.filter, subscription)
  }

  deleteSubscription(client: ClientKey, filter: TopicFilter): void {
    this.#sessions.get(client)?.subscriptions.delete(filter)
  }

  putRetained(message: Message): void {
    this.#retained.set(`${message.tenant}:${message.topic}`, message)
  }

  deleteRetained(tenant: Tenant, topic: TopicName): void {
    this.#retained.delete(`${tenant}:${topic}`)
  }

  #session(client: ClientKey): HeldSession {
    let s = this.#sessions.get(client)
    if (s === undefined) this.#sessions.set(client, (s = { record: undefined, subscriptions: new Map() }))
    return s
  }
}
