/** What a broker, or MQTT.js, would end the connection over is refused before it is in the outbox: there it would end every connection. */
import { DeviceError } from './error.ts'
import type { MessageProperties, QoS } from './message.ts'
import type { SubscribeOptions } from './subscriptions.ts'

const MOST_BYTES = 0xffff
const MOST_INT32 = 0xffff_ffff
const MOST_SUBSCRIPTION_ID = 268_435_455

export const isText = (value: unknown): boolean => typeof value === 'string' && isShort(value) && !value.includes('\0')
const isCount = (value: unknown, least: number, most: number): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
const isShort = (text: string): boolean =>
  text.length <= MOST_BYTES && new TextEncoder().encode(text).length <= MOST_BYTES

/** By the name of the property; subscription identifiers and topic aliases are not for a client to send or not for an outbox to keep. */
const PROPERTIES: Readonly<Record<string, (value: unknown) => boolean>> = {
  payloadFormatIndicator: value => typeof value === 'boolean',
  messageExpiryInterval: value => isCount(value, 1, MOST_INT32),
  responseTopic: value => isText(value) && isTopic(String(value)),
  correlationData: value => value instanceof Uint8Array && value.length <= MOST_BYTES,
  userProperties: value =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries(value).every(([name, each]) => isText(name) && (Array.isArray(each) ? each : [each]).every(isText)),
  contentType: isText,
}

export const isTopic = (topic: string): boolean => topic !== '' && isText(topic) && !/[+#]/.test(topic)

/** Throws a DeviceError 'invalid' that names what is wrong. */
export function checkMessage(topic: string, qos: QoS, properties: MessageProperties): void {
  if (typeof topic !== 'string' || !isTopic(topic))
    throw invalid(`Topic '${shown(topic)}' is empty or too long, or has a wildcard or NUL in it`)
  checkQos(qos)
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined) continue
    const isRight = PROPERTIES[name]
    if (isRight === undefined) throw invalid(`Property '${name}' cannot be published`)
    if (!isRight(value)) throw invalid(`Property '${name}' has a value that MQTT does not allow`)
  }
}

/** Throws a DeviceError 'invalid' for what would be sent as nothing at all, as an object or an ArrayBuffer. */
export function checkPayload(payload: unknown): void {
  if (typeof payload !== 'string' && !(payload instanceof Uint8Array))
    throw invalid('The payload is neither a string nor a Uint8Array')
}

/** Throws a DeviceError 'invalid' that names what is wrong. */
export function checkSubscription(filter: string, options: SubscribeOptions): void {
  const isFilter = typeof filter === 'string' && filter !== '' && isText(filter)
  if (!isFilter || !/^(?:[^+#]|(?<=^|\/)\+(?=\/|$)|(?<=^|\/)#$)*$/.test(filter))
    throw invalid(`Topic filter '${shown(filter)}' is empty or too long, or has a wildcard where none may be`)
  // [MQTT-3.8.3-4]
  if (options.noLocal === true && filter.startsWith('$share/'))
    throw invalid(`Topic filter '${shown(filter)}' is shared: No Local is not for it`)
  checkQos(options.qos ?? 1)
  if (!isCount(options.retainHandling ?? 0, 0, 2))
    throw invalid(`Retain Handling ${options.retainHandling} is none of 0, 1 and 2`)
  if (!isCount(options.subscriptionIdentifier ?? 1, 1, MOST_SUBSCRIPTION_ID))
    throw invalid(`Subscription identifier ${options.subscriptionIdentifier} is not from 1 to ${MOST_SUBSCRIPTION_ID}`)
}

function checkQos(qos: number): void {
  if (!isCount(qos, 0, 2)) throw invalid(`QoS ${qos} is none of 0, 1 and 2`)
}

const shown = (text: unknown): string => String(text).slice(0, 80)
const invalid = (text: string): DeviceError => new DeviceError('invalid', text)
