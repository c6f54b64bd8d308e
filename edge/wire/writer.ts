/** A growing run of bytes for packets whose rate does not matter. Bounded by what one packet may hold. */
import { carve } from './slab.ts'
import { utf8Length, writeUtf8 } from './utf8.ts'

/** Largest Remaining Length [MQTT5 2.1.4]. Bytes. */
export const MAX_REMAINING_LENGTH = 268_435_455
const MAX_FIELD_BYTES = 65_535

export class Writer {
  #bytes = new Uint8Array(64)
  length = 0

  /** Makes room for `size` more bytes and returns where they start. */
  #grow(size: number): number {
    const at = this.length
    this.length = at + size
    if (this.length > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(this.length, 2 * this.#bytes.length))
      bytes.set(this.#bytes)
      this.#bytes = bytes
    }
    return at
  }

  u8(value: number): this {
    const at = this.#grow(1)
    this.#bytes[at] = value
    return this
  }

  u16(value: number): this {
    return this.u8(value >>> 8).u8(value & 0xff)
  }

  u32(value: number): this {
    return this.u16(value >>> 16).u16(value & 0xffff)
  }

  varint(value: number): this {
    const at = this.#grow(varintLength(value))
    writeVarint(this.#bytes, at, value)
    return this
  }

  /** Throws RangeError beyond 65,535 bytes of UTF-8 [MQTT5 1.5.4]. */
  string(text: string): this {
    const size = utf8Length(text)
    if (size > MAX_FIELD_BYTES) throw new RangeError(`String of ${size} bytes is longer than ${MAX_FIELD_BYTES}`)
    this.u16(size)
    const at = this.#grow(size)
    writeUtf8(this.#bytes, at, text)
    return this
  }

  /** Throws RangeError beyond 65,535 bytes [MQTT5 1.5.6]. */
  binary(data: Uint8Array): this {
    if (data.length > MAX_FIELD_BYTES)
      throw new RangeError(`Data of ${data.length} bytes is longer than ${MAX_FIELD_BYTES}`)
    return this.u16(data.length).raw(data)
  }

  raw(data: Uint8Array): this {
    const at = this.#grow(data.length)
    this.#bytes.set(data, at)
    return this
  }

  /** What was written; a view, valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.length)
  }

  /** What was written, as the body of a packet with `first` as its first byte. */
  packet(first: number): Uint8Array {
    const bytes = carve(1 + varintLength(this.length) + this.length)
    bytes[0] = first
    bytes.set(this.view(), writeVarint(bytes, 1, this.length))
    return bytes
  }
}

/** Throws RangeError if `value` does not fit into four bytes. */
export function varintLength(value: number): 1 | 2 | 3 | 4 {
  if (value < 128) return 1
  if (value < 16_384) return 2
  if (value < 2_097_152) return 3
  if (value <= MAX_REMAINING_LENGTH) return 4
  throw new RangeError(`Length ${value} is more than a variable byte integer holds`)
}

/** Returns the position after it. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  while (value >= 128) {
    bytes[at++] = (value & 0x7f) | 0x80
    value >>>= 7
  }
  bytes[at++] = value
  return at
}
