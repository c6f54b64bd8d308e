/** CONNECT from its bytes [MQTT5 3.1]. Copies what it returns: a session keeps it. Client id policy and rights are the session's. */
import type { TopicName } from '../../core/contract/ids.ts'
import type { QoS } from '../../core/contract/message.ts'
import type { Will } from '../../core/contract/session.ts'
import { Malformed, malformed, protocolError } from './malformed.ts'
import type { Connect, Version } from './packets.ts'
import { type Properties, readProperties, WILL } from './properties.ts'
import { encodeProps } from './props.ts'
import { checkResponseTopic } from './publish.ts'
import type { Reader } from './reader.ts'
import { Reason } from './reason.ts'
import { hasWildcard } from './topic.ts'
import { CONNECT } from './types.ts'

const USERNAME = 0x80
const PASSWORD = 0x40
const WILL_RETAIN = 0x20
const WILL_FLAG = 0x04
const CLEAN_START = 0x02
const RESERVED = 0x01

/** Reads the protocol name and returns the level after it. Raises 0x84 for a foreign name [MQTT-3.1.2-1]. */
export function readLevel(r: Reader): { readonly name: string; readonly level: number } {
  const name = r.string()
  if (name !== 'MQTT' && name !== 'MQIsdp') unsupported(`Protocol name '${name.slice(0, 20)}' is not MQTT`)
  return { name, level: r.u8() }
}

/** Raises 0x84 for a level that is not spoken here [MQTT-3.1.2-2], among them 0x83 and 0x84, by which bridges ask for their own rules. */
export function checkLevel({ name, level }: { readonly name: string; readonly level: number }): Version {
  if (name === 'MQIsdp' && level === 3) return level
  if (name === 'MQTT' && (level === 4 || level === 5)) return level
  return unsupported(`Protocol ${name} has unknown level ${level}`)
}

function unsupported(detail: string): never {
  throw new Malformed(Reason.UnsupportedProtocolVersion, detail)
}

const NO_PROPERTIES: Properties = {}

/** Reads what follows the level. Raises `Malformed`. */
export function decodeConnect(r: Reader, version: Version): Connect {
  const flags = r.u8()
  checkFlags(flags, version)
  const keepAliveSec = r.u16()
  const properties = version === 5 ? readProperties(r, CONNECT) : NO_PROPERTIES
  if (properties.authenticationData !== undefined && properties.authenticationMethod === undefined)
    protocolError('CONNECT has authentication data without a method')
  const clientId = r.string()
  const will = (flags & WILL_FLAG) !== 0 ? readWill(r, flags, version) : undefined
  // MQTT 3.1 lets a client set the flags and leave the fields out
  const optional = (flag: number) => (flags & flag) !== 0 && (version > 3 || r.left > 0)
  const username = optional(USERNAME) ? r.string() : undefined
  const password = optional(PASSWORD) ? r.binary() : undefined
  r.finish()
  return {
    version,
    clientId,
    cleanStart: (flags & CLEAN_START) !== 0,
    keepAliveSec,
    username,
    password,
    will,
    sessionExpirySec: properties.sessionExpirySec,
    receiveMaximum: properties.receiveMaximum,
    maximumPacketSize: properties.maximumPacketSize,
    topicAliasMaximum: properties.topicAliasMaximum,
    requestResponseInformation: properties.requestResponseInformation ?? false,
    requestProblemInformation: properties.requestProblemInformation ?? true,
    userProperties: properties.userProperties ?? [],
    authenticationMethod: properties.authenticationMethod,
    authenticationData: properties.authenticationData,
  }
}

function checkFlags(flags: number, version: Version): void {
  if ((flags & RESERVED) !== 0) malformed('CONNECT has its reserved flag set') // [MQTT-3.1.2-3]
  const willQos = (flags >> 3) & 3
  if (willQos === 3) malformed('CONNECT has will QoS 3') // [MQTT-3.1.2-12]
  // [MQTT-3.1.2-11, -13]
  if ((flags & WILL_FLAG) === 0 && (willQos !== 0 || (flags & WILL_RETAIN) !== 0))
    malformed('CONNECT has will QoS or will retain without a will')
  // [MQTT-3.1.2-22] of 3.1.1; MQTT 5 allows it
  if (version < 5 && (flags & PASSWORD) !== 0 && (flags & USERNAME) === 0)
    malformed('CONNECT has a password without a user name')
}

function readWill(r: Reader, flags: number, version: Version): Will {
  const properties = version === 5 ? readProperties(r, WILL) : NO_PROPERTIES
  if (properties.responseTopic !== undefined) checkResponseTopic(properties.responseTopic)
  const topic = r.string()
  if (topic === '' || hasWildcard(topic))
    throw new Malformed(Reason.TopicNameInvalid, `Will topic '${topic.slice(0, 100)}' is empty or has a wildcard`)
  return {
    topic: topic as TopicName,
    payload: r.binary(),
    qos: ((flags >> 3) & 3) as QoS,
    retain: (flags & WILL_RETAIN) !== 0,
    props: encodeProps(properties),
    delaySec: properties.willDelaySec ?? 0,
    expirySec: properties.messageExpirySec,
  }
}
