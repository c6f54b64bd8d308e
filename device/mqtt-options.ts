/** The options of MQTT.js: those an application may give, and those that say where to. Opens nothing. */
import type { IClientOptions } from 'mqtt'
import type { Endpoint } from './endpoint.ts'

/** What MQTT.js is asked for besides what the SDK decides itself. */
export type MqttOptions = Pick<
  IClientOptions,
  | 'protocolVersion'
  | 'keepalive'
  | 'username'
  | 'password'
  | 'will'
  | 'properties'
  | 'ca'
  | 'cert'
  | 'key'
  | 'rejectUnauthorized'
  | 'servername'
  | 'ALPNProtocols'
  | 'wsOptions'
  | 'createWebsocket'
>

/** Leads MQTT.js to this endpoint: every option that another endpoint may have left is set. */
export const leadingTo = (endpoint: Endpoint, servername: string | undefined): object => ({
  protocol: endpoint.scheme,
  host: endpoint.host,
  hostname: endpoint.path !== '' && endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host,
  port: endpoint.port,
  // A path makes MQTT.js dial a Unix socket if the scheme is mqtt.
  path: endpoint.path === '' ? undefined : endpoint.path,
  servername,
})
