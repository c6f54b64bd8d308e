/** A message that waits for its acknowledgement, and how it is written down. Sends and stores nothing. */

export type QoS = 0 | 1 | 2

/** Properties of PUBLISH (MQTT 5, 3.3.2.3), as MQTT.js names them. 3.1.1 has none. */
export interface MessageProperties {
  readonly payloadFormatIndicator?: boolean
  /** Seconds, from `publish` on: what waits longer is not sent. */
  readonly messageExpiryInterval?: number
  readonly responseTopic?: string
  readonly correlationData?: Uint8Array
  readonly userProperties?: Readonly<Record<string, string | string[]>>
  readonly contentType?: string
  readonly subscriptionIdentifier?: number | number[]
}

export interface OutboxMessage {
  /** Rises with every message of this outbox, also over restarts. */
  readonly sequence: number
  /** MQTT packet id: one message keeps it until it is acknowledged, through connections, regions and restarts. */
  readonly packetId: number
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: 1 | 2
  readonly retain: boolean
  readonly properties: MessageProperties
  /** The message id its user property `mid` carries, if any. */
  readonly id: string | undefined
  /** Wall clock at `publish`, milliseconds since 1970. */
  readonly at: number
}

/** The user property that carries the message id. */
export const ID_PROPERTY = 'mid'

export const withId = (properties: MessageProperties, id: string): MessageProperties => ({
  ...properties,
  userProperties: { ...properties.userProperties, [ID_PROPERTY]: id },
})

/** Size of its PUBLISH packet, MQTT 5; what it weighs in the outbox, too. */
export function packetBytes(message: Pick<OutboxMessage, 'topic' | 'payload' | 'properties'>): number {
  const properties = propertiesBytes(message.properties)
  const body = 2 + utf8(message.topic) + 2 + varint(properties) + properties + message.payload.length
  return 1 + varint(body) + body
}

/** Each property is one byte for what it is and then its value (MQTT 5, 2.2.2.2). */
function propertiesBytes(properties: MessageProperties): number {
  let bytes = 0
  if (properties.payloadFormatIndicator !== undefined) bytes += 2
  if (properties.messageExpiryInterval !== undefined) bytes += 5
  for (const text of [properties.contentType, properties.responseTopic]) if (text !== undefined) bytes += 3 + utf8(text)
  if (properties.correlationData !== undefined) bytes += 3 + properties.correlationData.length
  for (const [name, value] of Object.entries(properties.userProperties ?? {}))
    for (const each of Array.isArray(value) ? value : [value]) bytes += 5 + utf8(name) + utf8(each)
  return bytes
}

const utf8 = (text: string): number => new TextEncoder().encode(text).length
const varint = (value: number): number => (value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : 4)

/** As one line of JSON; bytes in base64. */
export function encode(message: OutboxMessage): string {
  const { payload, properties, ...rest } = message
  const { correlationData, ...plain } = properties
  return JSON.stringify({
    ...rest,
    payload: toBase64(payload),
    properties: plain,
    ...(correlationData !== undefined && { correlationData: toBase64(correlationData) }),
  })
}

/** Undefined if the text is not what `encode` wrote. */
export function decode(text: string): OutboxMessage | undefined {
  try {
    const { payload, properties, correlationData, ...rest } = JSON.parse(text) as Omit<OutboxMessage, 'payload'> & {
      payload: string
      correlationData?: string
    }
    if (!Number.isInteger(rest.sequence) || !Number.isInteger(rest.packetId) || typeof rest.topic !== 'string')
      return undefined
    if (rest.qos !== 1 && rest.qos !== 2) return undefined
    const bytes = correlationData === undefined ? {} : { correlationData: fromBase64(correlationData) }
    return { ...rest, id: rest.id, payload: fromBase64(payload), properties: { ...properties, ...bytes } }
  } catch {
    return undefined
  }
}

const CHUNK = 0x2000

function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += CHUNK) text += String.fromCharCode(...bytes.subarray(at, at + CHUNK))
  return btoa(text)
}

const fromBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), char => char.charCodeAt(0))
