/**
 * The records of a link and their parts as bytes. Owns the layout that both ends share; decides nothing. Numbers are varints,
 * texts and bytes have their length in front, lists their number of entries.
 *
 * Edge → core. `req`: number of a call that is answered; 0: no answer is wanted. `ref`: see `writeRef`.
 *
 *     publish      message, its origin being the edge's incarnation
 *     claim        req, client, flags (1 clean start, 2 will), expiry, [will]
 *     subscribe    req, client, epoch, subscriptions
 *     unsubscribe  req, client, epoch, filters
 *     retained     req, tenant, filter, flag, [cursor], limit
 *     journal      req, client, epoch, step, then   out: packet id, ref   rec, rel: packet id
 *                                                   done: packet id, ref (may be none)   taken: group, ref
 *     spool        client, epoch, ref
 *     drain        req, client, epoch, limit
 *     save         client, epoch, outbound
 *     release      client, epoch, flags (1 will, 2 sent away, 4 told again), expiry, then seen, outbound; or, told again, ms ago
 *     giveBack     group, ref
 *     delivered    ranges of delivery numbers
 *     sift         req, tenant, site, filters (peers only; answered with a page)
 *     sent         client, messages as in `outgoing.ts`: to a core that knows nothing of this edge
 *     bye          nothing: the edge goes, and its sessions are released
 *
 * Core → edge. Messages of QoS ≥ 1 are numbered 1, 2, 3 … in the order of their `deliver` records: both ends count.
 *
 *     deliver      message             the edge chooses for every shared group
 *     deliverTo    groups, message     the edge chooses for those groups
 *     deliverOnly  groups, message     nobody else at the edge gets it
 *     deliverBut   clients, only, groups, message   as one of the two before; these clients have had it
 *     receipts     runs: every publish of QoS ≥ 1 up to (seq), matched or not
 *     kick         client, epoch, reason
 *     congested    0 or 1
 *     done         req
 *     claimed      req, reply
 *     released     client, epoch: what `release` said is durable
 *     inbox        req, messages, end
 *     page         req, messages, flag, [next]
 *     bye          nothing: the core goes
 */
import { type ByteReader, type ByteWriter, readMessage, writeMessage } from '../codec.ts'
import type { ClientKey, Incarnation, TopicFilter, TopicName } from '../ids.ts'
import { Message, NO_BYTES, type QoS } from '../message.ts'
import type { Inflight, Outbound, Subscription, Will } from '../session.ts'

export const FromEdge = {
  publish: 1,
  claim: 2,
  subscribe: 3,
  unsubscribe: 4,
  retained: 5,
  journal: 6,
  spool: 7,
  drain: 8,
  save: 9,
  release: 10,
  giveBack: 11,
  delivered: 12,
  bye: 13,
  sift: 14,
  sent: 15,
} as const

export const FromCore = {
  deliver: 1,
  deliverTo: 2,
  receipts: 3,
  kick: 4,
  congested: 5,
  done: 6,
  claimed: 7,
  inbox: 8,
  page: 9,
  bye: 10,
  deliverOnly: 11,
  deliverBut: 12,
  released: 13,
} as const

export const StepCode = { out: 1, rec: 2, done: 3, rel: 4, taken: 5 } as const

const REF_NONE = 0
const REF_NUMBER = 1
const REF_IDENTITY = 2
const REF_WHOLE = 3

/**
 * How a record names a message: by its delivery number while that is not answered; whole after that, or by its identity
 * alone where that is enough (`brief`); or not at all.
 */
export function writeRef(w: ByteWriter, m: Message | undefined, brief: boolean): void {
  if (m === undefined) w.u8(REF_NONE)
  else if (m.ref !== 0) {
    w.u8(REF_NUMBER)
    w.varint(m.ref)
  } else if (brief) {
    w.u8(REF_IDENTITY)
    w.text(m.origin)
    w.varint(m.seq)
  } else {
    w.u8(REF_WHOLE)
    writeMessage(w, m, '')
  }
}

/** `unanswered`: the message of a delivery number, undefined if there is none. A message that comes by its identity is empty. */
export function readRef(r: ByteReader, unanswered: (ref: number) => Message | undefined): Message | undefined {
  const kind = r.u8()
  if (kind === REF_NONE) return undefined
  if (kind === REF_NUMBER) {
    const ref = r.varint()
    const message = unanswered(ref)
    if (message === undefined) throw new RangeError(`Delivery ${ref} is answered, or never was`)
    return message
  }
  if (kind === REF_IDENTITY) return nameOnly(r.text() as Incarnation, r.varint())
  if (kind === REF_WHOLE) return readMessage(r, '')
  throw new RangeError(`Message at byte ${r.at} of a frame is named in unknown way ${kind}`)
}

const nameOnly = (origin: Incarnation, seq: number): Message =>
  new Message(origin, seq, { tenant: '' as Message['tenant'], topic: '' as TopicName, qos: 1, payload: NO_BYTES })

export function writeList<T>(w: ByteWriter, list: readonly T[], write: (item: T) => void): void {
  w.varint(list.length)
  for (const item of list) write(item)
}

export function readList<T>(r: ByteReader, read: () => T): T[] {
  const n = r.varint()
  // Each takes a byte at least: a number that is damaged is found before memory is taken for it.
  if (n > r.bytes.length - r.at)
    throw new RangeError(`List of ${n} in a frame with ${r.bytes.length - r.at} bytes left`)
  const list: T[] = []
  for (let i = 0; i < n; i++) list.push(read())
  return list
}

const NO_LOCAL = 4
const AS_PUBLISHED = 8
const HANDLING_SHIFT = 4

export function writeSubscription(w: ByteWriter, s: Subscription): void {
  w.u8(
    s.qos |
      (s.noLocal ? NO_LOCAL : 0) |
      (s.retainAsPublished ? AS_PUBLISHED : 0) |
      (s.retainHandling << HANDLING_SHIFT),
  )
  w.varint(s.id)
  w.text(s.filter)
}

export function readSubscription(r: ByteReader): Subscription {
  const flags = r.u8()
  const retainHandling = flags >> HANDLING_SHIFT
  if (retainHandling > 2) throw new RangeError(`Retain handling ${retainHandling} in a frame`)
  const id = r.varint()
  return {
    filter: readFilter(r),
    qos: qosOf(flags),
    noLocal: (flags & NO_LOCAL) !== 0,
    retainAsPublished: (flags & AS_PUBLISHED) !== 0,
    retainHandling: retainHandling as 0 | 1 | 2,
    id,
  }
}

const WILL_RETAIN = 4
const WILL_EXPIRES = 8

export function writeWill(w: ByteWriter, will: Will): void {
  w.u8(will.qos | (will.retain ? WILL_RETAIN : 0) | (will.expirySec === undefined ? 0 : WILL_EXPIRES))
  w.text(will.topic)
  w.varint(will.delaySec)
  if (will.expirySec !== undefined) w.varint(will.expirySec)
  w.blob(will.props)
  w.blob(will.payload)
}

export function readWill(r: ByteReader): Will {
  const flags = r.u8()
  const topic = r.text() as TopicName
  const delaySec = r.varint()
  const expirySec = (flags & WILL_EXPIRES) === 0 ? undefined : r.varint()
  const props = r.blob()
  return {
    topic,
    payload: r.blob(),
    qos: qosOf(flags),
    retain: (flags & WILL_RETAIN) !== 0,
    props,
    delaySec,
    expirySec,
  }
}

const RECEIVED = 4
const INFLIGHT_RETAIN = 8

export function writeInflight(w: ByteWriter, f: Inflight): void {
  w.u8(f.qos | (f.state === 'received' ? RECEIVED : 0) | (f.retain ? INFLIGHT_RETAIN : 0))
  w.varint(f.packetId)
  writeRef(w, f.message, false)
}

export function readInflight(r: ByteReader, unanswered: (ref: number) => Message | undefined): Inflight {
  const flags = r.u8()
  const qos = qosOf(flags)
  if (qos === 0) throw new RangeError('Message in flight with QoS 0 in a frame')
  const packetId = r.varint()
  return {
    packetId,
    state: (flags & RECEIVED) === 0 ? 'sent' : 'received',
    qos,
    retain: (flags & INFLIGHT_RETAIN) !== 0,
    message: readRef(r, unanswered),
  }
}

export function writeOutbound(w: ByteWriter, { inflight, queue }: Outbound): void {
  writeList(w, inflight, f => writeInflight(w, f))
  writeList(w, queue, m => writeRef(w, m, false))
}

export function readOutbound(r: ByteReader, unanswered: (ref: number) => Message | undefined): Outbound {
  const inflight = readList(r, () => readInflight(r, unanswered))
  const queue = readList(r, () => {
    const message = readRef(r, unanswered)
    if (message === undefined) throw new RangeError('Queue with no message in a place of it in a frame')
    return message
  })
  return { inflight, queue }
}

export function readFilter(r: ByteReader): TopicFilter {
  const filter = r.text()
  if (filter === '') throw new RangeError('Empty topic filter in a frame')
  return filter as TopicFilter
}

export function readClient(r: ByteReader): ClientKey {
  const key = r.text()
  if (!key.includes(':')) throw new RangeError(`Client key '${key}' in a frame has no colon`)
  return key as ClientKey
}

/** A message that came from outside: with a topic. */
export function readPublished(r: ByteReader, previous: string): Message {
  const message = readMessage(r, previous)
  if (message.topic === '') throw new RangeError('Message without topic in a frame')
  return message
}

function qosOf(flags: number): QoS {
  const qos = flags & 3
  if (qos === 3) throw new RangeError('QoS 3 in a frame')
  return qos as QoS
}
