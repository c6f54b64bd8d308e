/** One accepted PUBLISH on its way through the gateway. Edge and core share it; nobody mutates it but for the fields marked `Edge only` and `Core only`. */
import { type ClientKey, type Incarnation, NO_CLIENT, type Tenant, type TopicFilter, type TopicName } from './ids.ts'

export type QoS = 0 | 1 | 2

export const NO_BYTES = new Uint8Array(0)
/** `expiresAt` of a message without Message Expiry Interval. */
export const NEVER = 0

/** A view may hold this much more than it shows. */
const SMALL_WASTE_BYTES = 256

export interface MessageInit {
  readonly tenant: Tenant
  readonly topic: TopicName
  readonly qos: QoS
  readonly payload: Uint8Array
  readonly retain?: boolean
  readonly props?: Uint8Array
  readonly expiresAt?: number
  readonly sender?: ClientKey
  readonly packetId?: number
  readonly target?: ClientKey
  readonly stamp?: number
  readonly relayed?: Relayed
}

/** How a message came from another site: the groups there gave these of their copies to this one. */
export interface Relayed {
  /** Full `$share/…` filters. */
  readonly groups: readonly TopicFilter[]
  /** For those groups alone; who else is here has had it. */
  readonly only: boolean
}

export class Message {
  /** With `seq` the identity of the message everywhere: which process accepted it, and its how manieth it was (from 1). */
  readonly origin: Incarnation
  readonly seq: number
  readonly tenant: Tenant
  readonly topic: TopicName
  readonly qos: QoS
  /** The RETAIN flag as published. */
  readonly retain: boolean
  /** A view on a network buffer until `compact`. Nobody else replaces it. */
  payload: Uint8Array
  /**
   * Encoded MQTT 5 properties that are forwarded as they came and in their order: Payload Format Indicator, Content Type,
   * Response Topic, Correlation Data, User Property. Without the length prefix; Message Expiry, Topic Alias and
   * Subscription Identifier are never in it. A view like `payload`.
   */
  props: Uint8Array
  /** Milliseconds since the epoch, or NEVER. */
  readonly expiresAt: number
  /** Who published it (No Local), or NO_CLIENT. */
  readonly sender: ClientKey
  /** The packet id an inbound QoS 2 PUBLISH of a persistent session carried, else 0: opens the receiver's window in the journal. */
  readonly packetId: number
  /** The one client it is for, or NO_CLIENT: of a `$p2p/{clientId}/…` message, or with `retain` of a retained one that waits in an inbox. */
  readonly target: ClientKey
  /** Of a retained message: when the first site accepted it, by a clock that never goes back behind what was seen (ms since the epoch). Among several of one topic the highest holds. Else 0. */
  stamp: number
  /** Core only: it came from another site, so it goes to sessions of this one alone. */
  readonly relayed: Relayed | undefined
  /** Edge only: persistent recipients at this edge that have neither acknowledged nor been spooled. */
  pending = 0
  /** Edge only: who is to be acknowledged, and for which packet id, when the receipt comes. */
  publisher: unknown = undefined
  publisherPacketId = 0
  /** Edge only: frames already encoded for receivers, see `edge/flow/frames.ts`. */
  frames: unknown = undefined
  /** Edge only: its delivery number on a link between processes, 0 once it is answered (or if it never had one). */
  ref = 0
  /** Core only: who has it safe already although its edge has not answered: client keys, and full filters of shared groups. */
  settled: Set<string> | undefined = undefined

  constructor(origin: Incarnation, seq: number, m: MessageInit) {
    this.origin = origin
    this.seq = seq
    this.tenant = m.tenant
    this.topic = m.topic
    this.qos = m.qos
    this.retain = m.retain ?? false
    this.payload = m.payload
    this.props = m.props ?? NO_BYTES
    this.expiresAt = m.expiresAt ?? NEVER
    this.sender = m.sender ?? NO_CLIENT
    this.packetId = m.packetId ?? 0
    this.target = m.target ?? NO_CLIENT
    this.stamp = m.stamp ?? 0
    this.relayed = m.relayed
  }

  /** For who keeps it longer than the turn: copies what is a view on something much larger, and forgets frames. */
  compact(): void {
    this.frames = undefined
    if (this.payload.buffer.byteLength > this.payload.length + SMALL_WASTE_BYTES) this.payload = this.payload.slice()
    if (this.props.buffer.byteLength > this.props.length + SMALL_WASTE_BYTES) this.props = this.props.slice()
  }
}

/** A retained message that was read for a subscription and has to wait in the inbox of `client`: it keeps RETAIN 1 [MQTT-3.3.1-8]. A `$p2p` message is never retained. */
export const retainedFor = (client: ClientKey, m: Message): Message =>
  new Message(m.origin, m.seq, {
    tenant: m.tenant,
    topic: m.topic,
    qos: m.qos,
    payload: m.payload,
    retain: true,
    props: m.props,
    expiresAt: m.expiresAt,
    sender: m.sender,
    target: client,
    stamp: m.stamp,
  })

/** Identity of a message as one string, for sets and maps off the hot path. */
export const messageKey = (m: { readonly origin: Incarnation; readonly seq: number }): string => `${m.origin}/${m.seq}`
