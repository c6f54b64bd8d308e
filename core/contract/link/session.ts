/**
 * One end of a link session: numbered frames over a connection that may break and come back, so that every record arrives
 * once and in order while both processes live. Knows neither records nor sockets, sets no timer and reads no clock.
 *
 *     frame = varint 2 × number + more, varint last frame I have from you, bytes
 *
 * Number 0 is a frame that is not numbered and holds nothing: a heartbeat, or an acknowledgement by itself. `more`: the
 * records go on in the next frame.
 */
import { ByteReader, ByteWriter } from '../codec.ts'
import type { Limits } from '../limits.ts'
import type { LinkStats } from './stats.ts'
import type { LinkTransport } from './transport.ts'

/** Longer records are cut, so that no WebSocket message is longer than this and its header. */
export const FRAME_BYTES = 256 * 1024
/** A turn that has gathered this much sends it before it ends. */
const FULL_BYTES = FRAME_BYTES - 32 * 1024
/** An acknowledgement goes out by itself after so much. */
const ACK_BYTES = 128 * 1024
const HEAD_BYTES = 16
const KEEP_BYTES = 2 * FRAME_BYTES
const DEAD_HEARTBEATS = 3

/** Largest WebSocket message of a link. */
export const MAX_FRAME_BYTES = FRAME_BYTES + HEAD_BYTES

export interface LinkSessionOptions {
  readonly limits: Pick<Limits, 'linkHeartbeatMs' | 'linkRecordBytes'>
  readonly stats: LinkStats
  /** The records of one or more frames. Throws RangeError if they are damaged. They may be kept: nobody writes to them. */
  readonly read: (records: Uint8Array) => void
}

interface Frame {
  readonly number: number
  readonly bytes: Uint8Array
}

export class LinkSession {
  /** Records of the frame under construction: append, then `written`. */
  readonly out = new ByteWriter(4096)
  readonly #o: LinkSessionOptions
  #transport: LinkTransport | undefined
  /** Not acknowledged, in order. */
  #sent: Frame[] = []
  #sentHead = 0
  #sentBytes = 0
  #number = 0
  #received = 0
  /** Last frame that the other end was told we have, and what came since. */
  #unackedIn = 0
  #partial: Uint8Array[] = []
  #partialBytes = 0
  #heardAt = 0
  #saidAt = 0
  #tickedAt = 0
  #now = 0

  constructor(options: LinkSessionOptions) {
    this.#o = options
  }

  /** Number of the last frame that came. */
  get received(): number {
    return this.#received
  }

  get up(): boolean {
    return this.#transport !== undefined
  }

  /** Written, and not acknowledged by the other end. */
  get unackedBytes(): number {
    return this.#sentBytes + this.out.length
  }

  /** Everything written is acknowledged. */
  get idle(): boolean {
    return this.#sentHead === this.#sent.length && this.out.length === 0
  }

  /**
   * Goes on over this connection. `peerReceived`: the last frame that the other end has. False, and nothing is sent, if the
   * two ends do not fit together.
   */
  connect(transport: LinkTransport, peerReceived: number, now: number): boolean {
    if (peerReceived > this.#number || peerReceived < this.#number - (this.#sent.length - this.#sentHead)) return false
    this.#transport = transport
    this.#heardAt = now
    this.#saidAt = now
    this.#tickedAt = now
    this.#now = now
    this.#acknowledged(peerReceived)
    for (let i = this.#sentHead; i < this.#sent.length; i++) {
      this.#o.stats.framesResent++
      this.#send(this.#sent[i]!.bytes)
    }
    this.flush()
    return true
  }

  /** The connection is gone; everything else stays as it is. */
  disconnect(): void {
    this.#transport = undefined
  }

  /** The session is over: takes back what it has counted. */
  end(): void {
    this.#transport = undefined
    this.#o.stats.nowUnackedBytes -= this.#sentBytes
    this.#sent = []
    this.#sentHead = 0
    this.#sentBytes = 0
    this.#partial = []
    this.#partialBytes = 0
    this.out.clear()
  }

  /** After each record: a long turn sends what it has. */
  written(): void {
    if (this.out.length > FULL_BYTES) this.flush()
  }

  /** Sends what was written; without connection it waits for one. */
  flush(): void {
    const { out } = this
    if (out.length === 0) return
    for (let at = 0; at < out.length; at += FRAME_BYTES)
      this.#seal(at, Math.min(at + FRAME_BYTES, out.length), at + FRAME_BYTES < out.length)
    if (out.bytes.length > KEEP_BYTES) out.bytes = new Uint8Array(4096)
    out.clear()
  }

  /** A frame came. Throws RangeError if it is damaged, or does not follow the one before. */
  frame(bytes: Uint8Array, now: number): void {
    const { stats } = this.#o
    this.#now = now
    this.#heardAt = now
    stats.framesIn++
    stats.bytesIn += bytes.length
    const r = new ByteReader(bytes)
    const head = r.varint()
    const ack = r.varint()
    if (ack > this.#number) throw new RangeError(`Frame acknowledges ${ack} of ${this.#number} frames`)
    this.#acknowledged(ack)
    const more = head % 2 === 1
    const number = (head - (more ? 1 : 0)) / 2
    // It had come before the connection broke.
    if (number <= this.#received) return
    if (number !== this.#received + 1) throw new RangeError(`Frame ${number} came after frame ${this.#received}`)
    this.#received = number
    this.#unackedIn += bytes.length
    const records = bytes.subarray(r.at)
    if (more || this.#partialBytes > 0) this.#gather(records, more)
    else this.#o.read(records)
    if (this.#unackedIn >= ACK_BYTES) this.#bare()
  }

  /** When something was heard last, as of the last tick. ms since the epoch. */
  get heardAt(): number {
    return this.#heardAt
  }

  /** At least once per heartbeat. False if nothing was heard for too long: the connection is dead. */
  tick(now: number): boolean {
    this.#now = now
    if (this.#transport === undefined) return true
    const { linkHeartbeatMs } = this.#o.limits
    // Who was asleep has not listened: what came meanwhile is read first.
    if (now - this.#tickedAt > 2 * linkHeartbeatMs) this.#heardAt = Math.max(this.#heardAt, now - linkHeartbeatMs)
    this.#tickedAt = now
    if (now - this.#heardAt > DEAD_HEARTBEATS * linkHeartbeatMs) return false
    if (now - this.#saidAt >= linkHeartbeatMs || this.#unackedIn > 0) this.#bare()
    return true
  }

  #gather(records: Uint8Array, more: boolean): void {
    this.#partial.push(records)
    this.#partialBytes += records.length
    if (this.#partialBytes > this.#o.limits.linkRecordBytes)
      throw new RangeError(`Record of more than ${this.#o.limits.linkRecordBytes} bytes`)
    if (more) return
    const whole = new Uint8Array(this.#partialBytes)
    let at = 0
    for (const part of this.#partial) {
      whole.set(part, at)
      at += part.length
    }
    this.#partial = []
    this.#partialBytes = 0
    this.#o.read(whole)
  }

  /** Copies `from`..`to` of what was written into a frame of its own, its header in front. */
  #seal(from: number, to: number, more: boolean): void {
    const number = ++this.#number
    header.clear()
    header.varint(number * 2 + (more ? 1 : 0))
    header.varint(this.#received)
    const bytes = new Uint8Array(header.length + to - from)
    bytes.set(header.bytes.subarray(0, header.length))
    bytes.set(this.out.bytes.subarray(from, to), header.length)
    this.#sent.push({ number, bytes })
    this.#sentBytes += bytes.length
    this.#o.stats.nowUnackedBytes += bytes.length
    this.#send(bytes)
  }

  #bare(): void {
    if (this.#transport === undefined) return
    header.clear()
    header.varint(0)
    header.varint(this.#received)
    this.#send(header.copy())
  }

  #send(bytes: Uint8Array): void {
    if (this.#transport === undefined) return
    const { stats } = this.#o
    stats.framesOut++
    stats.bytesOut += bytes.length
    this.#unackedIn = 0
    this.#saidAt = this.#now
    this.#transport.send(bytes)
  }

  #acknowledged(number: number): void {
    let freed = 0
    while (this.#sentHead < this.#sent.length && this.#sent[this.#sentHead]!.number <= number)
      freed += this.#sent[this.#sentHead++]!.bytes.length
    if (freed === 0) return
    this.#sentBytes -= freed
    this.#o.stats.nowUnackedBytes -= freed
    if (this.#sentHead === this.#sent.length) this.#sent = []
    else if (this.#sentHead < 64) return
    else this.#sent = this.#sent.slice(this.#sentHead)
    this.#sentHead = 0
  }
}

const header = new ByteWriter(HEAD_BYTES)
