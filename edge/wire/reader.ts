/** A cursor over the bytes of one packet. Every read stays inside the packet or raises `Malformed`; nothing is copied but strings. */
import { NO_BYTES } from '../../core/contract/message.ts'
import { malformed, protocolError } from './malformed.ts'
import { hasNoNul, isUtf8, readUtf8 } from './utf8.ts'

export class Reader {
  readonly bytes: Uint8Array
  /** The packet's name, for error texts. */
  readonly packet: string
  at: number
  end: number

  constructor(bytes: Uint8Array, at: number, end: number, packet: string) {
    this.bytes = bytes
    this.at = at
    this.end = end
    this.packet = packet
  }

  get left(): number {
    return this.end - this.at
  }

  #take(size: number): number {
    const at = this.at
    if (at + size > this.end) malformed(`${this.packet} ends inside a field`)
    this.at = at + size
    return at
  }

  u8(): number {
    return this.bytes[this.#take(1)]!
  }

  u16(): number {
    const at = this.#take(2)
    return (this.bytes[at]! << 8) | this.bytes[at + 1]!
  }

  u32(): number {
    const at = this.#take(4)
    const { bytes } = this
    return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  }

  /** Variable Byte Integer of at most four bytes, in its shortest form [MQTT-1.5.5-1]. */
  varint(): number {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.u8()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        if (byte === 0 && shift > 0) malformed(`${this.packet} has a variable byte integer with needless bytes`)
        return value
      }
    }
    return malformed(`${this.packet} has a variable byte integer of more than four bytes`)
  }

  string(): string {
    const size = this.u16()
    if (size === 0) return ''
    const at = this.#take(size)
    return (
      readUtf8(this.bytes, at, at + size) ?? malformed(`${this.packet} has a string that is not UTF-8 or holds U+0000`)
    )
  }

  /** Checks a string and goes past it. */
  skipString(): void {
    const size = this.u16()
    const at = this.#take(size)
    if (!isUtf8(this.bytes, at, at + size) || !hasNoNul(this.bytes, at, at + size))
      malformed(`${this.packet} has a string that is not UTF-8 or holds U+0000`)
  }

  /** A copy of Binary Data: what is read here is kept. */
  binary(): Uint8Array {
    const size = this.u16()
    const at = this.#take(size)
    return size === 0 ? NO_BYTES : new Uint8Array(this.bytes.subarray(at, at + size))
  }

  skipBinary(): void {
    this.#take(this.u16())
  }

  /** A packet identifier: never 0 [MQTT-2.2.1-3, -4]. */
  packetId(): number {
    const id = this.u16()
    if (id === 0) protocolError(`${this.packet} has packet identifier 0`)
    return id
  }

  /** Nothing may follow. */
  finish(): void {
    if (this.at !== this.end) malformed(`${this.packet} has ${this.end - this.at} bytes after its last field`)
  }
}
