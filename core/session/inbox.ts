/** Inboxes within their bounds: append, put back in front, read on, remove. Keeps the books; the entries are in the store. */
import { messageBytes } from '../contract/codec.ts'
import type { Limits } from '../contract/limits.ts'
import type { Handed } from '../contract/link.ts'
import { type Message, messageKey, NEVER } from '../contract/message.ts'
import type { InboxEntry, InboxHead, InboxStore, InboxSummary } from '../inbox/port.ts'
import type { CoreEvents, CoreStats } from '../stats.ts'
import { Inbox, type Reading, type Session } from './session.ts'

/** Appended entries lie this far apart, so that what an edge hands back fits in front of what it has not read. */
const GAP = 65_536
/** A page ends early beyond it. */
const PAGE_BYTES = 4 * 1024 * 1024
/** Beyond it the oldest is forgotten: what came before it is then put before the next. */
const MAX_SPOOLS = 64
const START = Number.MIN_SAFE_INTEGER

/** Positions from `next` up to `end` (excluded) are free. */
interface Room {
  next: number
  readonly end: number
}

export interface InboxOptions {
  readonly store: InboxStore
  readonly limits: Limits
  readonly stats: CoreStats
  readonly events: CoreEvents
  readonly now: () => number
  readonly dropPolicy: 'oldest' | 'newest'
  /** The session's record has to be written. */
  readonly mark: (session: Session) => void
}

/** A callback for when a copy of the message is durable in an inbox; undefined if nobody waits for it. */
export type Durably = (message: Message) => (() => void) | undefined

export class Inboxes {
  readonly #o: InboxOptions

  constructor(options: InboxOptions) {
    this.#o = options
  }

  /** What the state holds at start. */
  load(session: Session, summary: InboxSummary): void {
    const inbox = (session.inbox = new Inbox())
    inbox.count = summary.count
    inbox.bytes = summary.bytes
    inbox.qos0 = summary.qos0
    inbox.last = summary.last
    inbox.isEstimate = this.#o.store.marks
    this.#o.stats.nowInboxMessages += summary.count
    this.#o.stats.nowInboxBytes += summary.bytes
  }

  /** Adds at the end, unless bounds forbid it. `durable`: as for `InboxStore.put`. */
  append(session: Session, message: Message, durable: (() => void) | undefined, at = this.#o.now()): void {
    const inbox = (session.inbox ??= new Inbox())
    const bytes = messageBytes(message)
    if (!this.#makeRoom(session, inbox, message, bytes)) return durable?.()
    inbox.last = Math.max(inbox.last, inbox.read, 0) + GAP
    this.#put(session, inbox, { position: inbox.last, at, message }, bytes, durable)
  }

  /** Adds at the end what an edge spools, the `n`th message it was handed. */
  spool(session: Session, message: Message, durable: (() => void) | undefined, n: number): void {
    const inbox = (session.inbox ??= new Inbox())
    if (inbox.count === 0) inbox.spools = []
    const begins = inbox.spools.length === 0 || inbox.count === inbox.reading.size
    this.append(session, message, durable)
    if (!begins) return
    inbox.spools.push({ n, at: inbox.last })
    if (inbox.spools.length > MAX_SPOOLS) inbox.spools.shift()
  }

  /** Takes over what a lost edge was handed, oldest first: where it belongs among what the edge has spooled of it. */
  takeLost(session: Session, lost: readonly Handed[], durably: Durably): void {
    const spools = session.inbox?.spools ?? []
    let from = 0
    for (const { n, at } of spools) {
      const to = lost.findIndex((one, i) => i >= from && one.n > n)
      const ahead = lost.slice(from, to < 0 ? lost.length : to)
      const room = { next: at - ahead.length, end: at }
      for (const { message } of ahead) this.#insert(session, session.inbox!, message, room, durably(message))
      from += ahead.length
    }
    for (const { message } of lost.slice(from)) this.append(session, message, durably(message))
  }

  /**
   * Takes back what waits at the edge, in order, in front of what was not read in this epoch. What came from the inbox
   * stays where it is, unless something live comes before it.
   */
  handBack(session: Session, queue: readonly Message[], durably: Durably): void {
    if (queue.length === 0) return
    const inbox = (session.inbox ??= new Inbox())
    let first = Number.POSITIVE_INFINITY
    let room: Room | undefined
    for (const message of queue) {
      const key = messageKey(message)
      const reading = inbox.reading.get(key)
      if (reading !== undefined && room === undefined) {
        inbox.reading.delete(key)
        first = Math.min(first, reading.position)
        continue
      }
      room ??= this.#roomInFront(session, inbox, queue.length)
      const durable = durably(message)
      const moved = reading === undefined ? durable : this.#leave(session, inbox, key, reading, durable)
      first = Math.min(first, this.#insert(session, inbox, message, room, moved))
    }
    if (first - 1 < inbox.read) inbox.read = first - 1
  }

  /** The recipient needs it no more. False if it was not read from this inbox. */
  finished(session: Session, message: Message): boolean {
    const { inbox } = session
    if (inbox === undefined || inbox.reading.size === 0) return false
    const key = messageKey(message)
    const reading = inbox.reading.get(key)
    if (reading === undefined) return false
    this.#remove(session, inbox, key, reading)
    return true
  }

  /** It came from another site in flight: if it was left here before, it is read no more. */
  flies(session: Session, message: Message): void {
    session.inbox?.inFlight.add(messageKey(message))
  }

  /** The edge has read it from this inbox and not answered. */
  isReading(session: Session, message: Message): boolean {
    const reading = session.inbox?.reading
    return reading !== undefined && reading.size > 0 && reading.has(messageKey(message))
  }

  /** This epoch is over: whatever is still there is unread. */
  rewind(session: Session): void {
    const { inbox } = session
    if (inbox === undefined) return
    // While an entry is on its way out, positions must not begin anew.
    if (inbox.count === 0 && !inbox.isEstimate && inbox.leaving.size === 0) session.inbox = undefined
    inbox.reading.clear()
    inbox.read = START
  }

  /** The next unread entries, at most `limit`; `end` if none are left. Expired ones are removed on the way. */
  read(session: Session, limit: number, done: (messages: readonly Message[], end: boolean) => void): void {
    const { inbox } = session
    if (inbox === undefined || (inbox.count === inbox.reading.size && !inbox.isEstimate)) return done([], true)
    const { epoch } = session
    const messages: Message[] = []
    let bytes = 0
    const more = () =>
      this.#o.store.read(session.client, inbox.read, limit, entries => {
        // It may have had to wait: then this epoch, or the session, may be over.
        if (session.inbox !== inbox || session.epoch !== epoch || session.presence !== 'online') return
        for (const entry of entries) {
          if (messages.length >= limit || bytes > PAGE_BYTES) return done(messages, false)
          inbox.read = entry.position
          if (!this.#take(session, inbox, entry)) continue
          messages.push(entry.message)
          bytes += messageBytes(entry.message)
        }
        if (entries.length < limit) {
          if (inbox.isEstimate) this.#tally(inbox, [...inbox.reading.values()])
          done(messages, true)
        } else if (messages.length >= limit || bytes > PAGE_BYTES) done(messages, false)
        else more()
      })
    more()
  }

  /** All that is in the inbox, in order; for recovery. */
  readAll(session: Session, done: (entries: readonly InboxEntry[]) => void): void {
    const { inbox } = session
    if (inbox === undefined) return done([])
    const limit = inbox.isEstimate ? Number.MAX_SAFE_INTEGER : inbox.count
    this.#o.store.read(session.client, START, limit, entries => {
      if (inbox.isEstimate)
        this.#tally(
          inbox,
          entries.map(({ message }) => ({ bytes: messageBytes(message), qos: message.qos })),
        )
      done(entries)
    })
  }

  /** The session is over, and its entries with it. */
  drop(session: Session): void {
    if (session.stored) this.#o.store.drop(session.client)
    if (session.inbox === undefined) return
    this.#o.stats.nowInboxMessages -= session.inbox.count
    this.#o.stats.nowInboxBytes -= session.inbox.bytes
    session.inbox = undefined
  }

  /** Removes an entry whoever may have read it; for recovery. */
  removeEntry(session: Session, entry: InboxEntry): void {
    const reading = { position: entry.position, bytes: messageBytes(entry.message), qos: entry.message.qos }
    this.#remove(session, session.inbox!, messageKey(entry.message), reading)
  }

  /** Everything that is left in it was read: now the books are true. */
  #tally(inbox: Inbox, left: readonly { readonly bytes: number; readonly qos: number }[]): void {
    const { stats } = this.#o
    stats.nowInboxMessages += left.length - inbox.count
    stats.nowInboxBytes -= inbox.bytes
    inbox.count = left.length
    inbox.bytes = left.reduce((sum, { bytes }) => sum + bytes, 0)
    inbox.qos0 = left.filter(({ qos }) => qos === 0).length
    stats.nowInboxBytes += inbox.bytes
    inbox.isEstimate = false
  }

  /** Marks it as being with the edge. False if the edge has it already, or it has expired. */
  #take(session: Session, inbox: Inbox, entry: InboxEntry): boolean {
    if (inbox.leaving.has(entry.position)) return false
    const { message } = entry
    const key = messageKey(message)
    const known = inbox.reading.get(key)
    if (known?.position === entry.position) return false
    const now = this.#o.now()
    const reading = { position: entry.position, bytes: messageBytes(message), qos: message.qos }
    if (
      (message.expiresAt !== NEVER && message.expiresAt <= now) ||
      entry.at + this.#o.limits.inboxAgeSec * 1000 <= now
    ) {
      this.#remove(session, inbox, key, reading)
      this.#o.stats.inboxExpired++
      this.#o.events({ is: 'inbox-dropped', client: session.client, topic: message.topic, why: 'expired' })
      return false
    }
    if (known !== undefined || inbox.inFlight.delete(key)) {
      // The same message twice, by its own and a shared subscription, or in flight: one copy per session.
      this.#remove(session, inbox, key, reading)
      return false
    }
    inbox.reading.set(key, reading)
    return true
  }

  /** Gives up an entry's place: at once, or where the two are not written together, when its new place is durable. */
  #leave(session: Session, inbox: Inbox, key: string, entry: Reading, durable: (() => void) | undefined) {
    if (!this.#o.store.marks) {
      this.#remove(session, inbox, key, entry)
      return durable
    }
    const { position } = entry
    this.#unbook(inbox, key, entry)
    inbox.leaving.add(position)
    return () => {
      inbox.leaving.delete(position)
      // Of an ended session nothing is left, and its client may have another one.
      if (session.presence !== 'ended') this.#o.store.remove(session.client, position)
      durable?.()
    }
  }

  /** Free positions behind what was read in this epoch and in front of the rest; none if there is no rest. */
  #roomInFront(session: Session, inbox: Inbox, needed: number): Room {
    const unread = this.#peek(session, inbox, false)
    if (unread === undefined) return { next: 0, end: 0 }
    return { next: inbox.read === START ? unread.position - needed : inbox.read + 1, end: unread.position }
  }

  #insert(session: Session, inbox: Inbox, message: Message, room: Room, durable: (() => void) | undefined): number {
    if (room.next >= room.end) {
      this.append(session, message, durable)
      return inbox.last
    }
    const position = room.next++
    const bytes = messageBytes(message)
    if (this.#makeRoom(session, inbox, message, bytes))
      this.#put(session, inbox, { position, at: this.#o.now(), message }, bytes, durable)
    else durable?.()
    return position
  }

  #put(session: Session, inbox: Inbox, entry: InboxEntry, bytes: number, durable: (() => void) | undefined): void {
    this.#o.store.put(session.client, entry, bytes, durable)
    // The record has to tell that there is an inbox before anything relies on it.
    if (inbox.count === 0 && this.#o.store.marks) this.#o.mark(session)
    inbox.count++
    inbox.bytes += bytes
    if (entry.message.qos === 0) inbox.qos0++
    this.#o.stats.inboxAppended++
    this.#o.stats.nowInboxMessages++
    this.#o.stats.nowInboxBytes += bytes
  }

  #remove(session: Session, inbox: Inbox, key: string, entry: Reading): void {
    this.#o.store.remove(session.client, entry.position)
    this.#unbook(inbox, key, entry)
  }

  #unbook(inbox: Inbox, key: string, entry: Reading): void {
    if (inbox.reading.get(key)?.position === entry.position) inbox.reading.delete(key)
    inbox.count--
    inbox.bytes -= entry.bytes
    if (entry.qos === 0) inbox.qos0--
    this.#o.stats.nowInboxMessages--
    this.#o.stats.nowInboxBytes -= entry.bytes
  }

  /** Drops the oldest unread QoS 0 entries, then by policy, until the message fits. False if the message itself is dropped. */
  #makeRoom(session: Session, inbox: Inbox, message: Message, bytes: number): boolean {
    const { limits, dropPolicy } = this.#o
    const maxMessages = session.site === undefined ? limits.inboxMessages : limits.siteInboxMessages
    const maxBytes = session.site === undefined ? limits.inboxBytes : limits.siteInboxBytes
    while (inbox.count >= maxMessages || inbox.bytes + bytes > maxBytes) {
      const fits = bytes <= maxBytes
      if (fits && inbox.qos0 > 0 && this.#dropOldest(session, inbox, true)) continue
      if (fits && message.qos > 0 && dropPolicy === 'oldest' && this.#dropOldest(session, inbox, false)) continue
      this.#dropped(session, message)
      return false
    }
    return true
  }

  #dropOldest(session: Session, inbox: Inbox, qos0Only: boolean): boolean {
    const oldest = this.#peek(session, inbox, qos0Only)
    if (oldest === undefined) return false
    this.#remove(session, inbox, '', oldest)
    this.#dropped(session, oldest)
    return true
  }

  /** The first entry that was not read in this epoch. Undefined also while the store cannot tell at once. */
  #peek(session: Session, inbox: Inbox, qos0Only: boolean): InboxHead | undefined {
    return this.#o.store.first(session.client, inbox.read, qos0Only)
  }

  #dropped(session: Session, message: { readonly topic: string }): void {
    this.#o.stats.inboxDropped++
    this.#o.events({ is: 'inbox-dropped', client: session.client, topic: message.topic, why: 'full' })
  }
}
