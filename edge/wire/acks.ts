/** PUBACK, PUBREC, PUBREL and PUBCOMP from their bytes. */
import { malformed, protocolError } from './malformed.ts'
import { type AckType, type PacketHandler, PUBREC } from './packets.ts'
import { readProperties } from './properties.ts'
import { Reader } from './reader.ts'
import { packetName } from './types.ts'

/** Reason codes of PUBACK and PUBREC [MQTT5 3.4.2.1, 3.5.2.1], and of PUBREL and PUBCOMP [MQTT5 3.6.2.1, 3.7.2.1]. */
const OF_RECEIPT = new Set([0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99])
const OF_RELEASE = new Set([0x00, 0x92])

/**
 * Body between `at` and `end`: the packet id, in MQTT 5 perhaps a reason code and properties (lengths 2, 3, 4 and more;
 * the properties' length may be left out). Raises `Malformed`; packet id 0 and a foreign reason code are protocol errors
 * [MQTT-2.2.1-3, MQTT-3.4.2-1, -3.5.2-1, -3.6.2-1, -3.7.2-1].
 */
export function decodeAck(
  handler: PacketHandler,
  type: AckType,
  bytes: Uint8Array,
  at: number,
  end: number,
  version: number,
): void {
  const length = end - at
  if (length < 2 || (length > 2 && version < 5)) malformed(`${packetName(type)} has ${length} bytes after its header`)
  const packetId = (bytes[at]! << 8) | bytes[at + 1]!
  if (packetId === 0) protocolError(`${packetName(type)} has packet identifier 0`)
  handler.ack(type, packetId, length === 2 ? 0 : readReason(type, bytes, at + 2, end))
}

function readReason(type: AckType, bytes: Uint8Array, at: number, end: number): number {
  const reason = bytes[at]!
  if (!(type <= PUBREC ? OF_RECEIPT : OF_RELEASE).has(reason))
    protocolError(`${packetName(type)} has reason code 0x${reason.toString(16)}`)
  if (end - at > 1) {
    const r = new Reader(bytes, at + 1, end, packetName(type))
    readProperties(r, type)
    r.finish()
  }
  return reason
}
