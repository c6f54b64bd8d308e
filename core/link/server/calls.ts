/** Reads what an edge sent and calls the core, record by record. Checks everything it reads; decides nothing. */
import { ByteReader } from '../../contract/codec.ts'
import type { Incarnation, Tenant } from '../../contract/ids.ts'
import { readOutgoing } from '../../contract/link/outgoing.ts'
import { readRanges } from '../../contract/link/ranges.ts'
import {
  FromEdge,
  readClient,
  readFilter,
  readList,
  readOutbound,
  readPublished,
  readRef,
  readSubscription,
  readWill,
  StepCode,
} from '../../contract/link/records.ts'
import type { CoreLink, Step } from '../../contract/link.ts'
import type { Message } from '../../contract/message.ts'
import type { Outbound } from '../../contract/session.ts'
import type { RemotePort } from './remote-port.ts'

const NOTHING: Outbound = { inflight: [], queue: [] }

export class Calls {
  readonly #port: RemotePort
  readonly #link: CoreLink
  readonly #incarnation: Incarnation
  readonly #left: () => void
  readonly #handed: (ref: number) => Message | undefined
  /** The delivery number read last. */
  #named = 0

  /** `incarnation`: the edge's. `left`: the edge has said good-bye. */
  constructor(port: RemotePort, link: CoreLink, incarnation: Incarnation, left: () => void) {
    this.#port = port
    this.#link = link
    this.#incarnation = incarnation
    this.#left = left
    this.#handed = ref => {
      this.#named = ref
      return port.message(ref)
    }
  }

  /** Throws RangeError at what is damaged; the calls before it have been made. */
  read(records: Uint8Array): void {
    const r = new ByteReader(records)
    while (!r.done) {
      const kind = r.u8()
      if (kind === FromEdge.publish) this.#publish(r)
      else if (kind === FromEdge.journal) this.#journal(r)
      else if (kind === FromEdge.delivered) readRanges(r, n => this.#link.delivered(this.#port.answered(n)))
      else this.#control(kind, r)
    }
  }

  #publish(r: ByteReader): void {
    const message = readPublished(r, this.#incarnation)
    if (message.origin !== this.#incarnation)
      throw new RangeError(`Message of '${message.origin}' published by '${this.#incarnation}'`)
    this.#link.publish(message)
  }

  #control(kind: number, r: ByteReader): void {
    switch (kind) {
      case FromEdge.claim:
        return this.#claim(r)
      case FromEdge.subscribe: {
        const req = r.varint()
        const client = readClient(r)
        const epoch = r.varint()
        const subscriptions = readList(r, () => readSubscription(r))
        return this.#link.subscribe(client, epoch, subscriptions, () => this.#port.done(req))
      }
      case FromEdge.unsubscribe: {
        const req = r.varint()
        const client = readClient(r)
        const epoch = r.varint()
        const filters = readList(r, () => readFilter(r))
        return this.#link.unsubscribe(client, epoch, filters, () => this.#port.done(req))
      }
      case FromEdge.retained: {
        const req = r.varint()
        const tenant = r.text() as Tenant
        const filter = readFilter(r)
        const cursor = r.u8() === 0 ? undefined : r.text()
        return this.#link.retained(tenant, filter, cursor, r.varint(), page => this.#port.page(req, page))
      }
      case FromEdge.spool:
        return this.#spool(r)
      case FromEdge.drain: {
        const req = r.varint()
        const client = readClient(r)
        return this.#link.drain(client, r.varint(), r.varint(), page => this.#port.inbox(req, page))
      }
      case FromEdge.save:
        return this.#link.save(readClient(r), r.varint(), readOutbound(r, this.#handed))
      case FromEdge.release:
        return this.#release(r)
      case FromEdge.giveBack:
        return this.#link.giveBack(readFilter(r), this.#message(r))
      case FromEdge.sift: {
        const req = r.varint()
        const tenant = r.text() as Tenant
        const site = r.text()
        const filters = readList(r, () => readFilter(r))
        const found = (messages: readonly Message[]) => this.#port.page(req, { messages, next: undefined })
        return this.#link.sift(tenant, site, filters, found)
      }
      case FromEdge.sent:
        return this.#link.recall?.(readClient(r), readOutgoing(r))
      case FromEdge.bye:
        return this.#left()
      default:
        throw new RangeError(`Record of unknown kind ${kind} from an edge`)
    }
  }

  #spool(r: ByteReader): void {
    const client = readClient(r)
    const epoch = r.varint()
    this.#named = 0
    const message = this.#message(r)
    this.#link.spool(client, epoch, message, this.#named)
  }

  #claim(r: ByteReader): void {
    const req = r.varint()
    const client = readClient(r)
    const flags = r.u8()
    const expirySec = r.varint()
    const will = (flags & 2) === 0 ? undefined : readWill(r)
    const epoch = (flags & 4) === 0 ? undefined : r.varint()
    const request = { client, cleanStart: (flags & 1) !== 0, expirySec, will }
    this.#link.claim(epoch === undefined ? request : { ...request, epoch }, reply => {
      if (!this.#port.gone) return this.#port.claimed(req, reply)
      // Nobody is there to serve it.
      if (reply.ok)
        this.#link.release(client, reply.epoch, {
          will: false,
          expirySec,
          outbound: { inflight: reply.state.inflight, queue: [] },
        })
    })
  }

  #journal(r: ByteReader): void {
    const req = r.varint()
    const client = readClient(r)
    const epoch = r.varint()
    const step = this.#step(r)
    if (req === 0) this.#link.journal(client, epoch, step)
    else this.#link.journal(client, epoch, step, () => this.#port.done(req))
  }

  #step(r: ByteReader): Step {
    const code = r.u8()
    if (code === StepCode.taken) return { step: 'taken', group: readFilter(r), message: this.#message(r) }
    const packetId = r.varint()
    if (code === StepCode.out) return { step: 'out', packetId, message: this.#message(r) }
    if (code === StepCode.done) return { step: 'done', packetId, message: readRef(r, this.#handed) }
    if (code === StepCode.rec) return { step: 'rec', packetId }
    if (code === StepCode.rel) return { step: 'rel', packetId }
    throw new RangeError(`Step of unknown kind ${code} from an edge`)
  }

  #release(r: ByteReader): void {
    const client = readClient(r)
    const epoch = r.varint()
    const flags = r.u8()
    const end = { will: (flags & 1) !== 0, sentAway: (flags & 2) !== 0, expirySec: r.varint() }
    const rest =
      (flags & 4) === 0
        ? { unseen: this.#port.unseen(r.varint()), outbound: readOutbound(r, this.#handed) }
        : { agoMs: r.varint(), outbound: NOTHING }
    this.#link.release(client, epoch, { ...end, ...rest }, () => this.#port.released(client, epoch))
  }

  #message(r: ByteReader): Message {
    const message = readRef(r, this.#handed)
    if (message === undefined) throw new RangeError('Record without its message from an edge')
    return message
  }
}
