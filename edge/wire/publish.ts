/** PUBLISH from its bytes, by hand: the packet whose rate matters. Makes views, not copies. */
import type { TopicName } from '../../core/contract/ids.ts'
import { NO_BYTES, type QoS } from '../../core/contract/message.ts'
import { Malformed, malformed, protocolError } from './malformed.ts'
import type { Publish } from './packets.ts'
import { Reader } from './reader.ts'
import { Reason } from './reason.ts'
import { hasWildcard, topicName } from './topic.ts'

/**
 * `first` is the packet's first byte; its body lies between `at` and `end`. Raises `Malformed` with the code MQTT 5 names:
 * QoS 3 [MQTT-3.3.1-4], DUP with QoS 0 [MQTT-3.3.1-2], packet id 0 [MQTT-2.2.1-3], no topic and no alias (0x82), alias 0
 * (0x94) [MQTT-3.3.2-8], a subscription identifier [MQTT-3.3.4-6] and all that `topicName` and the properties refuse.
 */
export function decodePublish(bytes: Uint8Array, first: number, at: number, end: number, version: number): Publish {
  const qos = (first >> 1) & 3
  const dup = (first & 8) !== 0
  if (qos === 3) malformed('PUBLISH has QoS 3')
  if (dup && qos === 0) malformed('PUBLISH has QoS 0 and the DUP flag')

  if (at + 2 > end) malformed('PUBLISH ends inside its topic name')
  const topicAt = at + 2
  const topicEnd = topicAt + ((bytes[at]! << 8) | bytes[at + 1]!)
  if (topicEnd > end) malformed('PUBLISH ends inside its topic name')
  const topic: TopicName | '' = topicEnd === topicAt ? '' : topicName(bytes, topicAt, topicEnd)
  at = topicEnd

  let packetId = 0
  if (qos > 0) {
    if (at + 2 > end) malformed('PUBLISH ends inside its packet identifier')
    packetId = (bytes[at]! << 8) | bytes[at + 1]!
    if (packetId === 0) protocolError('PUBLISH has packet identifier 0')
    at += 2
  }

  let found = NONE
  if (version === 5) {
    if (at < end && bytes[at] === 0) at++
    else {
      const r = new Reader(bytes, at, end, 'PUBLISH')
      found = readPublishProperties(r)
      at = r.at
    }
  }
  if (topic === '' && found.alias === 0) {
    if (version === 5) protocolError('PUBLISH has neither a topic name nor a topic alias')
    malformed('PUBLISH has an empty topic name')
  }
  return {
    topic,
    payload: at === end ? NO_BYTES : view(bytes, at, end),
    qos: qos as QoS,
    dup,
    retain: (first & 1) !== 0,
    packetId,
    props: found.props,
    alias: found.alias,
    expirySec: found.expirySec,
    utf8Payload: found.utf8Payload,
  }
}

interface PublishProperties {
  props: Uint8Array
  alias: number
  expirySec: number
  utf8Payload: boolean
}

const NONE: Readonly<PublishProperties> = { props: NO_BYTES, alias: 0, expirySec: -1, utf8Payload: false }

/** A plain Uint8Array whatever subclass `bytes` is. */
const view = (bytes: Uint8Array, at: number, end: number): Uint8Array =>
  new Uint8Array(bytes.buffer, bytes.byteOffset + at, end - at)

/** Reads the property list with its length; leaves `r` after it, with its end unchanged. */
function readPublishProperties(r: Reader): PublishProperties {
  const size = r.varint()
  if (size > r.left) malformed('PUBLISH ends inside its properties')
  const found = { ...NONE }
  const packetEnd = r.end
  const start = r.at
  r.end = start + size
  // Forwardable properties are mostly neighbours: one run from `from` to `to`. `gaps` if something else lies between them.
  let from = start
  let to = start
  let gaps = false
  let seen = 0
  while (r.at < r.end) {
    const at = r.at
    const id = r.u8()
    const forwarded = readPublishProperty(r, id, found)
    const bit = id === USER_PROPERTY ? 0 : id === TOPIC_ALIAS ? 1 : 1 << id
    if ((seen & bit) !== 0) protocolError(`PUBLISH has property ${id} twice`)
    seen |= bit
    if (!forwarded) continue
    if (from === to) from = at
    else if (to !== at) gaps = true
    to = r.at
  }
  r.end = packetEnd
  if (gaps) found.props = withoutHopProperties(r.bytes, from, to)
  else if (from !== to) found.props = view(r.bytes, from, to)
  return found
}

const PAYLOAD_FORMAT = 1
const MESSAGE_EXPIRY = 2
const CONTENT_TYPE = 3
const RESPONSE_TOPIC = 8
const CORRELATION_DATA = 9
const SUBSCRIPTION_ID = 11
const TOPIC_ALIAS = 35
const USER_PROPERTY = 38

/** Goes past one property and notes what matters here. Returns whether it is forwarded as it is. */
function readPublishProperty(r: Reader, id: number, found: PublishProperties): boolean {
  switch (id) {
    case PAYLOAD_FORMAT: {
      const format = r.u8()
      if (format > 1) protocolError(`PUBLISH has payload format ${format}`)
      found.utf8Payload = format === 1
      return true
    }
    case MESSAGE_EXPIRY:
      found.expirySec = r.u32()
      return false
    case CONTENT_TYPE:
      r.skipString()
      return true
    case RESPONSE_TOPIC:
      checkResponseTopic(r.string()) // [MQTT-3.3.2-14]
      return true
    case CORRELATION_DATA:
      r.skipBinary()
      return true
    case SUBSCRIPTION_ID:
      return protocolError('PUBLISH from a client has a subscription identifier')
    case TOPIC_ALIAS:
      found.alias = r.u16()
      if (found.alias === 0) throw new Malformed(Reason.TopicAliasInvalid, 'PUBLISH has topic alias 0')
      return false
    case USER_PROPERTY:
      r.skipString()
      r.skipString()
      return true
    default:
      return malformed(`PUBLISH has property ${id}, which does not belong there`)
  }
}

/** A response topic is a topic name [MQTT-3.3.2-14]. Raises 0x82. */
export function checkResponseTopic(topic: string): void {
  if (topic === '' || hasWildcard(topic))
    protocolError(`Response topic '${topic.slice(0, 100)}' is empty or has a wildcard`)
}

/** Copies a checked property list without Message Expiry Interval and Topic Alias. */
function withoutHopProperties(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const props = new Uint8Array(to - from)
  let length = 0
  const r = new Reader(bytes, from, to, 'PUBLISH')
  while (r.at < to) {
    const at = r.at
    if (!readPublishProperty(r, r.u8(), { ...NONE })) continue
    for (let i = at; i < r.at; i++) props[length++] = bytes[i]!
  }
  return props.subarray(0, length)
}
