/** Session records and subscriptions as bytes. Owns the layout, with a version in front; keeps nothing. */
import { ByteReader, ByteWriter, readMessage, writeMessage } from '../contract/codec.ts'
import type { ClientKey, TopicFilter, TopicName } from '../contract/ids.ts'
import type { QoS } from '../contract/message.ts'
import type { Inflight, Will } from '../contract/session.ts'
import type { SessionRecord, StoredSubscription } from './port.ts'

const VERSION = 1
const WILL = 1
const INBOX = 2
const RETAIN = 4
const EXPIRES = 8
const HELD = 4
const COMES = 8
const SENT = 0
const RECEIVED = 1
const QOS_2 = 2
const NO_LOCAL = 4
const RETAIN_AS_PUBLISHED = 8

/** Everything but the client key, which is the key it is stored under. */
export function encodeSession(record: SessionRecord): Uint8Array {
  const w = new ByteWriter()
  w.u8(VERSION)
  w.u8(
    (record.will === undefined ? 0 : WILL) |
      (record.inbox === undefined ? 0 : INBOX) |
      (record.heldUntil === 0 ? 0 : HELD) |
      (record.comesFrom === '' ? 0 : COMES),
  )
  w.varint(record.epoch)
  w.varint(record.since)
  w.varint(record.asOf)
  w.varint(record.expirySec)
  w.varint(Math.floor(record.offlineAt))
  if (record.will !== undefined) writeWill(w, record.will)
  w.varint(record.inflight.length)
  for (const { packetId, qos, retain, message } of record.inflight) {
    w.varint(packetId)
    w.u8((message === undefined ? RECEIVED : SENT) | (qos === 2 ? QOS_2 : 0) | (retain ? RETAIN : 0))
    if (message !== undefined) writeMessage(w, message, '')
  }
  w.varint(record.received.length)
  for (const packetId of record.received) w.varint(packetId)
  if (record.inbox !== undefined) w.blob(record.inbox)
  if (record.heldUntil > 0) w.varint(Math.ceil(record.heldUntil))
  if (record.comesFrom !== '') w.text(record.comesFrom)
  return w.copy()
}

/** Throws RangeError on bytes that are no session record. */
export function decodeSession(client: ClientKey, bytes: Uint8Array): SessionRecord {
  const r = new ByteReader(bytes)
  const version = r.u8()
  if (version !== VERSION) throw new RangeError(`Session record of '${client}' has version ${version}`)
  const flags = r.u8()
  const epoch = r.varint()
  const since = r.varint()
  const asOf = r.varint()
  const expirySec = r.varint()
  const offlineAt = r.varint()
  const will = (flags & WILL) === 0 ? undefined : readWill(r)
  const inflight: Inflight[] = []
  for (let n = r.varint(); n > 0; n--) {
    const packetId = r.varint()
    const flags = r.u8()
    const received = (flags & RECEIVED) !== 0
    inflight.push({
      packetId,
      state: received ? 'received' : 'sent',
      qos: (flags & QOS_2) === 0 ? 1 : 2,
      retain: (flags & RETAIN) !== 0,
      message: received ? undefined : readMessage(r, ''),
    })
  }
  const received: number[] = []
  for (let n = r.varint(); n > 0; n--) received.push(r.varint())
  const inbox = (flags & INBOX) === 0 ? undefined : r.blob()
  const heldUntil = (flags & HELD) === 0 ? 0 : r.varint()
  const comesFrom = (flags & COMES) === 0 ? '' : r.text()
  return { client, epoch, since, asOf, expirySec, offlineAt, will, heldUntil, comesFrom, inflight, received, inbox }
}

function writeWill(w: ByteWriter, will: Will): void {
  w.u8(will.qos | (will.retain ? RETAIN : 0) | (will.expirySec === undefined ? 0 : EXPIRES))
  w.text(will.topic)
  w.blob(will.payload)
  w.blob(will.props)
  w.varint(will.delaySec)
  if (will.expirySec !== undefined) w.varint(will.expirySec)
}

function readWill(r: ByteReader): Will {
  const flags = r.u8()
  const topic = r.text() as TopicName
  const payload = r.blob()
  const props = r.blob()
  const delaySec = r.varint()
  const expirySec = (flags & EXPIRES) === 0 ? undefined : r.varint()
  return { topic, payload, qos: (flags & 3) as QoS, retain: (flags & RETAIN) !== 0, props, delaySec, expirySec }
}

/** Everything but the filter, which is the key it is stored under. */
export function encodeSubscription(s: StoredSubscription): Uint8Array {
  const w = new ByteWriter(24)
  w.u8(VERSION)
  w.u8(s.qos | (s.noLocal ? NO_LOCAL : 0) | (s.retainAsPublished ? RETAIN_AS_PUBLISHED : 0) | (s.retainHandling << 4))
  w.varint(s.id)
  w.varint(s.since)
  return w.copy()
}

/** Throws RangeError on bytes that are no subscription. */
export function decodeSubscription(filter: TopicFilter, bytes: Uint8Array): StoredSubscription {
  const r = new ByteReader(bytes)
  const version = r.u8()
  if (version !== VERSION) throw new RangeError(`Subscription '${filter}' has version ${version}`)
  const flags = r.u8()
  return {
    filter,
    qos: (flags & 3) as QoS,
    noLocal: (flags & NO_LOCAL) !== 0,
    retainAsPublished: (flags & RETAIN_AS_PUBLISHED) !== 0,
    retainHandling: (flags >> 4) as 0 | 1 | 2,
    id: r.varint(),
    since: r.varint(),
  }
}
