/** The core's end of one link session: what the core tells an edge becomes records. Owns the numbering of deliveries and what of them is unanswered; opens no socket and reads no calls (`calls.ts`). */
import { writeMessage } from '../../contract/codec.ts'
import type { ClientKey, TopicFilter } from '../../contract/ids.ts'
import type { Limits } from '../../contract/limits.ts'
import { Runs } from '../../contract/link/ranges.ts'
import { FromCore, writeInflight, writeList, writeSubscription } from '../../contract/link/records.ts'
import { LinkSession } from '../../contract/link/session.ts'
import type { LinkStats } from '../../contract/link/stats.ts'
import type { ClaimReply, EdgePort, Handed, InboxPage, RetainedPage } from '../../contract/link.ts'
import type { Message } from '../../contract/message.ts'
import { Unanswered } from './unanswered.ts'

export interface RemotePortOptions {
  /** As HELLO says; '' for an edge. */
  readonly site: string
  readonly limits: Limits
  readonly stats: LinkStats
  /** Records were written: `flush` is due at the end of the turn. */
  readonly touched: (port: RemotePort) => void
  /** Records came from the edge. Throws RangeError if they are damaged. */
  readonly read: (records: Uint8Array) => void
}

export class RemotePort implements EdgePort {
  readonly session: LinkSession
  readonly site: string | undefined
  /** Listed for the flush of this turn. */
  touched = false
  /** The core has given the edge up: nothing is sent or answered any more. */
  gone = false
  readonly #o: RemotePortOptions
  readonly #unanswered = new Unanswered()
  readonly #receipts = new Runs()
  /** Who waits until everything up to a number is answered, in order. */
  readonly #waits: { readonly upTo: number; readonly done: () => void }[] = []
  /** Of the message before on this link. */
  #origin = ''
  #congested = false
  #pressed = false
  #told = false

  constructor(options: RemotePortOptions) {
    this.#o = options
    this.site = options.site === '' ? undefined : options.site
    this.session = new LinkSession({ limits: options.limits, stats: options.stats, read: options.read })
  }

  /** Writes what was gathered and sends everything that was written. */
  flush(): void {
    if (!this.#receipts.isEmpty) {
      this.session.out.u8(FromCore.receipts)
      this.#receipts.write(this.session.out)
    }
    this.session.flush()
  }

  // ── EdgePort

  receipt(message: Message, matched: boolean): void {
    if (this.gone) return
    this.#receipts.add(message.seq, matched)
    this.#touch()
  }

  /** True for every message of QoS ≥ 1: the edge answers for each. */
  deliver(
    message: Message,
    groups: readonly TopicFilter[] | undefined,
    only: boolean,
    except?: ReadonlySet<ClientKey>,
  ): boolean {
    if (this.gone) return false
    const { out } = this.session
    if (message.qos === 0 && this.session.unackedBytes > this.#o.limits.linkUnackedBytes / 2) {
      this.#o.stats.droppedQos0++
      return false
    }
    if (except !== undefined) {
      out.u8(FromCore.deliverBut)
      writeList(out, [...except], client => out.text(client))
      out.u8(only ? 1 : 0)
      writeList(out, groups ?? [], group => out.text(group))
    } else if (groups === undefined) out.u8(FromCore.deliver)
    else {
      out.u8(only ? FromCore.deliverOnly : FromCore.deliverTo)
      writeList(out, groups, group => out.text(group))
    }
    writeMessage(out, message, this.#origin)
    this.#origin = message.origin
    this.#written()
    if (message.qos === 0) return false
    this.#unanswered.add({ n: this.#unanswered.last + 1, message, groups, only })
    this.#o.stats.nowUnanswered++
    return true
  }

  kick(client: ClientKey, epoch: number, reason: number): void {
    if (this.gone) return
    const { out } = this.session
    out.u8(FromCore.kick)
    out.text(client)
    out.varint(epoch)
    out.varint(reason)
    this.#written()
  }

  congested(on: boolean): void {
    this.#congested = on
    this.#tell()
  }

  get handedOut(): number {
    return this.#unanswered.last
  }

  unanswered(since: number): Iterable<Handed> {
    return this.#unanswered.values(since)
  }

  whenAnswered(done: () => void): void {
    const upTo = this.#unanswered.last
    if (this.gone || this.#unanswered.first > upTo) done()
    else this.#waits.push({ upTo, done })
  }

  // ── the server

  /** Links are behind: publishers of all edges wait. */
  press(on: boolean): void {
    this.#pressed = on
    this.#tell()
  }

  /** By delivery number; undefined if it is answered. */
  message(n: number): Message | undefined {
    return this.#unanswered.get(n)
  }

  /** The edge answers for it. Throws RangeError if it has before. */
  answered(n: number): Message {
    const message = this.#unanswered.answer(n)
    this.#o.stats.nowUnanswered--
    while (this.#waits.length > 0 && this.#waits[0]!.upTo < this.#unanswered.first) this.#waits.shift()!.done()
    return message
  }

  unseen(seen: number): readonly Message[] {
    if (seen > this.#unanswered.last)
      throw new RangeError(`Delivery ${seen} is seen, but the last one was ${this.#unanswered.last}`)
    return this.#unanswered.after(seen)
  }

  /** Now and then. */
  compact(): void {
    this.#unanswered.compact()
  }

  bye(): void {
    this.session.out.u8(FromCore.bye)
    this.flush()
  }

  /** The edge is given up. */
  end(): void {
    this.gone = true
    this.#o.stats.nowUnanswered -= this.#unanswered.count
    this.session.end()
    for (const { done } of this.#waits.splice(0)) done()
  }

  // ── answers

  done(req: number): void {
    this.#answer(FromCore.done, req)
    this.#written()
  }

  claimed(req: number, reply: ClaimReply): void {
    const { out } = this.session
    this.#answer(FromCore.claimed, req)
    if (!reply.ok) {
      out.u8(reply.why === 'quota' ? 1 : 0)
      out.text(reply.detail)
      return this.#written()
    }
    const { subscriptions, inflight, received, queued } = reply.state
    out.u8(2 | (reply.present ? 4 : 0) | (queued ? 8 : 0) | (reply.unsure === undefined ? 0 : 16))
    out.varint(reply.epoch)
    if (reply.unsure !== undefined) out.varint(reply.unsure)
    writeList(out, subscriptions, s => writeSubscription(out, s))
    writeList(out, inflight, f => writeInflight(out, f))
    writeList(out, received, id => out.varint(id))
    this.#written()
  }

  released(client: ClientKey, epoch: number): void {
    if (this.gone) return
    const { out } = this.session
    out.u8(FromCore.released)
    out.text(client)
    out.varint(epoch)
    this.#written()
  }

  inbox(req: number, { messages, end }: InboxPage): void {
    const { out } = this.session
    this.#answer(FromCore.inbox, req)
    this.#messages(messages)
    out.u8(end ? 1 : 0)
    this.#written()
  }

  page(req: number, { messages, next }: RetainedPage): void {
    const { out } = this.session
    this.#answer(FromCore.page, req)
    this.#messages(messages)
    out.u8(next === undefined ? 0 : 1)
    if (next !== undefined) out.text(next)
    this.#written()
  }

  #answer(kind: number, req: number): void {
    this.session.out.u8(kind)
    this.session.out.varint(req)
  }

  #messages(messages: readonly Message[]): void {
    const { out } = this.session
    writeList(out, messages, message => {
      writeMessage(out, message, this.#origin)
      this.#origin = message.origin
    })
  }

  #tell(): void {
    const on = this.#congested || this.#pressed
    if (on === this.#told || this.gone) return
    this.#told = on
    this.session.out.u8(FromCore.congested)
    this.session.out.u8(on ? 1 : 0)
    this.#written()
  }

  #written(): void {
    if (this.gone) return this.session.out.clear()
    this.session.written()
    this.#touch()
  }

  #touch(): void {
    if (!this.touched) this.#o.touched(this)
  }
}
