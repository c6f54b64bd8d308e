/**
 * The packets an edge reads and writes, as plain values, and the port the decoder speaks to. Knows nothing of sockets or sessions.
 * Property values are validated by the decoder; what is absent is undefined.
 */

import type { TopicName } from '../../core/contract/ids.ts'
import type { QoS } from '../../core/contract/message.ts'
import type { Will } from '../../core/contract/session.ts'

/** Protocol level: 3 is MQIsdp (3.1), 4 is 3.1.1, 5 is 5.0. */
export type Version = 3 | 4 | 5
export type UserProperties = readonly (readonly [string, string])[]

export interface Connect {
  readonly version: Version
  readonly clientId: string
  readonly cleanStart: boolean
  readonly keepAliveSec: number
  readonly username: string | undefined
  readonly password: Uint8Array | undefined
  readonly will: Will | undefined
  /** MQTT 5; 3.x: undefined (session expiry follows from clean session). */
  readonly sessionExpirySec: number | undefined
  readonly receiveMaximum: number | undefined
  readonly maximumPacketSize: number | undefined
  readonly topicAliasMaximum: number | undefined
  readonly requestResponseInformation: boolean
  readonly requestProblemInformation: boolean
  readonly userProperties: UserProperties
  readonly authenticationMethod: string | undefined
  readonly authenticationData: Uint8Array | undefined
}

/** A PUBLISH as it came. `topic` is '' only if `alias` is set (MQTT 5). `payload` and `props` are views on the read buffer. */
export interface Publish {
  readonly topic: TopicName | ''
  readonly payload: Uint8Array
  readonly qos: QoS
  readonly dup: boolean
  readonly retain: boolean
  readonly packetId: number
  /** Forwardable properties, see `Message.props`. */
  readonly props: Uint8Array
  /** Topic Alias, 0 for none. */
  readonly alias: number
  /** Message Expiry Interval in seconds, -1 for none. */
  readonly expirySec: number
  /** Payload Format Indicator said UTF-8. */
  readonly utf8Payload: boolean
}

export interface SubscribeRequest {
  /** Raw filter: valid UTF-8, not empty; its grammar is checked by the session. */
  readonly filter: string
  readonly qos: QoS
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  readonly retainHandling: 0 | 1 | 2
}

export interface Subscribe {
  readonly packetId: number
  readonly requests: readonly SubscribeRequest[]
  /** Subscription Identifier, 0 for none. */
  readonly id: number
}

export interface Unsubscribe {
  readonly packetId: number
  readonly filters: readonly string[]
}

export interface Disconnect {
  readonly reason: number
  readonly sessionExpirySec: number | undefined
}

export interface Auth {
  readonly reason: number
  readonly method: string | undefined
  readonly data: Uint8Array | undefined
}

export const PUBACK = 4
export const PUBREC = 5
export const PUBREL = 6
export const PUBCOMP = 7
export type AckType = 4 | 5 | 6 | 7

/** What the decoder calls, packet by packet, in order. After `malformed` it calls nothing more. */
export interface PacketHandler {
  connect(packet: Connect): void
  publish(packet: Publish): void
  /** `reason` is 0 where the packet carries none. */
  ack(type: AckType, packetId: number, reason: number): void
  subscribe(packet: Subscribe): void
  unsubscribe(packet: Unsubscribe): void
  pingreq(): void
  disconnect(packet: Disconnect): void
  auth(packet: Auth): void
  /** The bytes break the protocol: `reason` is the MQTT 5 code (0x81 malformed, 0x82 protocol error, 0x95 too large, 0x84 version …), `detail` is for the log. */
  malformed(reason: number, detail: string): void
}
