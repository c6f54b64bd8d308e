/** The state in memory: for `:memory:` and for tests. Nothing in it survives the process. */
import { own } from '../contract/codec.ts'
import type { ClientKey, Tenant, TopicFilter, TopicName } from '../contract/ids.ts'
import type { Message } from '../contract/message.ts'
import { MEMORY_COMMITS } from '../log/memory.ts'
import type { InboxEntry, SessionRecord, State, StateVisitor, StoredSubscription } from './port.ts'

interface Held extends InboxEntry {
  readonly bytes: number
}

interface HeldSession {
  record: SessionRecord | undefined
  readonly subscriptions: Map<TopicFilter, StoredSubscription>
  /** By position. */
  inbox: Held[]
}

export class MemoryState implements State {
  readonly commits = MEMORY_COMMITS
  readonly #sessions = new Map<ClientKey, HeldSession>()
  readonly #retained = new Map<string, Message>()
  #lastGiven: Message | undefined = undefined
  #lastOwned: Message | undefined = undefined

  load(visit: StateVisitor): void {
    for (const s of this.#sessions.values()) if (s.record !== undefined) visit.session(s.record)
    for (const [client, s] of this.#sessions) {
      for (const subscription of s.subscriptions.values()) visit.subscription(client, subscription)
      if (s.inbox.length === 0) continue
      const sum = { count: s.inbox.length, bytes: 0, qos0: 0, last: s.inbox.at(-1)!.position }
      for (const e of s.inbox) {
        sum.bytes += e.bytes
        if (e.message.qos === 0) sum.qos0++
      }
      visit.inbox(client, sum)
    }
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

  putInbox(client: ClientKey, entry: InboxEntry, bytes: number): void {
    const { inbox } = this.#session(client)
    const held = { position: entry.position, at: entry.at, message: this.#owned(entry.message), bytes }
    const last = inbox.at(-1)
    if (last === undefined || last.position < entry.position) inbox.push(held)
    else inbox.splice(after(inbox, entry.position), 0, held)
  }

  deleteInbox(client: ClientKey, position: number): void {
    const inbox = this.#sessions.get(client)?.inbox
    if (inbox === undefined) return
    const i = after(inbox, position) - 1
    if (inbox[i]?.position === position) inbox.splice(i, 1)
  }

  readInbox(
    client: ClientKey,
    from: number,
    limit: number,
    qos0Only: boolean,
    done: (entries: readonly InboxEntry[]) => void,
  ): void {
    const inbox = this.#sessions.get(client)?.inbox ?? []
    const found: InboxEntry[] = []
    for (let i = after(inbox, from); i < inbox.length && found.length < limit; i++)
      if (!qos0Only || inbox[i]!.message.qos === 0) found.push(inbox[i]!)
    done(found)
  }

  putRetained(message: Message): void {
    this.#retained.set(`${message.tenant}:${message.topic}`, message)
  }

  deleteRetained(tenant: Tenant, topic: TopicName): void {
    this.#retained.delete(`${tenant}:${topic}`)
  }

  /** One copy for all inboxes that get the same message. */
  #owned(message: Message): Message {
    if (this.#lastGiven !== message) {
      this.#lastGiven = message
      this.#lastOwned = own(message)
    }
    return this.#lastOwned!
  }

  #session(client: ClientKey): HeldSession {
    let s = this.#sessions.get(client)
    if (s === undefined) this.#sessions.set(client, (s = { record: undefined, subscriptions: new Map(), inbox: [] }))
    return s
  }
}

/** Index of the first entry above `position`. */
function after(inbox: readonly Held[], position: number): number {
  let low = 0
  let high = inbox.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (inbox[middle]!.position <= position) low = middle + 1
    else high = middle
  }
  return low
}
