/**
 * Every packet a server sends, to bytes; PUBLISH is in `frame.ts`. Decides nothing: whether a reason string may be sent (Request
 * Problem Information, Maximum Packet Size) is the session's business. Throws RangeError for a string or data longer than 65,535 bytes.
 */
import { type AckType, PUBREL, type Version } from './packets.ts'
import { type Properties, writeProperties } from './properties.ts'
import { connackCode3 } from './reason.ts'
import { carve } from './slab.ts'
import { AUTH, CONNACK, DISCONNECT, PINGRESP, SUBACK, UNSUBACK } from './types.ts'
import { Writer } from './writer.ts'

export { Frame, type PublishOptions, publishFrame } from './frame.ts'
export { encodeProps, type MessageProperties, readProps } from './props.ts'

/** What most answers may carry in MQTT 5. */
export type Explanation = Pick<Properties, 'reasonString' | 'userProperties'>

export type ConnackProperties = Explanation &
  Pick<
    Properties,
    | 'sessionExpirySec'
    | 'receiveMaximum'
    | 'maximumQos'
    | 'retainAvailable'
    | 'maximumPacketSize'
    | 'assignedClientId'
    | 'topicAliasMaximum'
    | 'wildcardSubscriptionAvailable'
    | 'subscriptionIdentifiersAvailable'
    | 'sharedSubscriptionAvailable'
    | 'serverKeepAliveSec'
    | 'responseInformation'
    | 'serverReference'
    | 'authenticationMethod'
    | 'authenticationData'
  >

export type ConnackOptions = ConnackProperties & { readonly sessionPresent: boolean; readonly reason: number }

/** `reason` is the MQTT 5 code in every version. Session Present is 0 with a refusal [MQTT-3.2.2-6] and before 3.1.1. */
export function connackFrame(version: Version, options: ConnackOptions): Uint8Array {
  const { sessionPresent, reason } = options
  const present = sessionPresent && reason === 0 && version > 3 ? 1 : 0
  const w = new Writer().u8(present)
  if (version === 5) writeProperties(w.u8(reason), options)
  else w.u8(reason === 0 ? 0 : connackCode3(reason))
  return w.packet(CONNACK << 4)
}

const ackHeader = (type: AckType): number => (type << 4) | (type === PUBREL ? 2 : 0)

/** A PUBACK, PUBREC, PUBREL or PUBCOMP with reason 0x00: the same four bytes in every version. */
export function ackBytes(type: AckType, packetId: number): Uint8Array {
  const bytes = carve(4)
  bytes[0] = ackHeader(type)
  bytes[1] = 2
  bytes[2] = packetId >> 8
  bytes[3] = packetId & 0xff
  return bytes
}

/** The same with a reason code and properties, which 3.x has not. */
export function ackFrame(
  version: Version,
  type: AckType,
  packetId: number,
  reason: number,
  properties?: Explanation,
): Uint8Array {
  const explained = properties?.reasonString !== undefined || (properties?.userProperties?.length ?? 0) > 0
  if (version < 5 || (reason === 0 && !explained)) return ackBytes(type, packetId)
  const w = new Writer().u16(packetId).u8(reason)
  if (explained) writeProperties(w, properties ?? {})
  return w.packet(ackHeader(type))
}

/** `codes`: granted QoS or an MQTT 5 reason, one for each filter; 3.x gets 0x80 for every refusal [MQTT-3.9.3-2]. */
export function subackFrame(
  version: Version,
  packetId: number,
  codes: readonly number[],
  properties: Explanation = {},
): Uint8Array {
  const w = new Writer().u16(packetId)
  if (version === 5) writeProperties(w, properties)
  for (const code of codes) w.u8(version === 5 || code < 0x80 ? code : 0x80)
  return w.packet(SUBACK << 4)
}

/** `codes` has one reason for each filter; 3.x sends none. */
export function unsubackFrame(
  version: Version,
  packetId: number,
  codes: readonly number[],
  properties: Explanation = {},
): Uint8Array {
  const w = new Writer().u16(packetId)
  if (version === 5) {
    writeProperties(w, properties)
    for (const code of codes) w.u8(code)
  }
  return w.packet(UNSUBACK << 4)
}

/** PINGRESP. Shared: nobody writes to it. */
export const pingresp: Uint8Array = new Uint8Array([PINGRESP << 4, 0])

export type DisconnectProperties = Explanation & Pick<Properties, 'serverReference'>

/** MQTT 5 only: a 3.x server just closes. A server sends no Session Expiry Interval [MQTT-3.14.2-2]. */
export function disconnectFrame(reason: number, properties: DisconnectProperties = {}): Uint8Array {
  const w = new Writer()
  writeProperties(w.u8(reason), properties)
  return w.packet(DISCONNECT << 4)
}

/** MQTT 5 only. `reason` is 0x00 or 0x18 from a server [MQTT-3.15.2-1]. */
export function authFrame(
  reason: number,
  method: string,
  data: Uint8Array | undefined,
  properties: Explanation = {},
): Uint8Array {
  const w = new Writer()
  writeProperties(w.u8(reason), { ...properties, authenticationMethod: method, authenticationData: data })
  return w.packet(AUTH << 4)
}
