/** The options of MQTT.js: those an application may give, and those that say where to. Opens nothing. */
import type { IClientOptions } from 'mqtt'
import type { Endpoint } from './endpoint.ts'
import type { MessageProperties, QoS } from './message.ts'

export interface Will {
  readonly topic: string
  readonly payload: string | Uint8Array
  readonly qos?: QoS
  readonly retain?: boolean
  /** MQTT 5 only. */
  readonly properties?: MessageProperties & { readonly willDelayInterval?: number }
}

/** Properties of CONNECT (MQTT 5, 3.1.2.11), as MQTT.js names them. */
export interface ConnectProperties {
  /** Seconds; a day unless given. */
  readonly sessionExpiryInterval?: number
  readonly receiveMaximum?: number
  readonly maximumPacketSize?: number
  readonly topicAliasMaximum?: number
  readonly requestResponseInformation?: boolean
  readonly requestProblemInformation?: boolean
  readonly userProperties?: Readonly<Record<string, string | string[]>>
}

/** PEM; several in a list. */
export type Pem = string | Uint8Array | (string | Uint8Array)[]

/** What MQTT.js is asked for besides what the SDK decides itself. Written out here: an application needs no types of MQTT.js. */
export interface MqttOptions {
  /** 4 is MQTT 3.1.1. Default 5. */
  readonly protocolVersion?: 4 | 5
  /** Seconds, for the broker; default 30. The device itself asks by `limits.pingIntervalMs`. */
  readonly keepalive?: number
  readonly username?: string
  readonly password?: string
  readonly will?: Will
  readonly properties?: ConnectProperties
  /** Authorities the broker's certificate is checked against, in place of the system's; Node and Deno, as all about TLS. */
  readonly ca?: Pem
  /** Certificate of the device. */
  readonly cert?: Pem
  readonly key?: Pem
  /** Default true. */
  readonly rejectUnauthorized?: boolean
  /** Name the broker's certificate must have, if it is not the endpoint's host. */
  readonly servername?: string
  readonly ALPNProtocols?: string[]
  /** Options of `ws`, such as `headers`; Node and Deno. */
  readonly wsOptions?: object
  readonly createWebsocket?: (url: string, subprotocols: string[], options: object) => unknown
}

/** @internal As MQTT.js calls the same. */
export const forMqttJs = (options: MqttOptions): IClientOptions => options as IClientOptions

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
