/** A packet handler that writes down what it is told, and bytes by hand for the tests of the codec. */
import { Decoder } from '../../../../edge/wire/decoder.ts'
import type {
  Auth,
  Connect,
  Disconnect,
  PacketHandler,
  Publish,
  Subscribe,
  Unsubscribe,
  Version,
} from '../../../../edge/wire/packets.ts'

export type Seen =
  | { is: 'connect'; packet: Connect }
  | { is: 'publish'; packet: Publish }
  | { is: 'ack'; type: number; packetId: number; reason: number }
  | { is: 'subscribe'; packet: Subscribe }
  | { is: 'unsubscribe'; packet: Unsubscribe }
  | { is: 'pingreq' }
  | { is: 'disconnect'; packet: Disconnect }
  | { is: 'auth'; packet: Auth }
  | { is: 'malformed'; reason: number; detail: string }

export class Recorder implements PacketHandler {
  readonly seen: Seen[] = []
  /** Called after each packet was noted. */
  after: (seen: Seen) => void = () => {}

  #note(seen: Seen): void {
    this.seen.push(seen)
    this.after(seen)
  }
  connect(packet: Connect): void {
    this.#note({ is: 'connect', packet })
  }
  publish(packet: Publish): void {
    this.#note({ is: 'publish', packet })
  }
  ack(type: number, packetId: number, reason: number): void {
    this.#note({ is: 'ack', type, packetId, reason })
  }
  subscribe(packet: Subscribe): void {
    this.#note({ is: 'subscribe', packet })
  }
  unsubscribe(packet: Unsubscribe): void {
    this.#note({ is: 'unsubscribe', packet })
  }
  pingreq(): void {
    this.#note({ is: 'pingreq' })
  }
  disconnect(packet: Disconnect): void {
    this.#note({ is: 'disconnect', packet })
  }
  auth(packet: Auth): void {
    this.#note({ is: 'auth', packet })
  }
  malformed(reason: number, detail: string): void {
    this.#note({ is: 'malformed', reason, detail })
  }
}

export const LIMITS = { maxConnectPacketBytes: 300_000, maxPacketBytes: 300_000 }

/** A decoder that has its CONNECT behind it (unless `version` is 0), and what it tells. */
export function connected(version: 0 | Version, limits = LIMITS): { decoder: Decoder; recorder: Recorder } {
  const recorder = new Recorder()
  const decoder = new Decoder(recorder, limits)
  if (version !== 0) {
    decoder.push(plainConnect(version))
    recorder.seen.length = 0
  }
  return { decoder, recorder }
}

/** What a connected client's bytes are decoded to. */
export function decode(version: 0 | Version, ...chunks: Uint8Array[]): Seen[] {
  const { decoder, recorder } = connected(version)
  for (const chunk of chunks) decoder.push(chunk)
  return recorder.seen
}

type Part = number | string | Uint8Array

/** Numbers are bytes; strings are written as they are, without a length. */
export function bytes(...parts: Part[]): Uint8Array {
  return new Uint8Array(
    parts.flatMap(part => (typeof part === 'number' ? [part] : [...(typeof part === 'string' ? utf8(part) : part)])),
  )
}
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

/** A string or binary field with its two length bytes. */
export function field(data: string | Uint8Array): Uint8Array {
  const raw = typeof data === 'string' ? utf8(data) : data
  return bytes(raw.length >> 8, raw.length & 0xff, raw)
}

export function varint(value: number): Uint8Array {
  const out: number[] = []
  do {
    out.push(value > 127 ? (value & 127) | 128 : value)
    value = Math.floor(value / 128)
  } while (value > 0)
  return new Uint8Array(out)
}

/** A packet with its remaining length. */
export function packet(first: number, ...parts: Part[]): Uint8Array {
  const body = bytes(...parts)
  return bytes(first, varint(body.length), body)
}

/** A property list with its length. */
export function props(...parts: Part[]): Uint8Array {
  const body = bytes(...parts)
  return bytes(varint(body.length), body)
}

export function plainConnect(version: Version): Uint8Array {
  const name = version === 3 ? 'MQIsdp' : 'MQTT'
  return packet(0x10, field(name), version, 2, 0, 0, ...(version === 5 ? [0] : []), field('c'))
}
