/** MQTT 5 properties of a message (`Message.props`) and their names outside. Owns the layout of the five that are forwarded; reads nothing else of a message. */
import { NO_BYTES } from '../contract/message.ts'

/** Names of message properties in RocketMQ. Letters only, so that SQL92 filters can name them. */
export const PROPERTY = {
  topic: 'mqttTopic',
  clientId: 'mqttClientId',
  qos: 'mqttQos',
  retain: 'mqttRetain',
  /** ms since the epoch: when the gateway routed it. */
  timestamp: 'mqttTimestamp',
  /** ms since the epoch. */
  expiresAt: 'mqttExpiresAt',
  /** Seconds from now; only in. */
  expirySec: 'mqttExpirySec',
  /** 0 bytes, 1 UTF-8. */
  payloadFormat: 'mqttPayloadFormat',
  contentType: 'mqttContentType',
  responseTopic: 'mqttResponseTopic',
  /** Base64. */
  correlationData: 'mqttCorrelationData',
  /** The payload is empty: RocketMQ takes no empty body, so it has one byte of 0. */
  empty: 'mqttEmpty',
  /** Why it is in the dead-letter topic, and the topic it was for; only out. */
  error: 'mqttError',
  deadTopic: 'mqttDeadTopic',
} as const

/** What an MQTT 5 PUBLISH carries through [MQTT5 3.3.2.3]: Payload Format Indicator, Content Type, Response Topic, Correlation Data, User Property. */
export interface Forwarded {
  payloadFormat: number | undefined
  contentType: string | undefined
  responseTopic: string | undefined
  correlationData: Uint8Array | undefined
  readonly user: [name: string, value: string][]
}

const FORMAT = 0x01
const CONTENT_TYPE = 0x03
const RESPONSE_TOPIC = 0x08
const CORRELATION_DATA = 0x09
const USER = 0x26
const LONGEST = 0xffff

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export const noProperties = (): Forwarded => ({
  payloadFormat: undefined,
  contentType: undefined,
  responseTopic: undefined,
  correlationData: undefined,
  user: [],
})

/** Reads `Message.props`. Throws RangeError on bytes that are not such a list. */
export function readForwarded(bytes: Uint8Array): Forwarded {
  const found = noProperties()
  let at = 0
  const binary = (): Uint8Array => {
    const end = at + 2 + ((bytes[at] ?? 0) << 8) + (bytes[at + 1] ?? 0)
    if (at + 2 > bytes.length || end > bytes.length)
      throw new RangeError(`Properties of ${bytes.length} bytes end early`)
    const value = bytes.subarray(at + 2, end)
    at = end
    return value
  }
  const text = (): string => decoder.decode(binary())
  while (at < bytes.length) {
    const id = bytes[at++]
    if (id === FORMAT) found.payloadFormat = bytes[at++] ?? 0
    else if (id === CONTENT_TYPE) found.contentType = text()
    else if (id === RESPONSE_TOPIC) found.responseTopic = text()
    else if (id === CORRELATION_DATA) found.correlationData = binary()
    else if (id === USER) found.user.push([text(), text()])
    else throw new RangeError(`Property ${id} at byte ${at - 1} does not belong to a message that is forwarded`)
  }
  return found
}

/** The bytes of `Message.props`. Throws RangeError if a text is longer than 65,535 bytes or holds NUL [MQTT-1.5.4-2]. */
export function writeForwarded(f: Forwarded): Uint8Array {
  const pieces: Uint8Array[] = []
  const binary = (value: Uint8Array, what: string): void => {
    if (value.length > LONGEST) throw new RangeError(`${what} has ${value.length} bytes, ${LONGEST} are allowed`)
    pieces.push(Uint8Array.of(value.length >> 8, value.length & 0xff), value)
  }
  const text = (value: string, what: string): void => {
    if (value.includes('\0')) throw new RangeError(`${what} has a NUL character`)
    binary(encoder.encode(value), what)
  }
  const id = (byte: number): number => pieces.push(Uint8Array.of(byte))
  if (f.payloadFormat !== undefined) pieces.push(Uint8Array.of(FORMAT, f.payloadFormat))
  if (f.contentType !== undefined) {
    id(CONTENT_TYPE)
    text(f.contentType, 'Content type')
  }
  if (f.responseTopic !== undefined) {
    id(RESPONSE_TOPIC)
    text(f.responseTopic, 'Response topic')
  }
  if (f.correlationData !== undefined) {
    id(CORRELATION_DATA)
    binary(f.correlationData, 'Correlation data')
  }
  for (const [name, value] of f.user) {
    id(USER)
    text(name, 'User property name')
    text(value, `User property '${name}'`)
  }
  return pieces.length === 0 ? NO_BYTES : join(pieces)
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}

export const toBase64 = (bytes: Uint8Array): string =>
  btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(''))

/** Throws RangeError on a text that is no base64. */
export function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), char => char.charCodeAt(0))
  } catch {
    throw new RangeError(`Base64 text '${text.slice(0, 80)}' is none`)
  }
}
