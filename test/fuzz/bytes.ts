/** Hostile bytes from a seed: random, valid packets, and valid packets spoilt in the ways that break parsers. Sends nothing. */
import fc from 'fast-check'
import mqtt, { type Packet } from 'mqtt-packet'
import { varint } from '../conversations/frame.ts'
import { connect, otherPacket, publish } from '../unit/edge/wire/arbitraries.ts'

export type Random = () => number
export const below = (random: Random, n: number): number => Math.floor(random() * n)
const pick = <T>(random: Random, list: readonly T[]): T => list[below(random, list.length)]!

export const randomBytes = (random: Random, length: number): Buffer =>
  Buffer.from(Array.from({ length }, () => below(random, 256)))

const encode = (packet: Packet, version: 4 | 5): Buffer => mqtt.generate(packet, { protocolVersion: version })

/** A CONNECT that is accepted. */
export const goodConnect = (clientId: string, version: 4 | 5): Buffer =>
  encode(
    { cmd: 'connect', protocolId: 'MQTT', protocolVersion: version, clientId, clean: true, keepalive: 60 },
    version,
  )

/** Valid packets of every kind of one version, as bytes. */
export function validPackets(version: 4 | 5, seed: number, count: number): Buffer[] {
  const packets = fc.oneof(connect(version), publish, otherPacket(version), otherPacket(version))
  return fc.sample(packets as fc.Arbitrary<Packet>, { seed, numRuns: count }).map(packet => encode(packet, version))
}

const bodyOf = (packet: Buffer): Buffer => {
  let at = 1
  while ((packet[at] ?? 0) > 127) at++
  return packet.subarray(at + 1)
}

/** Property ids with bodies of every size, known or not, repeated or not, whole or not. */
const soup = (random: Random): Buffer => {
  const properties = Buffer.concat(
    Array.from({ length: below(random, 8) }, () =>
      Buffer.concat([Buffer.from([below(random, 48)]), randomBytes(random, below(random, 9))]),
    ),
  )
  return Buffer.concat([varint(properties.length + (random() < 0.3 ? below(random, 5) : 0)), properties])
}

const flip = (packet: Buffer, random: Random): Buffer => {
  const spoilt = Buffer.from(packet)
  for (let i = 0; i <= below(random, 4); i++) {
    const at = below(random, spoilt.length)
    spoilt[at] = (spoilt[at] ?? 0) ^ (1 << below(random, 8))
  }
  return spoilt
}

const SPOILS: readonly ((packet: Buffer, random: Random) => Buffer)[] = [
  flip,
  // Cut, with a length that knows it.
  (packet, random) => {
    const body = bodyOf(packet)
    const rest = body.subarray(0, below(random, body.length + 1))
    return Buffer.concat([packet.subarray(0, 1), varint(rest.length), rest])
  },
  // Cut, and what comes next is taken for the rest.
  (packet, random) => packet.subarray(0, below(random, packet.length)),
  // A length that lies.
  (packet, random) => {
    const body = bodyOf(packet)
    return Buffer.concat([packet.subarray(0, 1), varint(Math.max(0, body.length + below(random, 40) - 20)), body])
  },
  // Bytes too many.
  (packet, random) => {
    const body = Buffer.concat([bodyOf(packet), randomBytes(random, 1 + below(random, 20))])
    return Buffer.concat([packet.subarray(0, 1), varint(body.length), body])
  },
  // Another type or other flags.
  (packet, random) => Buffer.concat([Buffer.from([below(random, 256)]), packet.subarray(1)]),
  // Properties of anything, somewhere.
  (packet, random) => {
    const body = bodyOf(packet)
    const at = below(random, body.length + 1)
    const spoilt = Buffer.concat([body.subarray(0, at), soup(random), body.subarray(at)])
    return Buffer.concat([packet.subarray(0, 1), varint(spoilt.length), spoilt])
  },
]

export const spoil = (packet: Buffer, random: Random): Buffer => pick(random, SPOILS)(packet, random)

/** `bytes` in pieces, as networks cut them. */
export function pieces(bytes: Buffer, random: Random): Buffer[] {
  const cut: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const size = random() < 0.5 ? bytes.length - at : 1 + below(random, 50)
    cut.push(bytes.subarray(at, at + size))
    at += size
  }
  return cut
}
