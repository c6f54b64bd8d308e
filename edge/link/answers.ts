/** Reads what the core sent, record by record, and hands it on. Checks everything it reads; decides nothing. */
import { ByteReader } from '../../core/contract/codec.ts'
import type { ClientKey, TopicFilter } from '../../core/contract/ids.ts'
import { readRuns } from '../../core/contract/link/ranges.ts'
import {
  FromCore,
  readClient,
  readFilter,
  readInflight,
  readList,
  readPublished,
  readSubscription,
} from '../../core/contract/link/records.ts'
import type { ClaimReply, InboxPage, RetainedPage } from '../../core/contract/link.ts'
import type { Message } from '../../core/contract/message.ts'

export interface AnswersTo {
  deliver(
    message: Message,
    groups: readonly TopicFilter[] | undefined,
    only: boolean,
    except: ReadonlySet<ClientKey> | undefined,
  ): void
  receipts(upTo: number, matched: boolean): void
  kick(client: ClientKey, epoch: number, reason: number): void
  congested(on: boolean): void
  done(req: number): void
  claimed(req: number, reply: ClaimReply): void
  released(client: ClientKey, epoch: number): void
  inbox(req: number, page: InboxPage): void
  page(req: number, page: RetainedPage): void
  /** The core goes. */
  bye(): void
}

const NO_GROUPS: readonly TopicFilter[] = []

export class Answers {
  readonly #to: AnswersTo
  /** Of the message before on this link. */
  #origin = ''

  constructor(to: AnswersTo) {
    this.#to = to
  }

  /** Throws RangeError at what is damaged; what was before it has been handed on. */
  read(records: Uint8Array): void {
    const r = new ByteReader(records)
    while (!r.done) {
      const kind = r.u8()
      if (kind === FromCore.deliver) this.#to.deliver(this.#message(r), undefined, false, undefined)
      else if (kind === FromCore.deliverTo || kind === FromCore.deliverOnly) {
        const groups = this.#groups(r)
        this.#to.deliver(this.#message(r), groups, kind === FromCore.deliverOnly, undefined)
      } else if (kind === FromCore.receipts) readRuns(r, (upTo, matched) => this.#to.receipts(upTo, matched))
      else this.#control(kind, r)
    }
  }

  #control(kind: number, r: ByteReader): void {
    switch (kind) {
      case FromCore.deliverBut: {
        const except = new Set(readList(r, () => readClient(r)))
        const only = r.u8() !== 0
        const groups = this.#groups(r)
        return this.#to.deliver(this.#message(r), groups, only, except)
      }
      case FromCore.kick:
        return this.#to.kick(readClient(r), r.varint(), r.varint())
      case FromCore.congested:
        return this.#to.congested(r.u8() !== 0)
      case FromCore.done:
        return this.#to.done(r.varint())
      case FromCore.claimed:
        return this.#to.claimed(r.varint(), readReply(r))
      case FromCore.released:
        return this.#to.released(readClient(r), r.varint())
      case FromCore.inbox: {
        const req = r.varint()
        const messages = readList(r, () => this.#message(r))
        return this.#to.inbox(req, { messages, end: r.u8() !== 0 })
      }
      case FromCore.page: {
        const req = r.varint()
        const messages = readList(r, () => this.#message(r))
        return this.#to.page(req, { messages, next: r.u8() === 0 ? undefined : r.text() })
      }
      case FromCore.bye:
        return this.#to.bye()
      default:
        throw new RangeError(`Record of unknown kind ${kind} from the core`)
    }
  }

  #groups(r: ByteReader): readonly TopicFilter[] {
    const groups = readList(r, () => readFilter(r))
    return groups.length === 0 ? NO_GROUPS : groups
  }

  #message(r: ByteReader): Message {
    const message = readPublished(r, this.#origin)
    this.#origin = message.origin
    return message
  }
}

const PRESENT = 4
const QUEUED = 8
const UNSURE = 16

function readReply(r: ByteReader): ClaimReply {
  const flags = r.u8()
  if ((flags & 2) === 0) return { ok: false, why: flags === 1 ? 'quota' : 'unavailable', detail: r.text() }
  const epoch = r.varint()
  const unsure = (flags & UNSURE) === 0 ? {} : { unsure: r.varint() }
  const subscriptions = readList(r, () => readSubscription(r))
  const inflight = readList(r, () => readInflight(r, () => undefined))
  const received = readList(r, () => r.varint())
  const state = { subscriptions, inflight, received, queued: (flags & QUEUED) !== 0 }
  return { ok: true, epoch, present: (flags & PRESENT) !== 0, state, ...unsure }
}
