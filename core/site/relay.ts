/**
 * What one other site sends, live or from what waited there: hands it to our core, and answers for it once it is durable and
 * routed here. Our log keeps it until that site is known to have heard the answer. Owns neither link nor session.
 */
import { messageBytes } from '../contract/codec.ts'
import type { ClientKey, TopicFilter } from '../contract/ids.ts'
import type { Limits } from '../contract/limits.ts'
import type { CoreLink } from '../contract/link.ts'
import type { Message } from '../contract/message.ts'
import type { CoreStats } from '../stats.ts'
import { relayed, unrelayed } from './copies.ts'

/** Our core. */
export interface RelayTarget {
  readonly congested: boolean
  /** Routes it here. `done` for QoS ≥ 1, once it is durable and routed; the log keeps it until `confirmed`. `giveBack`: nobody here takes this group's copy. */
  relay(message: Message, giveBack: (group: TopicFilter) => void, done: () => void): void
  /** The other site knows that it is here. */
  confirmed(message: Message): void
}

export interface RelayOptions {
  readonly link: Pick<CoreLink, 'delivered' | 'drain' | 'giveBack' | 'journal' | 'subscribe'>
  /** Our session there. */
  readonly client: ClientKey
  readonly target: RelayTarget
  readonly limits: Pick<Limits, 'peerPageMessages' | 'peerWaitingBytes' | 'watermarkHoldMs'>
  readonly stats: Pick<CoreStats, 'nowPeerWaitingBytes'>
  readonly now: () => number
}

export class Relay {
  readonly #o: RelayOptions
  /** Undefined while the session there is not ours. */
  #epoch: number | undefined = undefined
  /** Grows when the link begins anew: delivery numbers of before are void. */
  #life = 0
  #bytes = 0
  /** Live and not durable here yet, in order. A group's copy is not among them: it stays ours whatever becomes of the session. */
  readonly #waiting = new Set<Message>()
  /** There is more to read, once enough of what was read is durable. */
  #readOn: (() => void) | undefined = undefined
  /** Answered for since the session is ours, as our log has it; and what of it the other site is being asked about. */
  #answered: Message[] = []
  #asked: readonly Message[] = []
  /** Answered for before that: whether the other site has heard it is known when everything that waited there is read. */
  #before: Message[] = []
  #beforeSince = 0

  constructor(options: RelayOptions) {
    this.#o = options
  }

  /** Nothing of that site is on its way into our log. */
  get isIdle(): boolean {
    return this.#bytes === 0
  }

  /** More is on its way than may be. */
  get isFull(): boolean {
    return this.#bytes > this.#o.limits.peerWaitingBytes
  }

  /** The session there is ours in this epoch. */
  begin(epoch: number): void {
    this.#epoch = epoch
  }

  /** It is not ours any more. Returns what of the live messages is not durable here, in order. */
  end(): readonly Message[] {
    this.#epoch = undefined
    this.#readOn = undefined
    if (this.#before.length === 0) this.#beforeSince = this.#o.now()
    this.#before = [...this.#before, ...this.#asked, ...this.#answered]
    this.#asked = []
    this.#answered = []
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    return waiting
  }

  /** After `end`: the other site knows nothing of this link any more. */
  beginAnew(): void {
    this.#life++
  }

  /** A few times a second. `live`: nothing waits there. */
  tick(now: number, live: boolean): void {
    if (live) this.#answered = [...this.#before.splice(0), ...this.#answered]
    this.#ask()
    if (this.#before.length > 0 && now - this.#beforeSince > this.#o.limits.watermarkHoldMs)
      for (const message of this.#before.splice(0)) this.#o.target.confirmed(message)
  }

  /** As `EdgePort.deliver`. */
  live(message: Message, groups: readonly TopicFilter[] | undefined, only: boolean): boolean {
    const { link, target } = this.#o
    const ours = relayed(message, groups, only)
    if (message.qos === 0) {
      if (!target.congested) this.#relay(message, ours, () => {})
      return false
    }
    const life = this.#life
    if (!only) this.#waiting.add(message)
    this.#relay(message, ours, () => {
      this.#waiting.delete(message)
      if (life === this.#life) link.delivered(message)
    })
    return true
  }

  /** Reads what waits there, page by page; `done` when nothing is left, and what comes then comes by itself. */
  read(done: () => void): void {
    const { link, client, limits } = this.#o
    const epoch = this.#epoch!
    link.drain(client, epoch, limits.peerPageMessages, ({ messages, end }) => {
      if (epoch !== this.#epoch) return
      for (const message of messages) this.#relayRead(message, epoch)
      if (end) done()
      else if (this.#bytes > limits.peerWaitingBytes / 2) this.#readOn = () => this.read(done)
      else this.read(done)
    })
  }

  #relayRead(message: Message, epoch: number): void {
    const { link, client } = this.#o
    const done = () => {
      if (epoch === this.#epoch) link.journal(client, epoch, { step: 'done', packetId: 0, message })
    }
    this.#relay(message, message.relayed === undefined ? relayed(message, undefined, false) : message, done)
    if (message.qos === 0) done()
  }

  /** `message`: as the link knows it. */
  #relay(message: Message, ours: Message, done: () => void): void {
    const { link, target, limits, stats } = this.#o
    const bytes = message.qos === 0 ? 0 : messageBytes(message)
    const life = this.#life
    const epoch = this.#epoch
    this.#bytes += bytes
    stats.nowPeerWaitingBytes += bytes
    const giveBack = (group: TopicFilter) => {
      if (life === this.#life) link.giveBack(group, message.ref === 0 ? unrelayed(message) : message)
    }
    target.relay(ours, giveBack, () => {
      this.#bytes -= bytes
      stats.nowPeerWaitingBytes -= bytes
      done()
      if (epoch !== undefined && epoch === this.#epoch) this.#answered.push(ours)
      else this.#before.push(ours)
      const readOn = this.#readOn
      if (readOn === undefined || this.#bytes > limits.peerWaitingBytes / 4) return
      this.#readOn = undefined
      readOn()
    })
  }

  /** Asks for something: by the answer the other site has heard everything that we had said before. */
  #ask(): void {
    const { link, client, target } = this.#o
    if (this.#epoch === undefined || this.#asked.length > 0 || this.#answered.length === 0) return
    const some = this.#answered
    this.#answered = []
    this.#asked = some
    link.subscribe(client, this.#epoch, [], () => {
      if (this.#asked !== some) return
      this.#asked = []
      for (const message of some) target.confirmed(message)
    })
  }
}
