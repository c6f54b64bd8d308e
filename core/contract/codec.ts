/** Messages as bytes, for logs, inboxes and links: a compact layout of its own. Owns the primitives (varint, text, blob) that other records are built from; knows no storage. */
import type { ClientKey, Incarnation, Tenant, TopicFilter, TopicName } from './ids.ts'
import { Message, NEVER, NO_BYTES, type QoS, type Relayed } from './message.ts'

const encoder = new TextEncoder()
/** A byte order mark is a character like others [MQTT-1.5.4-3 of 5.0]. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Bytes under construction, in one buffer that grows and is reused. */
export class ByteWriter {
  bytes: Uint8Array
  length = 0

  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity)
  }

  /** Makes room for `n` more bytes. */
  reserve(n: number): void {
    if (this.length + n <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + n))
    grown.set(this.bytes.subarray(0, this.length))
    this.bytes = grown
  }

  u8(value: number): void {
    this.reserve(1)
    this.bytes[this.length++] = value
  }

  /** An integer from 0 to 2^53 - 1, seven bits per byte, low bits first. */
  varint(value: number): void {
    this.reserve(8)
    while (value > 0x7fffffff) {
      this.bytes[this.length++] = (value % 128) | 0x80
      value = Math.floor(value / 128)
    }
    while (value > 127) {
      this.bytes[this.length++] = (value & 127) | 0x80
      value >>>= 7
    }
    this.bytes[this.length++] = value
  }

  /** Length in bytes, then UTF-8. */
  text(value: string): void {
    const start = this.length
    this.varint(value.length)
    this.reserve(value.length)
    const { bytes } = this
    let at = this.length
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i)
      if (code > 127) {
        this.length = start
        this.blob(encoder.encode(value))
        return
      }
      bytes[at++] = code
    }
    this.length = at
  }

  /** Length in bytes, then the bytes. */
  blob(value: Uint8Array): void {
    this.varint(value.length)
    this.reserve(value.length)
    this.bytes.set(value, this.length)
    this.length += value.length
  }

  /** A copy of what was written since `clear`. */
  copy(): Uint8Array {
    return this.bytes.slice(0, this.length)
  }

  clear(): void {
    this.length = 0
  }
}

/** Reads what `ByteWriter` wrote. Throws RangeError if the bytes end early. Blobs are views. */
export class ByteReader {
  readonly bytes: Uint8Array
  at = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  get done(): boolean {
    return this.at >= this.bytes.length
  }

  u8(): number {
    const value = this.bytes[this.at++]
    if (value === undefined) throw new RangeError(`Record of ${this.bytes.length} bytes ends early`)
    return value
  }

  varint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.u8()
      value += (byte & 127) * scale
      if (byte < 128) return value
      if (scale > 2 ** 49) throw new RangeError(`Number at byte ${this.at} of a record is too long`)
    }
  }

  text(): string {
    return decoder.decode(this.blob())
  }

  blob(): Uint8Array {
    const length = this.varint()
    const end = this.at + length
    if (end > this.bytes.length) throw new RangeError(`Record of ${this.bytes.length} bytes ends early`)
    const value = length === 0 ? NO_BYTES : this.bytes.subarray(this.at, end)
    this.at = end
    return value
  }
}

// Flags of a message: QoS in the low two bits, then what is there.
const RETAIN = 4
const SAME_ORIGIN = 8
const EXPIRES = 16
const PACKET_ID = 32
const TARGET = 64
const PROPS = 128

/**
 * flags, [origin], seq, tenant, topic, sender, [expiresAt], [packetId], [stamp], [target], [props], payload. `previous`: the
 * origin of the message before it in the same bytes, which is then left out; '' for none. A packet id that is there and 0:
 * the message was relayed, and twice the number of its groups (one more: only for these) and the groups follow. `stamp`: of
 * retained messages.
 */
export function writeMessage(w: ByteWriter, m: Message, previous: string): void {
  const same = m.origin === previous
  w.u8(
    m.qos |
      (m.retain ? RETAIN : 0) |
      (same ? SAME_ORIGIN : 0) |
      (m.expiresAt === NEVER ? 0 : EXPIRES) |
      (m.packetId === 0 && m.relayed === undefined ? 0 : PACKET_ID) |
      (m.target === '' ? 0 : TARGET) |
      (m.props.length === 0 ? 0 : PROPS),
  )
  if (!same) w.text(m.origin)
  w.varint(m.seq)
  w.text(m.tenant)
  w.text(m.topic)
  w.text(m.sender)
  if (m.expiresAt !== NEVER) w.varint(Math.ceil(m.expiresAt))
  if (m.relayed !== undefined) writeRelayed(w, m.relayed)
  else if (m.packetId !== 0) w.varint(m.packetId)
  if (m.retain) w.varint(m.stamp)
  if (m.target !== '') w.text(m.target)
  if (m.props.length > 0) w.blob(m.props)
  w.blob(m.payload)
}

/** Payload and properties are views on the reader's bytes. Throws RangeError on bytes that are no message. */
export function readMessage(r: ByteReader, previous: string): Message {
  const flags = r.u8()
  const qos = flags & 3
  if (qos === 3) throw new RangeError(`Message at byte ${r.at - 1} of a record has QoS 3`)
  const origin = ((flags & SAME_ORIGIN) === 0 ? r.text() : previous) as Incarnation
  const seq = r.varint()
  const tenant = r.text() as Tenant
  const topic = r.text() as TopicName
  const sender = r.text() as ClientKey
  const expiresAt = (flags & EXPIRES) === 0 ? NEVER : r.varint()
  const packetId = (flags & PACKET_ID) === 0 ? 0 : r.varint()
  const relayed = (flags & PACKET_ID) === 0 || packetId !== 0 ? undefined : readRelayed(r)
  const retain = (flags & RETAIN) !== 0
  const stamp = retain ? r.varint() : 0
  const target = ((flags & TARGET) === 0 ? '' : r.text()) as ClientKey
  const props = (flags & PROPS) === 0 ? NO_BYTES : r.blob()
  const payload = r.blob()
  return new Message(origin, seq, {
    tenant,
    topic,
    qos: qos as QoS,
    payload,
    retain,
    props,
    expiresAt,
    sender,
    packetId,
    target,
    stamp,
    ...(relayed === undefined ? {} : { relayed }),
  })
}

function writeRelayed(w: ByteWriter, { groups, only }: Relayed): void {
  w.varint(0)
  w.varint(groups.length * 2 + (only ? 1 : 0))
  for (const group of groups) w.text(group)
}

function readRelayed(r: ByteReader): Relayed {
  const n = r.varint()
  const groups: TopicFilter[] = []
  for (let i = 0; i < Math.floor(n / 2); i++) groups.push(r.text() as TopicFilter)
  return { groups, only: n % 2 === 1 }
}

const scratch = new ByteWriter()

/** One message on its own, in bytes of its own. */
export function encodeMessage(m: Message): Uint8Array {
  scratch.clear()
  writeMessage(scratch, m, '')
  const bytes = scratch.copy()
  if (scratch.bytes.length > 1 << 20) scratch.bytes = new Uint8Array(256)
  return bytes
}

/** Throws RangeError on bytes that are no message. The message keeps views on `bytes`. */
export const decodeMessage = (bytes: Uint8Array): Message => readMessage(new ByteReader(bytes), '')

/** The same message with payload and properties of its own, for who keeps it longer than the turn. */
export const own = (m: Message): Message =>
  new Message(m.origin, m.seq, {
    tenant: m.tenant,
    topic: m.topic,
    qos: m.qos,
    payload: m.payload.slice(),
    retain: m.retain,
    props: m.props.length === 0 ? NO_BYTES : m.props.slice(),
    expiresAt: m.expiresAt,
    sender: m.sender,
    packetId: m.packetId,
    target: m.target,
    stamp: m.stamp,
    ...(m.relayed === undefined ? {} : { relayed: m.relayed }),
  })

/** What a message counts against byte bounds: its bytes and a fixed overhead. */
export const messageBytes = (m: Message): number => m.payload.length + m.props.length + m.topic.length + 64
