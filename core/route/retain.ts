/**
 * Retained messages of all tenants within their bounds: the index in memory and its copy in the state. Of several for one
 * topic the one with the highest stamp holds, whatever the order they come in. Does not decide who may read.
 */
import { messageBytes, own } from '../contract/codec.ts'
import type { Tenant, TopicFilter, TopicName } from '../contract/ids.ts'
import type { Limits } from '../contract/limits.ts'
import type { RetainedPage } from '../contract/link.ts'
import { Message, NEVER, NO_BYTES } from '../contract/message.ts'
import { RetainedIndex } from '../retained/index.ts'
import { Deadlines } from '../session/deadlines.ts'
import type { State } from '../state/port.ts'
import type { CoreEvents, CoreStats } from '../stats.ts'

export interface RetainedOptions {
  readonly state: State
  readonly limits: Limits
  readonly stats: CoreStats
  readonly events: CoreEvents
  /** ms since the epoch. */
  readonly now: () => number
  /** With several sites: how many topics without a message are remembered, so that no older one comes back. Default: none. */
  readonly tombstones?: number
}

/** Topics below it are kept in memory only. */
export const SYS_PREFIX = '$SYS/'

/** A tombstone is kept like a message, with an empty payload. */
const isTombstone = (m: Message): boolean => m.payload.length === 0

const topicKey = (m: Message): string => `${m.tenant}:${m.topic}`

/** The same at every site: by stamp, then by who accepted it. */
function isNewer(a: Message, b: Message): boolean {
  if (a.stamp !== b.stamp) return a.stamp > b.stamp
  return a.origin === b.origin ? a.seq > b.seq : a.origin > b.origin
}

export class Retained {
  readonly #o: RetainedOptions
  readonly #tenants = new Map<Tenant, RetainedIndex<Message>>()
  readonly #expiry = new Deadlines<Message>()
  /** Accepted in this turn, not yet in the index: the copy that goes there. */
  readonly #accepted = new Map<Message, Message>()
  /** Of these the last per topic. */
  readonly #newest = new Map<string, Message>()
  /** Oldest first. */
  readonly #tombstones = new Set<Message>()
  /** The highest stamp that was given or seen. */
  #clock = 0

  readonly #maxTombstones: number

  constructor(options: RetainedOptions) {
    this.#o = options
    this.#maxTombstones = options.tombstones ?? 0
  }

  /** From the state, at start. */
  load(message: Message): void {
    this.#clock = Math.max(this.#clock, message.stamp)
    // There were several sites once.
    if (!this.#isKept(message)) this.#store(message)
    this.#set(message)
  }

  /**
   * Writes it to the state, in the commit of its publish; an empty payload removes what is there [MQTT-3.3.1-6]. The index
   * changes at `apply`. The bounds see what was applied, so one turn may go beyond them. One without a stamp is from this
   * site, and gets one above all that were seen; another may come too late, and then changes nothing.
   */
  accept(message: Message): void {
    if (message.stamp === 0) message.stamp = Math.max(Math.floor(this.#o.now()), this.#clock + 1)
    else if (this.#isStale(message)) {
      this.#o.stats.retainedStale++
      return
    }
    const kept = this.#keep(message)
    if (kept === undefined) return
    this.#accepted.set(message, kept)
    this.#newest.set(topicKey(kept), kept)
  }

  /** The message is routed: from now on it is what new subscribers get. */
  apply(message: Message): void {
    const kept = this.#accepted.get(message)
    if (kept === undefined) return
    this.#accepted.delete(message)
    const key = topicKey(kept)
    if (this.#newest.get(key) === kept) this.#newest.delete(key)
    const known = this.get(kept.tenant, kept.topic)
    if (known === undefined || isNewer(kept, known)) this.#set(kept)
  }

  /** At start: the log holds it, and what holds the state may be older. */
  replay(message: Message): void {
    if (this.#isStale(message)) return
    this.accept(message)
    this.apply(message)
  }

  /** What another site has stored: nobody gets it for that, but who subscribes from now on. */
  take(message: Message): void {
    this.accept(message)
    this.apply(message)
  }

  /** What is known of the topic: a message, or a tombstone. */
  get(tenant: Tenant, topic: TopicName): Message | undefined {
    return this.#tenants.get(tenant)?.get(topic)
  }

  /** One is on its way into the index. */
  isAccepted(tenant: Tenant, topic: TopicName): boolean {
    return this.#newest.has(`${tenant}:${topic}`)
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
    return { messages: values.filter(m => !isTombstone(m) && (m.expiresAt === NEVER || m.expiresAt > now)), next }
  }

  /** Removes what has expired [MQTT-3.3.2-5 of 5.0]. */
  tick(now: number): void {
    for (const message of this.#expiry.due(now)) {
      if (this.get(message.tenant, message.topic) !== message) continue
      if (isTombstone(message)) this.#bury(message)
      else {
        this.#o.stats.retainedExpired++
        const tombstone = this.#tombstoneOf(message)
        // The state may hold the next one already, in the commit of its publish.
        if (!this.#newest.has(topicKey(message))) this.#store(tombstone)
        this.#set(tombstone)
      }
    }
  }

  #isStale(message: Message): boolean {
    const known = this.#newest.get(topicKey(message)) ?? this.get(message.tenant, message.topic)
    return known !== undefined && !isNewer(message, known)
  }

  /** What is to be kept of it is in the state; undefined if it goes beyond a bound. */
  #keep(message: Message): Message | undefined {
    this.#clock = Math.max(this.#clock, message.stamp)
    const why = isTombstone(message) ? undefined : this.#refusal(message)
    if (why !== undefined) {
      this.#o.stats.retainedRefused++
      this.#o.events({ is: 'retained-refused', topic: message.topic, why })
      return undefined
    }
    const kept = isTombstone(message) ? this.#tombstoneOf(message) : own(message)
    this.#store(kept)
    return kept
  }

  /** As long as an older message may wait in the inbox of a site. */
  #tombstoneOf({ origin, seq, tenant, topic, stamp }: Message): Message {
    const expiresAt = this.#o.now() + this.#o.limits.inboxAgeSec * 1000
    return new Message(origin, seq, { tenant, topic, qos: 0, payload: NO_BYTES, retain: true, expiresAt, stamp })
  }

  #store(kept: Message): void {
    if (kept.topic.startsWith(SYS_PREFIX)) return
    if (this.#isKept(kept)) this.#o.state.putRetained(kept)
    else this.#o.state.deleteRetained(kept.tenant, kept.topic)
  }

  #isKept(message: Message): boolean {
    return !isTombstone(message) || this.#maxTombstones > 0
  }

  #set(kept: Message): void {
    if (!this.#isKept(kept)) return this.#forget(this.#tenants.get(kept.tenant)?.delete(kept.topic))
    let index = this.#tenants.get(kept.tenant)
    if (index === undefined) this.#tenants.set(kept.tenant, (index = new RetainedIndex()))
    this.#forget(index.set(kept.topic, kept))
    this.#count(kept, 1)
    if (kept.expiresAt !== NEVER) this.#expiry.set(kept, kept.expiresAt)
    if (!isTombstone(kept)) return
    this.#tombstones.add(kept)
    for (const oldest of this.#tombstones) {
      if (this.#tombstones.size <= this.#maxTombstones) break
      this.#bury(oldest)
    }
  }

  /** Nothing is known of its topic any more. */
  #bury(tombstone: Message): void {
    const { tenant, topic } = tombstone
    this.#forget(this.#tenants.get(tenant)?.delete(topic))
    if (!this.#newest.has(topicKey(tombstone))) this.#o.state.deleteRetained(tenant, topic)
  }

  /** Takes what left the index off the books. */
  #forget(previous: Message | undefined): void {
    if (previous === undefined) return
    this.#count(previous, -1)
    this.#tombstones.delete(previous)
    if (previous.expiresAt !== NEVER) this.#expiry.delete(previous)
  }

  #count(message: Message, sign: 1 | -1): void {
    const { stats } = this.#o
    if (isTombstone(message)) stats.nowTombstones += sign
    else {
      stats.nowRetained += sign
      stats.nowRetainedBytes += sign * messageBytes(message)
    }
  }

  #refusal(message: Message): 'payload' | 'count' | 'bytes' | undefined {
    const { limits, stats } = this.#o
    if (message.payload.length > limits.retainedPayloadBytes) return 'payload'
    const known = this.get(message.tenant, message.topic)
    const previous = known !== undefined && isTombstone(known) ? undefined : known
    if (previous === undefined && stats.nowRetained >= limits.retainedMessages) return 'count'
    const grown = messageBytes(message) - (previous === undefined ? 0 : messageBytes(previous))
    return stats.nowRetainedBytes + grown > limits.retainedBytes ? 'bytes' : undefined
  }
}
