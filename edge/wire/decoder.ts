/**
 * From a stream of chunks to packets: framing, limits, and which packet may come when. Knows nothing of sessions.
 *
 *   chunk  [ …tail of P1 ][ P2 ][ P3 ][ head of P4… ]
 *            joined with      decoded      held until the
 *            what is held     in place     next chunk
 */
import { decodeAck } from './acks.ts'
import { checkLevel, decodeConnect, readLevel } from './connect.ts'
import { decodeAuth, decodeDisconnect } from './farewell.ts'
import { Malformed, malformed, protocolError } from './malformed.ts'
import { type AckType, type PacketHandler, PUBACK, PUBCOMP, PUBREC, PUBREL, type Version } from './packets.ts'
import { decodePublish } from './publish.ts'
import { Reader } from './reader.ts'
import { Reason } from './reason.ts'
import { decodeSubscribe, decodeUnsubscribe } from './subscribe.ts'
import { AUTH, CONNECT, DISCONNECT, PINGREQ, PUBLISH, packetName, SUBSCRIBE, UNSUBSCRIBE } from './types.ts'

/** Sizes of whole packets, fixed header included. Bytes. */
export interface DecoderOptions {
  readonly maxConnectPacketBytes: number
  readonly maxPacketBytes: number
}

const LEAST_HELD_BYTES = 512

/**
 * Feeds a handler. Payloads and properties of PUBLISH are views on the chunk (or on a buffer of their own if the packet came
 * in pieces); they stay valid as long as the caller leaves the chunk alone. A handler may call `stop` from any callback; if it
 * throws, the decoder stops and `push` throws the same.
 */
export class Decoder {
  readonly #handler: PacketHandler
  readonly #maxConnectPacketBytes: number
  readonly #maxPacketBytes: number
  #version: 0 | Version = 0
  #connectVersion: number | undefined
  #connected = false
  #stopped = false

  /** Bytes of a packet that is not complete, if `#heldBytes` > 0. */
  #held: Uint8Array | undefined
  #heldBytes = 0
  /** What the last fixed header said: where the body starts, and where the packet ends, both from its first byte. */
  #headerBytes = 0
  #totalBytes = 0

  constructor(handler: PacketHandler, options: DecoderOptions) {
    this.#handler = handler
    this.#maxConnectPacketBytes = options.maxConnectPacketBytes
    this.#maxPacketBytes = options.maxPacketBytes
  }

  /** 0 until a CONNECT names a level that is spoken here; it may turn out malformed after that. */
  get version(): 0 | Version {
    return this.#version
  }

  /** The level byte of the CONNECT, also if it is not spoken here; undefined if there was none, or the protocol is another one. */
  get connectVersion(): number | undefined {
    return this.#connectVersion
  }

  /** Nothing is called any more; what comes is dropped. */
  stop(): void {
    this.#stopped = true
    this.#held = undefined
    this.#heldBytes = 0
  }

  /** Takes the next bytes of the stream, cut anywhere. */
  push(chunk: Uint8Array): void {
    if (this.#stopped) return
    try {
      const at = this.#heldBytes > 0 ? this.#complete(chunk) : 0
      this.#decode(chunk, at)
    } catch (error) {
      const stopped = this.#stopped
      this.stop()
      if (!(error instanceof Malformed)) throw error
      if (!stopped) this.#handler.malformed(error.reason, error.message)
    }
  }

  #decode(bytes: Uint8Array, at: number): void {
    const end = bytes.length
    while (at < end && !this.#stopped) {
      if (!this.#readHeader(bytes, at, end) || at + this.#totalBytes > end) {
        this.#hold(bytes.subarray(at))
        return
      }
      const next = at + this.#totalBytes
      this.#packet(bytes, bytes[at]!, at + this.#headerBytes, next)
      at = next
    }
  }

  /** Adds to what is held as much of the chunk as the packet needs, decodes it when it is whole; returns how much was taken. */
  #complete(chunk: Uint8Array): number {
    let taken = 0
    while (this.#totalBytes === 0) {
      if (taken === chunk.length) return taken
      this.#hold(chunk.subarray(taken, ++taken))
      this.#readHeader(this.#held!, 0, this.#heldBytes)
    }
    const needed = Math.min(this.#totalBytes - this.#heldBytes, chunk.length - taken)
    this.#hold(chunk.subarray(taken, taken + needed))
    if (this.#heldBytes === this.#totalBytes) {
      const packet = this.#held!
      this.#held = undefined
      this.#heldBytes = 0
      this.#packet(packet, packet[0]!, this.#headerBytes, this.#totalBytes)
    }
    return taken + needed
  }

  /** Appends to the held bytes. The buffer grows with what has arrived, never with what was announced. */
  #hold(bytes: Uint8Array): void {
    const size = this.#heldBytes + bytes.length
    if (this.#held === undefined || this.#held.length < size) {
      const wanted = Math.max(2 * size, LEAST_HELD_BYTES)
      const grown = new Uint8Array(this.#totalBytes === 0 ? wanted : Math.min(wanted, this.#totalBytes))
      if (this.#held !== undefined) grown.set(this.#held.subarray(0, this.#heldBytes))
      this.#held = grown
    }
    this.#held.set(bytes, this.#heldBytes)
    this.#heldBytes = size
  }

  /** Reads the fixed header at `at`. False, with `#totalBytes` 0, if it is not complete. Raises what can be known from it. */
  #readHeader(bytes: Uint8Array, at: number, end: number): boolean {
    const first = bytes[at]!
    if (FLAGS_OK[first] === 0 || !this.#connected || first >> 4 === CONNECT) this.#checkType(first)
    let length = 0
    let size = 1
    for (let shift = 0; ; shift += 7) {
      if (at + size >= end) {
        this.#totalBytes = 0
        return false
      }
      const byte = bytes[at + size]!
      size++
      length |= (byte & 0x7f) << shift
      if (byte < 0x80) break
      if (shift === 21) malformed('Remaining length has more than four bytes')
    }
    this.#headerBytes = size
    this.#totalBytes = size + length
    const most = this.#connected ? this.#maxPacketBytes : this.#maxConnectPacketBytes
    if (this.#totalBytes > most)
      throw new Malformed(
        Reason.PacketTooLarge,
        `${packetName(first >> 4)} has ${this.#totalBytes} bytes, more than ${most}`,
      )
    if (this.#version === 5 && size > 2) checkShortest(size, length)
    return true
  }

  /** The first packet is CONNECT [MQTT-3.1.0-1], and no other is [MQTT-3.1.0-2]. */
  #checkType(first: number): void {
    const type = first >> 4
    if (!this.#connected && type !== CONNECT) protocolError(`First packet is ${packetName(type)}, not CONNECT`)
    if (this.#connected && type === CONNECT) protocolError('CONNECT came a second time')
    if (type === 0) malformed('Packet type 0 is reserved')
    if (TO_CLIENTS.has(type)) protocolError(`${packetName(type)} came from a client`)
    if (FLAGS_OK[first] === 1) return
    // In MQTT 3.1 packets that are sent again have DUP set
    if (this.#version === 3 && RESENT.has(type) && FLAGS_OK[first & ~8] === 1) return
    malformed(`${packetName(type)} has flags ${first & 15}`) // [MQTT-2.1.3-1]
  }

  #packet(bytes: Uint8Array, first: number, at: number, end: number): void {
    const handler = this.#handler
    const type = first >> 4
    switch (type) {
      case PUBLISH:
        handler.publish(decodePublish(bytes, first, at, end, this.#version))
        return
      case PUBACK:
      case PUBREC:
      case PUBREL:
      case PUBCOMP:
        decodeAck(handler, type as AckType, bytes, at, end, this.#version)
        return
      case PINGREQ:
        if (at !== end) malformed(`PINGREQ has ${end - at} bytes after its header`)
        handler.pingreq()
        return
      default:
        this.#rarePacket(new Reader(bytes, at, end, packetName(type)), type)
    }
  }

  #rarePacket(r: Reader, type: number): void {
    const handler = this.#handler
    const version = this.#version
    switch (type) {
      case CONNECT:
        this.#connect(r)
        return
      case SUBSCRIBE:
        handler.subscribe(decodeSubscribe(r, version))
        return
      case UNSUBSCRIBE:
        handler.unsubscribe(decodeUnsubscribe(r, version))
        return
      case DISCONNECT:
        handler.disconnect(decodeDisconnect(r, version))
        return
      default:
        if (version < 5) malformed('AUTH does not exist before MQTT 5')
        handler.auth(decodeAuth(r))
    }
  }

  #connect(r: Reader): void {
    const protocol = readLevel(r)
    this.#connectVersion = protocol.level
    const version = checkLevel(protocol)
    this.#version = version
    if (version === 5) checkShortest(this.#headerBytes, this.#totalBytes - this.#headerBytes)
    const packet = decodeConnect(r, version)
    this.#connected = true
    this.#handler.connect(packet)
  }
}

/** MQTT 5 wants the shortest form of the remaining length [MQTT-1.5.5-1]; 3.1.1 does not say. */
function checkShortest(headerBytes: number, length: number): void {
  if (headerBytes > 2 && length < 2 ** (7 * (headerBytes - 2))) malformed('Remaining length has needless bytes')
}

const TO_CLIENTS = new Set([2, 9, 11, 13])
const RESENT = new Set([PUBREL, SUBSCRIBE, UNSUBSCRIBE])

/** By first byte: 1 if a client may send this type with these flags [MQTT5 table 2-2]. */
const FLAGS_OK = new Uint8Array(256)
for (let flags = 0; flags < 16; flags++) FLAGS_OK[(PUBLISH << 4) | flags] = 1
for (const type of [CONNECT, PUBACK, PUBREC, PUBCOMP, PINGREQ, DISCONNECT, AUTH]) FLAGS_OK[type << 4] = 1
for (const type of RESENT) FLAGS_OK[(type << 4) | 2] = 1
