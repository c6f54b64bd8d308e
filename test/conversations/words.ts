/** Whole exchanges in one word, for the parts of a conversation that are not what it is about. Knows no socket. */
import { type Expected, oneOf, save, use, type Value } from './match.ts'
import { closed, expect, type Fields, type Script, type Step, send, type Version } from './row.ts'

type More = Readonly<Record<string, unknown>>

/** CONNECT as `{id}{who}` with a clean start, and what its fields say; the connection is opened if it is not. */
export const connect = (who: string, fields: More = {}): Step =>
  send(who, { cmd: 'connect', clientId: `{id}${who}`, clean: true, keepalive: 0, ...fields })

/** Connects and is accepted; `connack` adds to what is expected. A connection that was closed or dropped is opened anew. */
export const join = (who: string, fields: More = {}, connack: More = {}): Script => [
  connect(who, fields),
  expect(who, { cmd: 'connack', code: 0, ...connack }),
]

/** A session that outlives its connection: clean session 0, or an hour of session expiry. */
export const persistent = (fields: More = {}): More => {
  const { properties, ...rest } = fields
  const more = typeof properties === 'object' ? properties : {}
  return { clean: false, properties: { sessionExpiryInterval: 3600, ...more }, ...rest }
}

/** Connects and is refused with CONNACK, Session Present 0, and a close. */
export const refused = (who: string, fields: More, code: Value): Script => [
  connect(who, fields),
  expect(who, { cmd: 'connack', code, sessionPresent: false }),
  closed(who),
]

interface SubscribeOptions {
  readonly qos?: 0 | 1 | 2
  readonly granted?: Value
  /** Subscription Identifier. */
  readonly id?: number
  readonly nl?: boolean
  readonly rap?: boolean
  readonly rh?: 0 | 1 | 2
  readonly messageId?: number
}

/** Subscribes to one filter and gets its SUBACK (the QoS asked for, unless `granted`). */
export function sub(who: string, filter: string, options: SubscribeOptions = {}): Script {
  const { qos = 0, nl = false, rap = false, rh = 0, messageId = 700 } = options
  const properties = options.id === undefined ? {} : { properties: { subscriptionIdentifier: options.id } }
  return [
    send(who, { cmd: 'subscribe', messageId, subscriptions: [{ topic: filter, qos, nl, rap, rh }], ...properties }),
    expect(who, { cmd: 'suback', messageId, granted: [options.granted ?? qos] }),
  ]
}

/** Unsubscribes from one filter and gets its UNSUBACK. */
export const unsub = (who: string, filter: string, messageId = 701): Script => [
  send(who, { cmd: 'unsubscribe', messageId, unsubscriptions: [filter] }),
  expect(who, { cmd: 'unsuback', messageId }),
]

interface PublishOptions {
  readonly qos?: 0 | 1 | 2
  readonly retain?: boolean
  readonly dup?: boolean
  readonly messageId?: number
  readonly properties?: More
}

/** The PUBLISH alone. */
export const publish = (topic: string, payload: unknown, options: PublishOptions = {}): Fields => ({
  cmd: 'publish',
  topic,
  payload,
  qos: options.qos ?? 0,
  retain: options.retain ?? false,
  dup: options.dup ?? false,
  ...((options.qos ?? 0) > 0 ? { messageId: options.messageId ?? 500 } : {}),
  ...(options.properties === undefined ? {} : { properties: options.properties }),
})

/** Publishes and goes through the acknowledgements of the QoS. 5.0: 0x10 (nobody subscribes) is as good as 0x00. */
export function pub(who: string, topic: string, payload: unknown, options: PublishOptions = {}): Script {
  const { qos = 0, messageId = 500 } = options
  const sent = send(who, publish(topic, payload, options))
  const code = oneOf(0, 0x10)
  if (qos === 0) return [sent]
  if (qos === 1) return [sent, expect(who, { cmd: 'puback', messageId, code })]
  return [
    sent,
    expect(who, { cmd: 'pubrec', messageId, code }),
    send(who, { cmd: 'pubrel', messageId }),
    expect(who, { cmd: 'pubcomp', messageId, code: 0 }),
  ]
}

/** Expected PUBLISH: RETAIN and DUP 0 unless said otherwise. */
export const message = (topic: string, payload: unknown, options: More = {}): Expected => ({
  cmd: 'publish',
  topic,
  payload,
  qos: 0,
  retain: false,
  dup: false,
  ...options,
})

/** Answers of a receiver to the packet id saved as `{who}.id`. */
export const ack = (who: string, qos: number): Script => {
  const messageId = use(`${who}.id`)
  if (qos === 0) return []
  if (qos === 1) return [send(who, { cmd: 'puback', messageId })]
  return [
    send(who, { cmd: 'pubrec', messageId }),
    expect(who, { cmd: 'pubrel', messageId }),
    send(who, { cmd: 'pubcomp', messageId }),
  ]
}

/** Receives a message and acknowledges it as its QoS asks. */
export function got(who: string, topic: string, payload: unknown, options: More = {}): Script {
  const qos = Number(options.qos ?? 0)
  const id = qos > 0 ? { messageId: save(`${who}.id`) } : {}
  return [expect(who, message(topic, payload, { ...id, ...options })), ack(who, qos)]
}

/** DISCONNECT, and the server closes. */
export const bye = (who: string, fields: More = {}): Script => [
  send(who, { cmd: 'disconnect', reasonCode: 0, ...fields }),
  closed(who),
]

/** Shows that the connection works: PINGREQ, PINGRESP. */
export const alive = (who: string): Script => [send(who, { cmd: 'pingreq' }), expect(who, { cmd: 'pingresp' })]

export const V5: { versions: readonly Version[] } = { versions: [5] }
export const V4: { versions: readonly Version[] } = { versions: [4] }
export const V34: { versions: readonly Version[] } = { versions: [3, 4] }
export const ALL: { versions: readonly Version[] } = { versions: [3, 4, 5] }
