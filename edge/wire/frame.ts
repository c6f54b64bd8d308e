/** PUBLISH to bytes, by hand: one allocation, and where the packet id lies, so that one frame serves many receivers. */

import type { QoS } from '../../core/contract/message.ts'
import type { Version } from './packets.ts'
import { carve } from './slab.ts'
import { utf8Length, writeUtf8 } from './utf8.ts'
import { varintLength, writeVarint } from './writer.ts'

/**
 * A whole PUBLISH. `bytes` is a view on a small shared slab and is not written again by the codec. `packetIdAt` is the
 * offset of the two packet id bytes, high byte first; 0 for QoS 0.
 */
export class Frame {
  readonly bytes: Uint8Array
  readonly packetIdAt: number

  constructor(bytes: Uint8Array, packetIdAt: number) {
    this.bytes = bytes
    this.packetIdAt = packetIdAt
  }
}

/** What a PUBLISH to one kind of receiver has beside topic, payload and forwarded properties. The last four are ignored before MQTT 5. */
export interface PublishOptions {
  readonly qos: QoS
  readonly retain: boolean
  readonly dup: boolean
  /** 0 for QoS 0, or to be patched in later. */
  readonly packetId: number
  /** What is left of the Message Expiry Interval; -1 or absent for none. Seconds. */
  readonly expirySec?: number
  readonly subscriptionIds?: readonly number[]
  /** Topic Alias, 0 or absent for none. */
  readonly alias?: number
  /** The receiver knows the alias: send an empty topic name. */
  readonly omitTopic?: boolean
}

const NO_IDS: readonly number[] = []
const MAX_TOPIC_BYTES = 65_535

/** `props` as in `Message.props`. Throws RangeError if the topic or the packet is longer than MQTT can say. */
export function publishFrame(
  version: Version,
  topic: string,
  payload: Uint8Array,
  props: Uint8Array,
  options: PublishOptions,
): Frame {
  const { qos } = options
  const name = version === 5 && options.omitTopic === true ? '' : topic
  const topicBytes = utf8Length(name)
  if (topicBytes > MAX_TOPIC_BYTES)
    throw new RangeError(`Topic name of ${topicBytes} bytes is longer than ${MAX_TOPIC_BYTES}`)
  const propsBytes = version === 5 ? propertyBytes(props, options) : 0
  const idBytes = qos === 0 ? 0 : 2
  const rest = 2 + topicBytes + idBytes + (version === 5 ? varintLength(propsBytes) + propsBytes : 0) + payload.length
  const bytes = carve(1 + varintLength(rest) + rest)

  bytes[0] = 0x30 | (options.dup ? 8 : 0) | (qos << 1) | (options.retain ? 1 : 0)
  let at = writeVarint(bytes, 1, rest)
  bytes[at++] = topicBytes >> 8
  bytes[at++] = topicBytes & 0xff
  at = writeUtf8(bytes, at, name)
  let packetIdAt = 0
  if (qos > 0) {
    packetIdAt = at
    bytes[at++] = options.packetId >> 8
    bytes[at++] = options.packetId & 0xff
  }
  if (version === 5) {
    at = writeVarint(bytes, at, propsBytes)
    if (propsBytes > 0) at = writePublishProperties(bytes, at, props, options)
  }
  if (payload.length > 0) bytes.set(payload, at)
  return new Frame(bytes, packetIdAt)
}

function propertyBytes(props: Uint8Array, options: PublishOptions): number {
  let size = props.length
  if ((options.expirySec ?? -1) >= 0) size += 5
  if ((options.alias ?? 0) > 0) size += 3
  for (const id of options.subscriptionIds ?? NO_IDS) size += 1 + varintLength(id)
  return size
}

function writePublishProperties(bytes: Uint8Array, at: number, props: Uint8Array, options: PublishOptions): number {
  const expirySec = options.expirySec ?? -1
  if (expirySec >= 0) {
    bytes[at++] = 2
    bytes[at++] = expirySec >>> 24
    bytes[at++] = (expirySec >>> 16) & 0xff
    bytes[at++] = (expirySec >>> 8) & 0xff
    bytes[at++] = expirySec & 0xff
  }
  const alias = options.alias ?? 0
  if (alias > 0) {
    bytes[at++] = 35
    bytes[at++] = alias >> 8
    bytes[at++] = alias & 0xff
  }
  for (const id of options.subscriptionIds ?? NO_IDS) {
    bytes[at++] = 11
    at = writeVarint(bytes, at, id)
  }
  bytes.set(props, at)
  return at + props.length
}
