/** SUBSCRIBE and UNSUBSCRIBE from their bytes [MQTT5 3.8, 3.10]. The grammar of filters is the session's business. */
import type { QoS } from '../../core/contract/message.ts'
import { malformed, protocolError } from './malformed.ts'
import type { Subscribe, SubscribeRequest, Unsubscribe } from './packets.ts'
import { readProperties } from './properties.ts'
import type { Reader } from './reader.ts'
import { SUBSCRIBE, UNSUBSCRIBE } from './types.ts'

export function decodeSubscribe(r: Reader, version: number): Subscribe {
  const packetId = r.packetId()
  const id = version === 5 ? (readProperties(r, SUBSCRIBE).subscriptionId ?? 0) : 0
  if (r.left === 0) protocolError('SUBSCRIBE has no topic filter') // [MQTT-3.8.3-2]
  const requests: SubscribeRequest[] = []
  while (r.left > 0) requests.push(readRequest(readFilter(r), r.u8(), version))
  return { packetId, requests, id }
}

function readRequest(filter: string, options: number, version: number): SubscribeRequest {
  if ((options & (version === 5 ? 0xc0 : 0xfc)) !== 0) malformed('SUBSCRIBE has reserved option bits set') // [MQTT-3.8.3-5]
  const qos = options & 3
  const retainHandling = (options >> 4) & 3
  if (qos === 3) {
    if (version === 5) protocolError('SUBSCRIBE has QoS 3') // [MQTT5 3.8.3.1]
    malformed('SUBSCRIBE has QoS 3') // [MQTT-3-8.3-4] of 3.1.1
  }
  if (retainHandling === 3) protocolError('SUBSCRIBE has retain handling 3') // [MQTT5 3.8.3.1]
  return {
    filter,
    qos: qos as QoS,
    noLocal: (options & 4) !== 0,
    retainAsPublished: (options & 8) !== 0,
    retainHandling: retainHandling as 0 | 1 | 2,
  }
}

export function decodeUnsubscribe(r: Reader, version: number): Unsubscribe {
  const packetId = r.packetId()
  if (version === 5) readProperties(r, UNSUBSCRIBE)
  if (r.left === 0) protocolError('UNSUBSCRIBE has no topic filter') // [MQTT-3.10.3-2]
  const filters: string[] = []
  while (r.left > 0) filters.push(readFilter(r))
  return { packetId, filters }
}

function readFilter(r: Reader): string {
  const filter = r.string()
  if (filter === '') protocolError(`${r.packet} has an empty topic filter`) // [MQTT-4.7.3-1]
  return filter
}
