/** What the log says of one session at start: what it has acknowledged, what is in flight, and what it still has to get, in order. */
import { own } from '../contract/codec.ts'
import { type Message, messageKey } from '../contract/message.ts'
import type { InboxEntry } from '../inbox/port.ts'
import type { StoredStep } from '../log/envelope.ts'
import type { CoreStats } from '../stats.ts'
import type { Inboxes } from './inbox.ts'
import type { Flight, Session } from './session.ts'

export interface ReplayContext {
  readonly inboxes: Inboxes
  readonly stats: CoreStats
  readonly now: () => number
  /** For `InboxStore.put`. */
  readonly durable: () => (() => void) | undefined
}

/** Position in the log of what the log does not hold any more. */
const BEFORE_LOG = 0

export class Replay {
  readonly #s: Session
  readonly #ctx: ReplayContext
  /** Messages it needs no more, by identity. */
  readonly #done = new Set<string>()
  /** Identity by packet id, of everything that was in flight. */
  readonly #ids = new Map<number, string>()
  /** Packet ids in flight whose message is still to be found, by identity. */
  readonly #missing = new Map<string, number>()
  /** Identities in flight whose message is known; made when first asked for, after all steps are in. */
  #flying: Set<string> | undefined = undefined
  readonly #wanted: { readonly position: number; readonly message: Message }[] = []
  #inbox: readonly InboxEntry[] = []
  #inboxKeys = new Set<string>()

  constructor(s: Session, ctx: ReplayContext) {
    this.#s = s
    this.#ctx = ctx
    for (const [id, flight] of s.inflight ?? [])
      if (flight.message !== undefined) this.#ids.set(id, messageKey(flight.message))
  }

  opened(position: number, packetId: number): void {
    if (!this.#isNews(position)) return
    this.#s.received ??= new Map()
    this.#s.received.set(packetId, { envelope: undefined, recorded: false })
  }

  step(position: number, step: StoredStep): void {
    const s = this.#s
    const news = this.#isNews(position)
    if (step.step === 'taken' || step.step === 'had') return
    const { packetId } = step
    if (step.step === 'out') {
      this.#ids.set(packetId, step.key)
      if (!news) return
      s.inflight ??= new Map()
      s.inflight.delete(packetId)
      s.inflight.set(packetId, {
        state: 'sent',
        qos: 2,
        retain: false,
        message: step.message === undefined ? undefined : own(step.message),
        envelope: undefined,
        recorded: false,
      })
      if (step.message === undefined) this.#missing.set(step.key, packetId)
    } else if (step.step === 'rec') {
      this.#finish(this.#ids.get(packetId))
      const flight = news ? s.inflight?.get(packetId) : undefined
      if (flight === undefined) return
      flight.state = 'received'
      flight.message = undefined
    } else if (step.step === 'done') {
      this.#finish(step.key ?? this.#ids.get(packetId))
      this.#ids.delete(packetId)
      if (news) s.inflight?.delete(packetId)
    } else if (news) s.received?.delete(packetId)
  }

  /** Identities of messages in flight that the steps did not bring along. */
  missing(): IterableIterator<string> {
    return this.#missing.keys()
  }

  /** The log holds a message that is missing. */
  fill(message: Message): void {
    const key = messageKey(message)
    const flight = this.#s.inflight?.get(this.#missing.get(key) ?? -1)
    if (flight === undefined) return
    flight.message = own(message)
    this.#missing.delete(key)
    this.#flying?.add(key)
  }

  /** Reads the inbox, which `has` and `finish` want to know. */
  load(done: () => void): void {
    this.#ctx.inboxes.readAll(this.#s, entries => {
      this.#inbox = entries
      this.#inboxKeys = new Set(entries.map(e => messageKey(e.message)))
      done()
    })
  }

  /** It has, or had, the message. */
  has(message: Message): boolean {
    const key = messageKey(message)
    return this.#done.has(key) || this.#isFlying(key) || this.#inboxKeys.has(key)
  }

  /** The session is to get the message, unless it has it. */
  want(position: number, message: Message): void {
    const key = messageKey(message)
    if (!this.#done.has(key) && !this.#isFlying(key)) this.#wanted.push({ position, message })
  }

  /** Completes what is in flight from the inbox, and puts what was missed into the inbox, in the order of the log. */
  finish(): void {
    this.#completeFlights()
    const found = new Map<string, number>()
    const missed: { position: number; message: Message }[] = []
    for (const one of this.#wanted) {
      const key = messageKey(one.message)
      if (this.#inboxKeys.has(key)) found.set(key, one.position)
      else missed.push(one)
    }
    if (missed.length === 0) return
    missed.sort((a, b) => a.position - b.position)
    const { inboxes, stats, now, durable } = this.#ctx
    stats.recovered += missed.length
    const first = missed[0]!.position
    let position = BEFORE_LOG
    const later: { position: number; message: Message; at: number }[] = []
    for (const entry of this.#inbox) {
      position = Math.max(position, found.get(messageKey(entry.message)) ?? position)
      if (position <= first) continue
      later.push({ position, message: entry.message, at: entry.at })
      inboxes.removeEntry(this.#s, entry)
    }
    const at = now()
    const merged = [...missed.map(w => ({ ...w, at })), ...later].sort((a, b) => a.position - b.position)
    for (const { message, at } of merged) inboxes.append(this.#s, message, durable(), at)
  }

  /** The record does not know of this position yet. */
  #isNews(position: number): boolean {
    return position >= this.#s.asOf
  }

  #finish(key: string | undefined): void {
    if (key === undefined) return
    this.#done.add(key)
    this.#missing.delete(key)
  }

  #isFlying(key: string): boolean {
    if (this.#flying === undefined) {
      this.#flying = new Set()
      for (const flight of this.#s.inflight?.values() ?? [])
        if (flight.message !== undefined) this.#flying.add(messageKey(flight.message))
    }
    return this.#missing.has(key) || this.#flying.has(key)
  }

  #completeFlights(): void {
    const inflight = this.#s.inflight ?? new Map<number, Flight>()
    const flying = new Map<string, number>()
    for (const [id, flight] of inflight) {
      const key = flight.message === undefined ? this.#ids.get(id) : messageKey(flight.message)
      if (flight.state === 'sent' && key !== undefined) flying.set(key, id)
    }
    // What is done may still be there: an inbox whose mark is in the record forgets later than the log knows.
    if (flying.size > 0 || this.#done.size > 0)
      this.#inbox = this.#inbox.filter(entry => {
        const key = messageKey(entry.message)
        const flight = inflight.get(flying.get(key) ?? -1)
        if (flight === undefined && !this.#done.has(key)) return true
        if (flight !== undefined) flight.message = entry.message
        this.#ctx.inboxes.removeEntry(this.#s, entry)
        return false
      })
    for (const [id, flight] of inflight)
      if (flight.state === 'sent' && flight.message === undefined) inflight.delete(id)
  }
}
