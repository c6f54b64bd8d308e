/** The last packet a device gets: DISCONNECT, or the CONNACK that refuses it. Makes bytes; sends nothing and ends nothing. */
import { connackFrame, type DisconnectProperties, disconnectFrame } from '../wire/encode.ts'
import { Reason } from '../wire/reason.ts'

type Version = 0 | 3 | 4 | 5

/** What a last packet may say beside its reason. */
export type LastWords = Pick<DisconnectProperties, 'reasonString' | 'serverReference'>

/** DISCONNECT to an open session, with as many of the words as fit; 3.x has none. `maxPacketBytes`: what the client takes. */
export function goodbye(
  version: Version,
  reason: number,
  words: LastWords,
  maxPacketBytes: number | undefined,
): Uint8Array | undefined {
  if (version !== 5) return undefined
  return shortened(words, maxPacketBytes, fitting => disconnectFrame(reason, fitting))
}

/** CONNACK with an error. Nothing for who has not sent CONNECT (version 0). */
export function refusal(
  version: Version,
  reason: number,
  words: LastWords = {},
  maxPacketBytes?: number,
): Uint8Array | undefined {
  if (version === 0) return undefined
  return shortened(words, maxPacketBytes, fitting =>
    connackFrame(version, { ...fitting, sessionPresent: false, reason }),
  )
}

/** The Reason String goes first, then the Server Reference [MQTT-3.1.2-24 of 5.0, MQTT-3.14.2-3]. */
function shortened(
  words: LastWords,
  maxPacketBytes = Number.POSITIVE_INFINITY,
  frame: (words: LastWords) => Uint8Array,
): Uint8Array {
  const full = frame(words)
  if (full.length <= maxPacketBytes) return full
  const { serverReference } = words
  const brief = serverReference === undefined ? undefined : frame({ serverReference })
  return brief !== undefined && brief.length <= maxPacketBytes ? brief : frame({})
}

/**
 * The answer to a first packet that is malformed: for a protocol level that is not spoken a 3.1.1 CONNACK 1 [MQTT3-3.1.2-2],
 * for a malformed 3.x CONNECT nothing [MQTT3-3.1.4-1]. `level`: the protocol level, if CONNECT was read as far as that.
 */
export function malformedAnswer(version: Version, reason: number, level: number | undefined): Uint8Array | undefined {
  if (reason === Reason.UnsupportedProtocolVersion && level !== undefined) return refusal(4, reason)
  return version === 5 ? refusal(5, reason) : undefined
}
