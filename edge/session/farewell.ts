/** The last packet a device gets: DISCONNECT, or the CONNACK that refuses it. Makes bytes; sends nothing and ends nothing. */
import { connackFrame, disconnectFrame } from '../wire/encode.ts'
import { Reason } from '../wire/reason.ts'

type Version = 0 | 3 | 4 | 5

/** DISCONNECT to an open session, with `detail` if that fits; 3.x has none. `maxPacketBytes`: what the client takes. */
export function goodbye(
  version: Version,
  reason: number,
  detail: string,
  maxPacketBytes: number | undefined,
): Uint8Array | undefined {
  if (version !== 5) return undefined
  const full = disconnectFrame(reason, { reasonString: detail })
  return full.length <= (maxPacketBytes ?? Number.POSITIVE_INFINITY) ? full : disconnectFrame(reason, {})
}

/** CONNACK with an error. Nothing for who has not sent CONNECT (version 0). */
export const refusal = (version: Version, reason: number): Uint8Array | undefined =>
  version === 0 ? undefined : connackFrame(version, { sessionPresent: false, reason })

/**
 * The answer to a first packet that is malformed: for a protocol level that is not spoken a 3.1.1 CONNACK 1 [MQTT3-3.1.2-2],
 * for a malformed 3.x CONNECT nothing [MQTT3-3.1.4-1]. `level`: the protocol level, if CONNECT was read as far as that.
 */
export function malformedAnswer(version: Version, reason: number, level: number | undefined): Uint8Array | undefined {
  if (reason === Reason.UnsupportedProtocolVersion && level !== undefined) return refusal(4, reason)
  return version === 5 ? refusal(5, reason) : undefined
}
