/** DISCONNECT and AUTH from their bytes [MQTT5 3.14, 3.15]. */
import { protocolError } from './malformed.ts'
import type { Auth, Disconnect } from './packets.ts'
import { readProperties } from './properties.ts'
import type { Reader } from './reader.ts'
import { Reason } from './reason.ts'
import { AUTH, DISCONNECT } from './types.ts'

/** What a client may say when it leaves [MQTT5 3.14.2.1]. */
const LEAVING = new Set([0, 4, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99])

/** In 3.x the packet is empty. In MQTT 5 it may end after nothing, after the reason code, or after its properties. */
export function decodeDisconnect(r: Reader, version: number): Disconnect {
  if (version < 5 || r.left === 0) {
    r.finish()
    return { reason: Reason.NormalDisconnection, sessionExpirySec: undefined }
  }
  const reason = r.u8()
  if (!LEAVING.has(reason)) protocolError(`DISCONNECT has reason code 0x${reason.toString(16)}`) // [MQTT-3.14.2-1]
  if (r.left === 0) return { reason, sessionExpirySec: undefined }
  const { sessionExpirySec, serverReference } = readProperties(r, DISCONNECT)
  r.finish()
  if (serverReference !== undefined) protocolError('DISCONNECT from a client has a server reference')
  return { reason, sessionExpirySec }
}

/** A client continues (0x18) or asks to authenticate again (0x19) [MQTT-3.15.2-1], always with a method [MQTT5 3.15.2.2.2]. */
export function decodeAuth(r: Reader): Auth {
  if (r.left === 0) protocolError('AUTH has reason code 0x0')
  const reason = r.u8()
  if (reason !== Reason.ContinueAuthentication && reason !== Reason.ReAuthenticate)
    protocolError(`AUTH has reason code 0x${reason.toString(16)}`)
  const { authenticationMethod: method, authenticationData: data } = readProperties(r, AUTH)
  r.finish()
  if (method === undefined) protocolError('AUTH has no authentication method')
  return { reason, method, data }
}
