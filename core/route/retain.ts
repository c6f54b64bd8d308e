/** Retained messages of all tenants within their bounds: the index in memory and its copy in the state. Does not decide who may read. */
import { messageBytes, own } from '../contract/codec.ts'
import type { Tenant, TopicFilter, TopicName } from '../contract/ids.ts'
import type { Limits } from '../contract/limits.ts'
import type { RetainedPage } from '../contract/link.ts'
import { type Message, NEVER } from '../contract/message.ts'
import { RetainedIndex } from '../retained/index.ts'
import { Deadlines } from '../session/deadlines.ts'
import type { State } from '../state/port.ts'
import type { CoreEvents, CoreStats } from '../stats.ts'

export interface RetainedOptions {
  readonly state: State
  readonly limits: Limits
  readonly stats: CoreStats
  readonly events: CoreEvents
}

/** Topics below it are kept in memory only. */
export const SYS_PREFIX = '$SYS/'

export class Retained {
  readonly #o: RetainedOptions
  readonly #tenants = new Map<Tenant, RetainedIndex<Message>>()
  readonly #expiry = new Deadlines<Message>()
  /** Accepted in this turn, not yet in the index: the copy that goes there. */
  readonly #accepted = new Map<Message, Message>()

  constructor(options: RetainedOptions) {
    this.#o = options
  }

  /** From the state, at start. */
  load(message: Message): void {
    this.#set(message)
  }

  /**
   * Writes it to the state, in the commit of its publish; an empty payload removes what is there [MQTT-3.3.1-6]. The index
   * changes at `apply`. The bounds see what was applied, so one turn may go beyond them.
   */
  accept(message: Message): void {
    const { state } = this.#o
    const persistent = !message.topic.startsWith(SYS_PREFIX)
    if (message.payload.length === 0) {
      if (persistent) state.deleteRetained(message.tenant, message.topic)
      this.#accepted.set(message, message)
      return
    }
    const why = this.#refusal(message)
    if (why !== undefined) {
      this.#o.stats.retainedRefused++
      this.#o.events({ is: 'retained-refused', topic: message.topic, why })
      return
    }
    const kept = own(message)
    if (persistent) state.putRetained(kept)
    this.#accepted.set(message, kept)
  }

  /** The message is routed: from now on it is what new subscribers get. */
  apply(message: Message): void {
    const kept = this.#accepted.get(message)
    if (kept === undefined) return
    this.#accepted.delete(message)
    if (kept.payload.length > 0) this.#set(kept)
    else this.#forget(this.#tenants.get(kept.tenant)?.delete(kept.topic))
  }

  /** At start: the log holds it, and what holds the state may be older. What the same process accepted later is newer. */
  replay(message: Message): void {
    const known = this.get(message.tenant, message.topic)
    if (known !== undefined && known.origin === message.origin && known.seq >= message.seq) return
    this.accept(message)
    this.apply(message)
  }

  get(tenant: Tenant, topic: TopicName): Message | undefined {
    return this.#tenants.get(tenant)?.get(topic)
  }

  /** One is on its way into the index. */
  isAccepted(tenant: Tenant, topic: TopicName): boolean {
    for (const m of this.#accepted.keys()) if (m.tenant === tenant && m.topic === topic) return true
    return false
  }

  /** All that the state should hold. */
  stored(): Message[] {
    const all: Message[] = []
    for (const index of this.#tenants.values())
      for (const message of index.values()) if (!message.topic.startsWith(SYS_PREFIX)) all.push(message)
    return all
  }

  /** A page of at most `limit` messages; expired ones are left out. */
  page(tenant: Tenant, filter: TopicFilter, cursor: string | undefined, limit: number, now: number): RetainedPage {
    const index = this.#tenants.get(tenant)
    if (index === undefined) return { messages: [], next: undefined }
    const { values, next } = index.match(filter, cursor, limit)
    return { messages: values.filter(m => m.expiresAt === NEVER || m.expiresAt > now), next }
  }

  /** Removes what has expired [MQTT-3.3.2-5 of 5.0]. */
  tick(now: number): void {
    const due = this.#expiry.due(now)
    if (due.length === 0) return
    // The state may hold the next one already, in the commit of its publish.
    const replaced = new Set([...this.#accepted.keys()].map(m => `${m.tenant}:${m.topic}`))
    for (const message of due) {
      const index = this.#tenants.get(message.tenant)
      if (index?.get(message.topic) !== message) continue
      this.#forget(index.delete(message.topic))
      if (!replaced.has(`${message.tenant}:${message.topic}`))
        this.#o.state.deleteRetained(message.tenant, message.topic)
      this.#o.stats.retainedExpired++
    }
  }

  #set(kept: Message): void {
    let index = this.#tenants.get(kept.tenant)
    if (index === undefined) this.#tenants.set(kept.tenant, (index = new RetainedIndex()))
    this.#forget(index.set(kept.topic, kept))
    this.#o.stats.nowRetained++
    this.#o.stats.nowRetainedBytes += messageBytes(kept)
    if (kept.expiresAt !== NEVER) this.#expiry.set(kept, kept.expiresAt)
  }

  /** Takes what left the index off the books. */
  #forget(previous: Message | undefined): void {
    if (previous === undefined) return
    this.#o.stats.nowRetained--
    this.#o.stats.nowRetainedBytes -= messageBytes(previous)
    if (previous.expiresAt !== NEVER) this.#expiry.delete(previous)
  }

  #refusal(message: Message): 'payload' | 'count' | 'bytes' | undefined {
    const { limits, stats } = this.#o
    if (message.payload.length > limits.retainedPayloadBytes) return 'payload'
    const previous = this.#tenants.get(message.tenant)?.get(message.topic)
    if (previous === undefined && stats.nowRetained >= limits.retainedMessages) return 'count'
    const grown = messageBytes(message) - (previous === undefined ? 0 : messageBytes(previous))
    return stats.nowRetainedBytes + grown > limits.retainedBytes ? 'bytes' : undefined
  }
}
