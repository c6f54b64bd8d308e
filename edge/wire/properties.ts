/** The table of MQTT 5 properties [MQTT5 2.2.2.2], and reading and writing them as named values. PUBLISH has its own reader in `publish.ts`. */
import { NO_BYTES } from '../../core/contract/message.ts'
import { malformed, protocolError } from './malformed.ts'
import type { UserProperties } from './packets.ts'
import type { Reader } from './reader.ts'
import { AUTH, CONNACK, CONNECT, DISCONNECT, PUBLISH, SUBACK, SUBSCRIBE, UNSUBACK } from './types.ts'
import { Writer } from './writer.ts'

/** Property values by name; absent ones are undefined. Seconds and bytes as the names say. */
export interface Properties {
  payloadFormat?: number | undefined
  messageExpirySec?: number | undefined
  contentType?: string | undefined
  responseTopic?: string | undefined
  correlationData?: Uint8Array | undefined
  subscriptionId?: number | undefined
  sessionExpirySec?: number | undefined
  assignedClientId?: string | undefined
  serverKeepAliveSec?: number | undefined
  authenticationMethod?: string | undefined
  authenticationData?: Uint8Array | undefined
  requestProblemInformation?: boolean | undefined
  willDelaySec?: number | undefined
  requestResponseInformation?: boolean | undefined
  responseInformation?: string | undefined
  serverReference?: string | undefined
  reasonString?: string | undefined
  receiveMaximum?: number | undefined
  topicAliasMaximum?: number | undefined
  topicAlias?: number | undefined
  maximumQos?: number | undefined
  retainAvailable?: boolean | undefined
  userProperties?: UserProperties | undefined
  maximumPacketSize?: number | undefined
  wildcardSubscriptionAvailable?: boolean | undefined
  subscriptionIdentifiersAvailable?: boolean | undefined
  sharedSubscriptionAvailable?: boolean | undefined
}

type Named<T> = {
  [K in keyof Properties]-?: Exclude<Properties[K], undefined> extends T ? K : never
}[keyof Properties]

type Property = { readonly packets: number } & (
  | { readonly kind: 'flag'; readonly name: Named<boolean> }
  | {
      readonly kind: 'byte' | 'two' | 'four' | 'varint'
      readonly name: Named<number>
      readonly least?: number
      readonly most?: number
    }
  | { readonly kind: 'string'; readonly name: Named<string> }
  | { readonly kind: 'binary'; readonly name: Named<Uint8Array> }
  | { readonly kind: 'pair'; readonly name: 'userProperties' }
)

/** Will properties have the place of packet type 0, which does not exist. */
export const WILL = 0
const PUBACK_TO_PUBCOMP = [4, 5, 6, 7]
const places = (...types: number[]): number => types.reduce((mask, type) => mask | (1 << type), 0)
const inMessages = places(PUBLISH, WILL)
const inAuth = places(CONNECT, CONNACK, AUTH)
const inConnack = places(CONNACK)
const anywhere = 0xffff

/** By identifier. Ranges beyond the type's own are the ones whose violation the standard calls a protocol error. */
const TABLE: Readonly<Record<number, Property>> = {
  1: { name: 'payloadFormat', kind: 'byte', most: 1, packets: inMessages },
  2: { name: 'messageExpirySec', kind: 'four', packets: inMessages },
  3: { name: 'contentType', kind: 'string', packets: inMessages },
  8: { name: 'responseTopic', kind: 'string', packets: inMessages },
  9: { name: 'correlationData', kind: 'binary', packets: inMessages },
  11: { name: 'subscriptionId', kind: 'varint', least: 1, packets: places(PUBLISH, SUBSCRIBE) },
  17: { name: 'sessionExpirySec', kind: 'four', packets: places(CONNECT, CONNACK, DISCONNECT) },
  18: { name: 'assignedClientId', kind: 'string', packets: inConnack },
  19: { name: 'serverKeepAliveSec', kind: 'two', packets: inConnack },
  21: { name: 'authenticationMethod', kind: 'string', packets: inAuth },
  22: { name: 'authenticationData', kind: 'binary', packets: inAuth },
  23: { name: 'requestProblemInformation', kind: 'flag', packets: places(CONNECT) },
  24: { name: 'willDelaySec', kind: 'four', packets: places(WILL) },
  25: { name: 'requestResponseInformation', kind: 'flag', packets: places(CONNECT) },
  26: { name: 'responseInformation', kind: 'string', packets: inConnack },
  28: { name: 'serverReference', kind: 'string', packets: places(CONNACK, DISCONNECT) },
  31: {
    name: 'reasonString',
    kind: 'string',
    packets: places(CONNACK, ...PUBACK_TO_PUBCOMP, SUBACK, UNSUBACK, DISCONNECT, AUTH),
  },
  33: { name: 'receiveMaximum', kind: 'two', least: 1, packets: places(CONNECT, CONNACK) },
  34: { name: 'topicAliasMaximum', kind: 'two', packets: places(CONNECT, CONNACK) },
  35: { name: 'topicAlias', kind: 'two', least: 1, packets: places(PUBLISH) },
  36: { name: 'maximumQos', kind: 'byte', most: 1, packets: inConnack },
  37: { name: 'retainAvailable', kind: 'flag', packets: inConnack },
  38: { name: 'userProperties', kind: 'pair', packets: anywhere },
  39: { name: 'maximumPacketSize', kind: 'four', least: 1, packets: places(CONNECT, CONNACK) },
  40: { name: 'wildcardSubscriptionAvailable', kind: 'flag', packets: inConnack },
  41: { name: 'subscriptionIdentifiersAvailable', kind: 'flag', packets: inConnack },
  42: { name: 'sharedSubscriptionAvailable', kind: 'flag', packets: inConnack },
}
const BY_NAME = new Map<string, { readonly id: number; readonly property: Property }>(
  Object.entries(TABLE).map(([id, property]) => [property.name, { id: Number(id), property }]),
)

/**
 * Reads a property list with its length prefix. `place` is the packet type, or WILL. Raises `Malformed`: 0x81 for an
 * identifier that is unknown or has no business here, 0x82 for a repeated one or a value out of range.
 */
export function readProperties(r: Reader, place: number): Properties {
  const size = r.varint()
  if (size > r.left) malformed(`${r.packet} ends inside its properties`)
  const found: Properties = {}
  if (size === 0) return found
  const end = r.end
  r.end = r.at + size
  readList(r, place, found)
  r.end = end
  return found
}

/** Reads properties up to the reader's end. */
export function readList(r: Reader, place: number, found: Properties): void {
  const pairs: [string, string][] = []
  while (r.left > 0) {
    const id = r.varint()
    const property = TABLE[id]
    if (property === undefined || (property.packets & (1 << place)) === 0)
      malformed(`${r.packet} has property ${id}, which does not belong there`)
    if (property.kind === 'pair') pairs.push([r.string(), r.string()])
    else {
      if (found[property.name] !== undefined) protocolError(`${r.packet} has property ${id} twice`)
      readValue(r, property, found)
    }
  }
  if (pairs.length > 0) found.userProperties = pairs
}

function readValue(r: Reader, property: Exclude<Property, { kind: 'pair' }>, found: Properties): void {
  switch (property.kind) {
    case 'flag': {
      const value = r.u8()
      if (value > 1) protocolError(`${r.packet} has ${property.name} ${value}`)
      found[property.name] = value === 1
      return
    }
    case 'string':
      found[property.name] = r.string()
      return
    case 'binary':
      found[property.name] = r.binary()
      return
    default: {
      const { kind } = property
      const value = kind === 'byte' ? r.u8() : kind === 'two' ? r.u16() : kind === 'four' ? r.u32() : r.varint()
      if (value < (property.least ?? 0) || value > (property.most ?? 0xffffffff))
        protocolError(`${r.packet} has ${property.name} ${value}`)
      found[property.name] = value
    }
  }
}

/** Writes a property list with its length prefix; undefined values are left out. */
export function writeProperties(w: Writer, properties: Properties): Writer {
  const list = new Writer()
  writeList(list, properties)
  return w.varint(list.length).raw(list.view())
}

/** Writes properties without the length prefix, in the order of the object's keys; keys that are no properties are left out. */
export function writeList(w: Writer, properties: Properties): void {
  for (const name in properties) {
    const entry = BY_NAME.get(name)
    if (entry === undefined || properties[entry.property.name] === undefined) continue
    const { id, property } = entry
    if (property.kind === 'pair') {
      for (const [key, value] of properties.userProperties ?? []) w.u8(id).string(key).string(value)
      continue
    }
    w.u8(id)
    writeValue(w, property, properties)
  }
}

function writeValue(w: Writer, property: Exclude<Property, { kind: 'pair' }>, properties: Properties): void {
  switch (property.kind) {
    case 'flag':
      w.u8(properties[property.name] ? 1 : 0)
      return
    case 'string':
      w.string(properties[property.name] ?? '')
      return
    case 'binary':
      w.binary(properties[property.name] ?? NO_BYTES)
      return
    default: {
      const value = properties[property.name] ?? 0
      if (property.kind === 'byte') w.u8(value)
      else if (property.kind === 'two') w.u16(value)
      else if (property.kind === 'four') w.u32(value)
      else w.varint(value)
    }
  }
}
