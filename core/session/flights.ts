/** What a session has in flight in both directions, as its journal tells it, and the log entries it holds open for that. Sends nothing. */
import { own } from '../contract/codec.ts'
import type { Step } from '../contract/link.ts'
import type { Message } from '../contract/message.ts'
import type { Inflight, Outbound } from '../contract/session.ts'
import type { Turn } from '../link/turn.ts'
import type { Envelope } from '../log/watermark.ts'
import type { Durably, Inboxes } from './inbox.ts'
import type { Flight, Received, Session } from './session.ts'

export interface FlightsOptions {
  readonly turn: Turn
  readonly inboxes: Inboxes
  readonly now: () => number
  /** The session's record has to be written. */
  readonly mark: (session: Session) => void
  /** The log holds the message open by itself. */
  readonly inLog: (message: Message) => boolean
  /** For what is handed back to the inbox. */
  readonly durably: Durably
  /** Records keep marks of inboxes: removing an entry is not durable by itself. */
  readonly marks: boolean
}

export class Flights {
  readonly #o: FlightsOptions
  /** Sessions that hold entries of the log open. */
  readonly #holding = new Set<Session>()

  constructor(options: FlightsOptions) {
    this.#o = options
  }

  /** Takes a step of a session in: into the log, and into what is known of it. */
  step(s: Session, step: Step): void {
    const { turn } = this.#o
    if (step.step !== 'out') {
      turn.step(s.client, step, false)
      if (step.step === 'rec') this.#recorded(s, step.packetId)
      else if (step.step === 'done') this.#done(s, step.packetId, step.message)
      else if (step.step === 'rel') this.#released(s, step.packetId)
      return
    }
    const { message, packetId } = step
    turn.step(s.client, step, !this.#o.inLog(message) && !this.#o.inboxes.isReading(s, message))
    s.inflight ??= new Map()
    this.#close(s, s.inflight.get(packetId)?.envelope)
    s.inflight.set(packetId, {
      state: 'sent',
      qos: 2,
      retain: false,
      message,
      envelope: this.#hold(s),
      recorded: false,
    })
  }

  /** An inbound QoS 2 message was put into the log: its packet id waits for PUBREL [MQTT-4.3.3-2]. */
  open(s: Session, packetId: number): void {
    s.received ??= new Map()
    this.#close(s, s.received.get(packetId)?.envelope)
    s.received.set(packetId, { envelope: this.#hold(s), recorded: false })
  }

  /** Takes over what the edge has un-acked while the session stays online: it is in the record from the next commit on. */
  save(s: Session, outbound: Outbound): void {
    this.#adopt(s, outbound.inflight)
    this.#o.inboxes.handBack(s, outbound.queue, this.#o.durably)
    this.#o.mark(s)
  }

  /** Takes over everything: what is not named is finished. */
  takeAll(s: Session, outbound: Outbound): void {
    const named = new Set(outbound.inflight.map(f => f.packetId))
    for (const [id, flight] of s.inflight ?? [])
      if (!named.has(id)) {
        this.#close(s, flight.envelope)
        s.inflight!.delete(id)
      }
    this.save(s, outbound)
    this.#o.inboxes.rewind(s)
  }

  /** What was in flight at another site. The record names it from the next commit on. */
  restore(s: Session, inflight: readonly Inflight[], received: readonly number[]): void {
    for (const { packetId, state, qos, retain, message } of inflight) {
      s.inflight ??= new Map()
      this.#close(s, s.inflight.get(packetId)?.envelope)
      const kept = message === undefined ? undefined : own(message)
      if (kept !== undefined) this.#o.inboxes.flies(s, kept)
      s.inflight.set(packetId, { state, qos, retain, message: kept, envelope: undefined, recorded: true })
    }
    for (const packetId of received) {
      s.received ??= new Map()
      s.received.set(packetId, { envelope: undefined, recorded: true })
    }
  }

  inflight(s: Session): Inflight[] {
    const list: Inflight[] = []
    for (const [packetId, { state, qos, retain, message }] of s.inflight ?? [])
      list.push({ packetId, state, qos, retain, message })
    return list
  }

  /** The record names everything from the coming commit on: neither log nor inbox need. */
  written(s: Session): void {
    for (const flight of s.inflight?.values() ?? []) {
      if (flight.message !== undefined && !flight.recorded) this.#o.inboxes.finished(s, flight.message)
      this.#inRecord(s, flight)
    }
    for (const received of s.received?.values() ?? []) this.#inRecord(s, received)
  }

  /** The session is over. */
  drop(s: Session): void {
    for (const f of [...(s.inflight?.values() ?? []), ...(s.received?.values() ?? [])]) this.#close(s, f.envelope)
    s.inflight = undefined
    s.received = undefined
  }

  /** Sessions that may hold the log open since before `before`. ms since the epoch. */
  overdue(before: number): Session[] {
    return [...this.#holding].filter(s => s.heldSince < before)
  }

  #inRecord(s: Session, one: Flight | Received): void {
    one.recorded = true
    this.#close(s, one.envelope)
    one.envelope = undefined
  }

  #adopt(s: Session, inflight: readonly Inflight[]): void {
    if (inflight.length === 0) return
    const earlier = s.inflight ?? new Map()
    s.inflight = new Map()
    for (const { packetId, state, qos, retain, message } of inflight) {
      const known = earlier.get(packetId)
      earlier.delete(packetId)
      if (message !== undefined) this.#o.inboxes.finished(s, message)
      const kept = state === 'received' || message === undefined ? undefined : own(message)
      const { envelope, recorded } = known ?? { envelope: undefined, recorded: false }
      s.inflight.set(packetId, { state, qos, retain, message: kept, envelope, recorded })
    }
    for (const [packetId, flight] of earlier) s.inflight.set(packetId, flight)
  }

  #recorded(s: Session, packetId: number): void {
    const flight = s.inflight?.get(packetId)
    if (flight === undefined) return
    if (flight.message !== undefined) {
      flight.message.settled ??= new Set()
      flight.message.settled.add(s.client)
      this.#finished(s, flight.message)
    }
    flight.state = 'received'
    flight.message = undefined
    if (flight.recorded) this.#o.mark(s)
  }

  #done(s: Session, packetId: number, message: Message | undefined): void {
    const flight = packetId === 0 ? undefined : s.inflight?.get(packetId)
    if (flight !== undefined) {
      s.inflight!.delete(packetId)
      this.#close(s, flight.envelope)
      if (flight.recorded) this.#o.mark(s)
    }
    const finished = message ?? flight?.message
    if (finished !== undefined) this.#finished(s, finished)
  }

  /** The log tells that it is done until the record does: what has QoS 2 must not come twice. */
  #finished(s: Session, message: Message): void {
    if (!this.#o.inboxes.finished(s, message) || !this.#o.marks) return
    this.#o.mark(s)
    if (message.qos === 2) this.#o.turn.close(this.#o.turn.hold())
  }

  #released(s: Session, packetId: number): void {
    const received = s.received?.get(packetId)
    if (received === undefined) return
    s.received!.delete(packetId)
    this.#close(s, received.envelope)
    if (received.recorded) this.#o.mark(s)
  }

  #hold(s: Session): Envelope | undefined {
    const envelope = this.#o.turn.hold()
    if (envelope !== undefined && s.holds++ === 0) {
      s.heldSince = this.#o.now()
      this.#holding.add(s)
    }
    return envelope
  }

  #close(s: Session, envelope: Envelope | undefined): void {
    if (envelope === undefined) return
    this.#o.turn.close(envelope)
    if (--s.holds === 0) this.#holding.delete(s)
  }
}
