/** The few MQTT frames a load generator needs, made and split by index arithmetic; checks nothing the measurement does not need. */

export const PACKET = {
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  suback: 9,
} as const

export type Version = 4 | 5

/** Walks over the frames of a chunk without an object per frame. */
export class FrameCursor {
  /** First byte of the current frame. */
  head = 0
  /** Index of the first byte after the fixed header, and of the first after the frame. */
  body = 0
  end = 0

  /** Moves to the frame that starts at `at`; false if it is not complete before `to`. */
  next(buffer: Uint8Array, at: number, to: number): boolean {
    let length = 0
    let byte = 128
    let body = at + 1
    for (let shift = 0; byte > 127 && body < to; shift += 7) {
      byte = buffer[body++]!
      length |= (byte & 127) << shift
    }
    if (byte > 127 || body + length > to) return false
    this.head = buffer[at]!
    this.body = body
    this.end = body + length
    return true
  }
}

/** Index after a variable byte integer and the bytes it counts, e.g. the properties of MQTT 5. */
export const skipCounted = (buffer: Uint8Array, at: number): number => {
  let length = 0
  let byte = 128
  let next = at
  for (let shift = 0; byte > 127; shift += 7) {
    byte = buffer[next++]!
    length |= (byte & 127) << shift
  }
  return next + length
}

const counted = (text: string): Buffer => {
  const bytes = Buffer.from(text)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes])
}

const frame = (head: number, ...parts: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts)
  const length: number[] = []
  let rest = body.length
  do {
    const more = rest > 127
    length.push((rest & 127) | (more ? 128 : 0))
    rest >>>= 7
  } while (rest > 0)
  return Buffer.concat([Buffer.from([head, ...length]), body])
}

const noProperties = (version: Version): Buffer => Buffer.from(version === 5 ? [0] : [])

/** A session that outlives its connection (MQTT 5). */
export interface Kept {
  readonly expirySecs: number
  /** QoS ≥ 1 messages in flight, at most. */
  readonly receiveMaximum?: number
}

/** Keep alive 120 s: no run is that silent for longer. Clean session if it is not kept. */
export const connectFrame = (version: Version, clientId: string, kept?: Kept): Buffer => {
  const flags = Buffer.from([version, kept === undefined ? 2 : 0, 0, 120])
  const properties = kept === undefined ? noProperties(version) : keptProperties(kept)
  return frame(0x10, counted('MQTT'), flags, properties, counted(clientId))
}

/** Session Expiry Interval [3.1.2.11.2] and Receive Maximum [3.1.2.11.3]. */
const keptProperties = ({ expirySecs, receiveMaximum = 65_535 }: Kept): Buffer => {
  const bytes = Buffer.from([8, 0x11, 0, 0, 0, 0, 0x21, 0, 0])
  bytes.writeUInt32BE(expirySecs, 2)
  bytes.writeUInt16BE(receiveMaximum, 7)
  return bytes
}

export const DISCONNECT: Uint8Array = Buffer.from([0xe0, 0])

/** Packet id 1. */
export const subscribeFrame = (version: Version, filter: string, qos: number): Buffer =>
  frame(0x82, Buffer.from([0, 1]), noProperties(version), counted(filter), Buffer.from([qos]))

/** A PUBLISH to copy and patch: `packetIdAt` is 0 for QoS 0. */
export interface PublishTemplate {
  readonly bytes: Buffer
  readonly packetIdAt: number
  readonly payloadAt: number
}

export const publishTemplate = (
  version: Version,
  topic: string,
  qos: number,
  payloadBytes: number,
  retain = false,
): PublishTemplate => {
  const id = Buffer.from(qos > 0 ? [0, 0] : [])
  const properties = noProperties(version)
  const head = 0x30 | (qos << 1) | (retain ? 1 : 0)
  const bytes = frame(head, counted(topic), id, properties, Buffer.alloc(payloadBytes))
  const payloadAt = bytes.length - payloadBytes
  return { bytes, payloadAt, packetIdAt: qos > 0 ? payloadAt - properties.length - 2 : 0 }
}
