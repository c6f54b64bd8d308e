/**
 * What one connection has to send, until the end of the turn: frames in order, shared between receivers where they are the
 * same, with the packet id to write into the copy. Does no I/O: `flush` hands runs of bytes to a transport.
 *
 *   frames  [ F1 | F1' |  -  | F2 ]     F: encoded once, shared by all receivers
 *   ids     [  0 |  7  | ack | 12 ]     0: as it is   n: patch n into the copy   ack: 4 bytes made here
 */
import type { Transport } from '../listen/transport.ts'
import type { Frame } from '../wire/frame.ts'
import type { AckType } from '../wire/packets.ts'
import { carve } from '../wire/slab.ts'

const ACK = 0x1_0000
/** Up to here frames are copied into one run, so that one write carries them; a longer frame goes out as it is. */
const COPY_MAX_BYTES = 16 * 1024

/** Connections are many and mostly idle: arrays are made at the first frame, and small. */
const NO_FRAMES: (Frame | Uint8Array | undefined)[] = []
const NO_IDS: number[] = []
const FIRST_ENTRIES = 2

export class Output {
  #frames: (Frame | Uint8Array | undefined)[] = NO_FRAMES
  #ids: number[] = NO_IDS
  /** Entries and bytes that wait. */
  count = 0
  bytes = 0

  /** Bytes that are sent as they are. */
  send(bytes: Uint8Array): void {
    this.#add(bytes, 0)
    this.bytes += bytes.length
  }

  /** A frame shared by many receivers; `packetId` is written into this receiver's copy (0: no packet id). */
  publish(frame: Frame, packetId: number): void {
    this.#add(frame, packetId)
    this.bytes += frame.bytes.length
  }

  /** A PUBACK, PUBREC, PUBREL or PUBCOMP with reason 0x00: four bytes in every version. */
  ack(type: AckType, packetId: number): void {
    this.#add(undefined, ACK * type + packetId)
    this.bytes += 4
  }

  #add(frame: Frame | Uint8Array | undefined, id: number): void {
    if (this.#frames === NO_FRAMES) {
      this.#frames = new Array(FIRST_ENTRIES)
      this.#ids = new Array(FIRST_ENTRIES)
    }
    this.#frames[this.count] = frame
    this.#ids[this.count++] = id
  }

  /** Writes all to `transport` with as few writes as possible. Returns what the last write returned: false means wait for `drained`. */
  flush(transport: Transport): boolean {
    const count = this.count
    if (count === 0) return true
    const first = this.#frames[0]
    if (count === 1 && first !== undefined && this.#ids[0] === 0) {
      this.#frames[0] = undefined
      this.count = 0
      this.bytes = 0
      return transport.write(first instanceof Uint8Array ? first : first.bytes)
    }
    const small = this.bytes <= COPY_MAX_BYTES
    const result = small ? transport.write(this.#join(0, count, this.bytes)) : transport.writev(this.#runs())
    this.count = 0
    this.bytes = 0
    return result
  }

  /** Copies entries `from`..`to` into one run of `size` bytes, and lets go of their frames. */
  #join(from: number, to: number, size: number): Uint8Array {
    const out = carve(size)
    let at = 0
    for (let i = from; i < to; i++) {
      const frame = this.#frames[i]
      const id = this.#ids[i]!
      if (frame === undefined) {
        const type = Math.floor(id / ACK)
        out[at] = (type << 4) | (type === 6 ? 2 : 0)
        out[at + 1] = 2
        out[at + 2] = (id >> 8) & 0xff
        out[at + 3] = id & 0xff
        at += 4
        continue
      }
      this.#frames[i] = undefined
      if (frame instanceof Uint8Array) {
        out.set(frame, at)
        at += frame.length
        continue
      }
      out.set(frame.bytes, at)
      if (id !== 0) {
        out[at + frame.packetIdAt] = id >> 8
        out[at + frame.packetIdAt + 1] = id & 0xff
      }
      at += frame.bytes.length
    }
    return out
  }

  /** Many bytes: neighbours that are small share a run, large frames go by themselves. */
  #runs(): Uint8Array[] {
    const runs: Uint8Array[] = []
    let from = 0
    let size = 0
    for (let i = 0; i < this.count; i++) {
      const frame = this.#frames[i]
      const length = frame === undefined ? 4 : frame instanceof Uint8Array ? frame.length : frame.bytes.length
      if (size > 0 && size + length > COPY_MAX_BYTES) {
        runs.push(this.#join(from, i, size))
        from = i
        size = 0
      }
      if (length > COPY_MAX_BYTES && this.#ids[i] === 0) {
        runs.push(frame instanceof Uint8Array ? frame : (frame as Frame).bytes)
        this.#frames[i] = undefined
        from = i + 1
      } else size += length
    }
    if (size > 0) runs.push(this.#join(from, this.count, size))
    return runs
  }
}
