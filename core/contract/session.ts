/** What a session is made of when it moves between edge, core and storage. */
import type { TopicFilter, TopicName } from './ids.ts'
import type { Message, QoS } from './message.ts'

/** Session Expiry Interval that never ends [MQTT-3.1.2.11.2]. Seconds. */
export const EXPIRY_NEVER = 0xffffffff

export interface Subscription {
  /** As the client sent it, `$share/{group}/` included. */
  readonly filter: TopicFilter
  readonly qos: QoS
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  readonly retainHandling: 0 | 1 | 2
  /** Subscription Identifier, 0 for none. */
  readonly id: number
}

export interface Will {
  readonly topic: TopicName
  readonly payload: Uint8Array
  readonly qos: QoS
  readonly retain: boolean
  /** Encoded as `Message.props`. */
  readonly props: Uint8Array
  readonly delaySec: number
  /** Message Expiry Interval, counted from publication; undefined for none. Seconds. */
  readonly expirySec: number | undefined
}

/** An outbound QoS ≥ 1 message that has a packet id. `sent`: PUBLISH is out. `received`: PUBREC came, PUBREL is out. */
export interface Inflight {
  readonly packetId: number
  readonly state: 'sent' | 'received'
  /** As it was sent, which need not be what the subscriptions say by now. */
  readonly qos: 1 | 2
  readonly retain: boolean
  /** Absent once `received`: only the packet id is needed from there on. */
  readonly message: Message | undefined
}

/** What of a session's outbound side the edge hands over: what is in flight, in order, and what waits behind it, in order. */
export interface Outbound {
  readonly inflight: readonly Inflight[]
  readonly queue: readonly Message[]
}

/** What a new owner needs to go on with a session. */
export interface SessionState {
  readonly subscriptions: readonly Subscription[]
  readonly inflight: readonly Inflight[]
  /** Inbound QoS 2 packet ids that wait for PUBREL. */
  readonly received: readonly number[]
  /** The inbox holds something: drain before live. */
  readonly queued: boolean
}
