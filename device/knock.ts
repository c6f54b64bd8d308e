/**
 * Asks a broker whether it would take us, before the device leaves a connection that works: a load balancer opens connections for servers
 * that are gone. Uses a client id of its own and no will, and keeps no session.
 */
import mqtt from 'mqtt'
import type { Endpoint } from './endpoint.ts'
import { forMqttJs, leadingTo, type MqttOptions } from './mqtt-options.ts'

/** Reason codes that say only that this client id has no rights, which the device's own may have: 3.1.1 has 2, 4 and 5. */
const NOT_THIS_CLIENT = new Set([2, 4, 5, 0x85, 0x86, 0x87, 0x8c])

/** Whether CONNACK came in time and did not say that the server is busy, draining or unavailable. */
export function knock(endpoint: Endpoint, clientId: string, options: MqttOptions, withinMs: number): Promise<boolean> {
  const { will, properties, ...plain } = options
  const client = mqtt.connect({
    ...forMqttJs(plain),
    ...(options.protocolVersion === 5 && { properties: { ...properties, sessionExpiryInterval: 0 } }),
    ...leadingTo(endpoint, options.servername),
    clientId: `${clientId}-knock`,
    clean: true,
    reconnectPeriod: 0,
    connectTimeout: withinMs,
  })
  return new Promise(resolve => {
    client.on('packetreceive', packet => {
      if (packet.cmd !== 'connack') return
      const code = packet.reasonCode ?? packet.returnCode ?? 0
      resolve(code === 0 || NOT_THIS_CLIENT.has(code))
    })
    client.on('connect', () => client.end())
    client.on('close', () => {
      client.end(true)
      resolve(false)
    })
  })
}
