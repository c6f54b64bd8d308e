/** The state of one MQTT session while it is connected to this edge. Plain data with a few questions; the handlers beside this file change it. */
import type { ClientKey, TopicFilter } from '../../core/contract/ids.ts'
import type { Inflight, Subscription } from '../../core/contract/session.ts'
import type { Identity } from '../auth/ports.ts'
import { Doubt, PACKET_IDS, packetIdAfter } from '../flow/doubt.ts'
import type { Entry } from '../flow/entry.ts'
import { Fifo } from '../flow/fifo.ts'
import type { Replay } from '../flow/replay.ts'
import type { Version } from '../wire/packets.ts'
import type { Connection } from './connection.ts'

export interface SessionInit {
  readonly key: ClientKey
  readonly identity: Identity
  readonly version: Version
  readonly epoch: number
  readonly connection: Connection
  /** Session Expiry Interval granted. Seconds. */
  readonly expirySec: number
  /** QoS ≥ 1 messages that may be in flight to the client. */
  readonly quota: number
  /** Largest packet the client takes. Bytes. */
  readonly maxPacketBytes: number
  /** Topic aliases the client lets us use. */
  readonly aliasMaximum: number
  readonly problemInformation: boolean
  readonly queueMessages: number
  readonly queueBytes: number
}

/** Most sessions have nothing in flight most of the time, and an empty map costs 200 bytes. */
const NOTHING: ReadonlyMap<number, Entry> = new Map()

/** Packet ids that two epochs in a row lie apart: a prime by which 128 epochs are as far from each other as can be, 497 at least. */
const SCATTER = 3_529
const HALF_CIRCLE = 0x8000

const firstOf = (epoch: number): number => (epoch * SCATTER) % PACKET_IDS

export class Session {
  readonly key: ClientKey
  readonly identity: Identity
  readonly version: Version
  readonly epoch: number
  readonly connection: Connection
  /** Outlives the connection: everything for it is durable. */
  readonly persistent: boolean
  readonly expirySec: number
  readonly quota: number
  readonly maxPacketBytes: number
  readonly aliasMaximum: number
  readonly problemInformation: boolean
  readonly #queueMessages: number
  readonly #queueBytes: number

  readonly subscriptions = new Map<TopicFilter, Subscription>()
  /** Out, and not finished, in order of sending. By packet id. */
  inflight: ReadonlyMap<number, Entry> = NOTHING
  /** Waits for room in the window, in order. */
  readonly queue = new Fifo<Entry>()
  /** Of all in `queue`: 0 if and only if it is empty, since each entry counts for something. */
  queuedBytes = 0
  /** Packet ids of restored entries that still wait in `queue`. */
  restoredIds: Set<number> | undefined
  /** QoS 2 messages whose packet id is being journaled, and how many were. */
  journaling = 0
  journaled = 0
  /** In the window, and go out behind some of those that are being journaled, so that the order is kept. */
  readonly behind: Entry[] = []
  #lastPacketId = 0
  /** Its client may hold packet ids open that are not known here. */
  doubt: Doubt | undefined
  /** A site that does not answer may know packet ids of its client that are not in `received`. */
  unsure = false

  /** Inbound QoS 2 packet ids without PUBREL; the value tells whether PUBREC may be sent (the message is durable). */
  received: Map<number, boolean> | undefined
  /** Those of an earlier connection that this one has not sent again: they take nothing of its Receive Maximum [MQTT5 4.9]. */
  resumedIds: Set<number> | undefined
  /** Inbound QoS 1 messages without receipt. */
  unacked = 0

  aliasesIn: Map<number, string> | undefined
  aliasesOut: Map<string, number> | undefined

  /** The inbox holds something, or is being filled: QoS ≥ 1 goes there until it has been read to its end. */
  spooling = false
  drainAsked = false
  spooledSinceAsked = false
  /** Subscriptions whose retained messages are still to be read. */
  replays: Replay[] | undefined

  /** Its connection is gone, and the core has it back. */
  ended = false

  constructor(init: SessionInit) {
    this.key = init.key
    this.identity = init.identity
    this.version = init.version
    this.epoch = init.epoch
    this.connection = init.connection
    this.expirySec = init.expirySec
    this.persistent = init.expirySec > 0
    this.quota = init.quota
    this.maxPacketBytes = init.maxPacketBytes
    this.aliasMaximum = init.aliasMaximum
    this.problemInformation = init.problemInformation
    this.#queueMessages = init.queueMessages
    this.#queueBytes = init.queueBytes
  }

  get queueFull(): boolean {
    return this.queue.length >= this.#queueMessages || this.queuedBytes >= this.#queueBytes
  }

  get windowOpen(): boolean {
    return this.inflight.size < this.quota && this.connection.hasRoom
  }

  /** Something waits that there may be room for. */
  get hungry(): boolean {
    return this.replays !== undefined || ((this.queuedBytes > 0 || this.spooling) && this.windowOpen)
  }

  /** `entry` is out from now on, under its packet id. */
  track(entry: Entry): void {
    if (this.inflight === NOTHING) this.inflight = new Map()
    ;(this.inflight as Map<number, Entry>).set(entry.packetId, entry)
  }

  /** False if it was not out. */
  untrack(entry: Entry): boolean {
    if (this.inflight.get(entry.packetId) !== entry) return false
    return (this.inflight as Map<number, Entry>).delete(entry.packetId)
  }

  /** Has room in its queue for one more QoS ≥ 1 message, whatever that has to wait for. */
  canTake(): boolean {
    return !this.spooling && !this.queueFull
  }

  /**
   * Its packet ids begin elsewhere than those of its other epochs: what was in flight before may not be known yet (its site
   * does not answer), and must not meet another message under its number.
   */
  scatterPacketIds(): void {
    this.#lastPacketId = firstOf(this.epoch)
  }

  /** Others than those in `known` may be in flight, of `epoch`, and are likely to be near them, or where that began: they are used last, and not before they are released if `release`. */
  doubtPacketIds(known: readonly Inflight[], epoch: number, release: boolean): void {
    if (release) this.doubt = new Doubt()
    const last = known.at(-1)?.packetId ?? firstOf(epoch)
    this.#lastPacketId = (last + HALF_CIRCLE) % PACKET_IDS
  }

  get lastPacketId(): number {
    return this.#lastPacketId
  }

  /** A packet id that is not in use [MQTT-2.2.1-3]; the window is smaller than their number, so there is one. */
  nextPacketId(): number {
    let id = this.#lastPacketId
    do id = packetIdAfter(id)
    while (this.usesPacketId(id))
    this.#lastPacketId = id
    return id
  }

  usesPacketId(id: number): boolean {
    return this.inflight.has(id) || this.restoredIds?.has(id) === true
  }
}
