/**
 * One device connection: bytes in → decoder → the handler of each packet; the phases before and after CONNECT; the one place
 * where a connection is closed. Handlers decide, `Edge` writes the output at the end of the turn.
 */
import type { Message } from '../../core/contract/message.ts'
import type { EdgeContext } from '../context.ts'
import { askDrain } from '../flow/inbox.ts'
import { refillWindow } from '../flow/outbound.ts'
import { Output } from '../flow/output.ts'
import { askReplay } from '../flow/replay.ts'
import { acknowledged } from '../flow/window.ts'
import type { Transport, TransportEvents } from '../listen/transport.ts'
import { Decoder } from '../wire/decoder.ts'
import { ackFrame, pingresp } from '../wire/encode.ts'
import type {
  AckType,
  Auth,
  Connect,
  Disconnect,
  PacketHandler,
  Publish,
  Subscribe,
  Unsubscribe,
} from '../wire/packets.ts'
import { PUBACK, PUBREC, PUBREL } from '../wire/packets.ts'
import { Reason } from '../wire/reason.ts'
import type { AuthExchange } from './auth-exchange.ts'
import { authPacket } from './auth-exchange.ts'
import { connect } from './connect.ts'
import { goodbye, type LastWords, malformedAnswer, refusal } from './farewell.ts'
import { leave, type WillFate } from './leave.ts'
import { publishReceived, released } from './publish.ts'
import type { Session } from './session.ts'
import { subscribe, unsubscribe } from './subscribe.ts'

export const Phase = { New: 0, Connecting: 1, Open: 2, Closed: 3 } as const
export type Phase = (typeof Phase)[keyof typeof Phase]

/** Replies wait in memory while a socket does not take them: beyond this much nothing more is read ahead for it. Bytes. */
const READ_AHEAD_BYTES = 256 * 1024

export class Connection implements TransportEvents, PacketHandler {
  readonly #ctx: EdgeContext
  readonly transport: Transport
  readonly #decoder: Decoder
  readonly output = new Output()
  phase: Phase = Phase.New
  session: Session | undefined
  /** The running enhanced authentication, if any. */
  exchange: AuthExchange | undefined
  /** Listed for the flush of this turn. */
  touched = false
  /** The transport asked to wait. */
  #blocked = false
  /** Reading is paused because the peer does not read. */
  #choked = false
  /** Reading is paused because the gateway has too much to do (`Edge`). */
  #held = false
  /** The peer has gone while CONNECT was being worked on. */
  gone = false
  #published = false
  /** What CONNECT says, until the session is open: for the log. */
  #clientId = ''
  #waiting: (() => void)[] | undefined
  readonly openedAt: number
  heardAt: number
  /** Keep Alive × 1.5, or 0. Milliseconds. [MQTT-3.1.2-22] */
  silenceMs = 0

  constructor(ctx: EdgeContext, transport: Transport) {
    this.#ctx = ctx
    this.transport = transport
    this.#decoder = new Decoder(this, ctx.limits)
    this.openedAt = ctx.now()
    this.heardAt = this.openedAt
  }

  /** Its output has room for QoS ≥ 1 messages. */
  get hasRoom(): boolean {
    return this.output.bytes <= this.#ctx.limits.connectionOutBytes
  }

  get version(): 0 | 3 | 4 | 5 {
    return this.#decoder.version
  }

  /** True while `session` is the one this connection serves. */
  serves(session: Session): boolean {
    return this.session === session && this.phase === Phase.Open
  }

  // ── transport

  data(chunk: Uint8Array): void {
    if (this.phase === Phase.Closed) return
    this.heardAt = this.#ctx.now()
    this.#ctx.stats.bytesIn += chunk.length
    try {
      this.#decoder.push(chunk)
    } catch (error) {
      this.failed(error)
    }
    if (this.#blocked && this.output.bytes > READ_AHEAD_BYTES) this.#choke()
    if (!this.#published) return
    this.#published = false
    if (this.phase === Phase.Open && this.#ctx.overloaded()) this.#ctx.hold(this)
  }

  /** The device takes no answers: nothing more is read from it until it does. */
  #choke(): void {
    if (this.#choked) return
    this.#choked = true
    this.#ctx.stats.readPauses++
    this.transport.pause()
  }

  /** The gateway has too much to do: nothing more is read from this device until `letGo`. False if it is so already. */
  hold(): boolean {
    if (this.#held) return false
    this.#held = true
    this.transport.pause()
    return true
  }

  letGo(): void {
    this.#held = false
    this.#readOn()
  }

  /** Reads on, unless there is another reason not to. */
  #readOn(): void {
    if (!this.#held && !this.#choked && this.phase === Phase.Open) this.transport.resume()
  }

  drained(): void {
    this.#blocked = false
    if (this.#choked) {
      this.#choked = false
      // It was not listened to, so its silence says nothing.
      this.heardAt = this.#ctx.now()
      this.#readOn()
    }
    if (this.output.count > 0) this.#ctx.touch(this)
    this.guard(() => this.refill())
  }

  closed(): void {
    if (this.phase === Phase.Connecting && this.exchange?.running === undefined) this.gone = true
    else this.guard(() => this.#finish(Reason.UnspecifiedError, 'Connection closed by the peer', 'due'))
  }

  /** Runs what others call back for this connection: an error in it ends the connection, and nothing else. */
  guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.failed(error)
    }
  }

  /** An error of ours, not of the device. */
  failed(error: unknown): void {
    const { stats, events } = this.#ctx
    stats.failures++
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
    events({ is: 'failed', client: this.session?.key ?? '', address: this.transport.peer.address, detail })
    try {
      this.close(Reason.UnspecifiedError, 'Internal error')
    } catch {
      stats.failures++
    }
  }

  /** Writes what the turn has gathered. */
  flush(): void {
    if (this.#blocked || this.output.count === 0) return
    this.#ctx.stats.bytesOut += this.output.bytes
    this.#ctx.stats.packetsOut += this.output.count
    this.#blocked = !this.output.flush(this.transport)
  }

  /** Room may have come: the queue, then the inbox, then retained messages. */
  refill(): void {
    const session = this.session
    if (session === undefined || this.phase !== Phase.Open || this.#ctx.suspended()) return
    if (session.inflight.size > 0 || session.queue.length > 0 || session.spooling || session.replays !== undefined) {
      if (!refillWindow(this.#ctx, session, this.#ctx.now())) return
      askDrain(this.#ctx, session)
      if (!this.#blocked && this.output.bytes < READ_AHEAD_BYTES) askReplay(this.#ctx, session)
    }
  }

  // ── packets

  connect(packet: Connect): void {
    this.#ctx.stats.packetsIn++
    this.phase = Phase.Connecting
    this.#clientId = packet.clientId
    this.transport.pause()
    connect(this.#ctx, this, packet)
  }

  publish(packet: Publish): void {
    if (this.phase === Phase.Connecting) return this.#later(() => this.publish(packet))
    this.#ctx.stats.packetsIn++
    this.#published = true
    publishReceived(this.#ctx, this.session!, packet, this.heardAt)
  }

  ack(type: AckType, packetId: number, reason: number): void {
    if (this.phase === Phase.Connecting) return this.#later(() => this.ack(type, packetId, reason))
    this.#ctx.stats.packetsIn++
    const session = this.session!
    if (type === PUBREL) return released(this.#ctx, session, packetId)
    acknowledged(this.#ctx, session, type, packetId, reason)
    if (session.queuedBytes > 0 || session.spooling || session.replays !== undefined) this.refill()
  }

  subscribe(packet: Subscribe): void {
    if (this.phase === Phase.Connecting) return this.#later(() => this.subscribe(packet))
    this.#ctx.stats.packetsIn++
    subscribe(this.#ctx, this.session!, packet)
  }

  unsubscribe(packet: Unsubscribe): void {
    if (this.phase === Phase.Connecting) return this.#later(() => this.unsubscribe(packet))
    this.#ctx.stats.packetsIn++
    unsubscribe(this.#ctx, this.session!, packet)
  }

  pingreq(): void {
    if (this.phase === Phase.Connecting) return this.#later(() => this.pingreq())
    this.#ctx.stats.packetsIn++
    this.send(pingresp)
  }

  disconnect(packet: Disconnect): void {
    if (this.phase === Phase.Connecting) {
      // [MQTT-3.1.2-30] of 5.0: the one packet beside AUTH that may come during authentication
      if (this.exchange?.running !== undefined) return this.#finish(packet.reason, 'DISCONNECT', 'removed')
      return this.#later(() => this.disconnect(packet))
    }
    this.#ctx.stats.packetsIn++
    const session = this.session!
    if (packet.sessionExpirySec !== undefined && packet.sessionExpirySec > 0 && session.expirySec === 0)
      // [MQTT-3.14.2-2] of 5.0
      return this.close(Reason.ProtocolError, 'DISCONNECT sets a session expiry that CONNECT had as 0')
    const expirySec =
      packet.sessionExpirySec === undefined
        ? session.expirySec
        : Math.min(packet.sessionExpirySec, this.#ctx.limits.maxSessionExpirySec)
    const will = packet.reason === Reason.NormalDisconnection ? 'removed' : 'due'
    this.#finish(packet.reason, 'DISCONNECT', will, expirySec)
  }

  auth(packet: Auth): void {
    this.#ctx.stats.packetsIn++
    authPacket(this, packet)
  }

  malformed(reason: number, detail: string): void {
    const { stats, events } = this.#ctx
    stats.malformed++
    if (reason === Reason.PacketTooLarge) stats.packetsTooLarge++
    events({ is: 'malformed', client: this.session?.key ?? '', address: this.transport.peer.address, reason, detail })
    if (this.phase === Phase.Open || this.phase === Phase.Closed) return this.close(reason, detail)
    this.#last(malformedAnswer(this.version, reason, this.#decoder.connectVersion))
    this.#finish(reason, detail, 'removed')
  }

  // ── what handlers ask for

  /** A packet larger than the client takes is not sent, as if it had been [MQTT-3.1.2-25 of 5.0]. */
  send(bytes: Uint8Array): void {
    if (this.session !== undefined && bytes.length > this.session.maxPacketBytes) {
      this.#ctx.stats.droppedTooLarge++
      return
    }
    this.output.send(bytes)
    this.#ctx.touch(this)
  }

  /** An acknowledgement with a reason; 3.x has none, so there the reason is left out. */
  answerAck(type: AckType, packetId: number, reason: number): void {
    if (reason === 0 || this.version !== 5) this.output.ack(type, packetId)
    else this.output.send(ackFrame(5, type, packetId, reason))
    this.#ctx.touch(this)
  }

  /** `session` is there, and CONNACK is due. */
  open(connack: Uint8Array): void {
    this.phase = Phase.Open
    this.#clientId = ''
    this.send(connack)
  }

  /** Works off what the device sent before its CONNACK. */
  resume(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    for (const packet of waiting ?? []) if (this.phase === Phase.Open) packet()
    if (this.gone) this.#finish(Reason.UnspecifiedError, 'Connection closed by the peer', 'due')
    else this.#readOn()
  }

  /** Refuses CONNECT. `detail` is for the log, `words` are for the client if it takes packets that long. */
  refuse(reason: number, detail: string, words?: LastWords, maxPacketBytes?: number): void {
    if (this.phase === Phase.Closed) return
    this.#ctx.stats.connectsRefused++
    this.#ctx.stats.refusedBy[reason]!++
    const { address } = this.transport.peer
    this.#ctx.events({ is: 'refused', clientId: this.#clientId, address, reason, detail })
    this.#last(refusal(this.version, reason, words, maxPacketBytes))
    this.phase = Phase.New
    this.#finish(reason, detail, 'removed')
  }

  /** Closes with `reason` (5.0: in DISCONNECT, or CONNACK before the session is open); the will is due. */
  close(reason: number, detail: string): void {
    this.#end(reason, { reasonString: detail }, 'due')
  }

  /** As `close`, but the edge has no fault to find with the client: its will waits for it. */
  sendAway(reason: number, serverReference: string | undefined): void {
    this.#end(reason, { reasonString: 'This server is about to go', serverReference }, 'held')
  }

  #end(reason: number, words: LastWords & { readonly reasonString: string }, will: WillFate): void {
    if (this.phase === Phase.Closed) return
    if (this.phase === Phase.Open) {
      this.#ctx.stats.closedBy[reason]!++
      this.#last(goodbye(this.version, reason, words, this.session?.maxPacketBytes))
    } else this.#last(refusal(this.version, reason))
    this.#finish(reason, words.reasonString, will)
  }

  /** The core has the message, durable and routed: acknowledge its publisher [MQTT-4.3.2-4, MQTT-4.3.3-8]. */
  receipt(message: Message, matched: boolean): void {
    const session = this.session
    if (session === undefined || this.phase !== Phase.Open) return
    const packetId = message.publisherPacketId
    if (message.qos === 1) session.unacked--
    else if (session.received?.has(packetId) === true) session.received.set(packetId, true)
    this.answerAck(
      message.qos === 1 ? PUBACK : PUBREC,
      packetId,
      matched ? Reason.Success : Reason.NoMatchingSubscribers,
    )
  }

  #last(packet: Uint8Array | undefined): void {
    if (packet !== undefined) this.output.send(packet)
  }

  #finish(reason: number, detail: string, will: WillFate, expirySec?: number): void {
    if (this.phase === Phase.Closed) return
    this.phase = Phase.Closed
    this.#decoder.stop()
    this.#waiting = undefined
    this.exchange = undefined
    const session = this.session
    this.session = undefined
    this.#ctx.forget(this)
    this.#hangUp()
    if (session === undefined) return
    leave(this.#ctx, session, { will, expirySec: expirySec ?? session.expirySec })
    this.#ctx.events({ is: 'disconnected', client: session.key, reason, detail })
  }

  #hangUp(): void {
    this.#blocked = false
    try {
      this.flush()
      this.transport.end()
    } catch {
      this.#ctx.stats.failures++
      this.transport.destroy()
    }
  }

  /** CONNECT did not come, or was not finished, in time. */
  timeOut(): void {
    if (this.version === 0) this.#finish(Reason.UnspecifiedError, 'No CONNECT in time', 'removed')
    else if (this.exchange?.running !== undefined && !this.exchange.busy)
      this.refuse(Reason.UnspecifiedError, 'AUTH did not come in time')
    else this.refuse(Reason.ServerUnavailable, 'CONNECT was not finished in time')
  }

  /** A device may send on before its CONNACK: the transport is paused, so this holds one chunk's packets at most. */
  #later(packet: () => void): void {
    if (this.exchange?.running !== undefined)
      return this.close(Reason.ProtocolError, 'Another packet than AUTH during authentication')
    this.#waiting ??= []
    this.#waiting.push(packet)
  }
}
