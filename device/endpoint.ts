/** Endpoints and regions as values, and the reading of endpoint URLs. Connects to nothing. */

export type Scheme = 'mqtt' | 'mqtts' | 'ws' | 'wss'

export interface Endpoint {
  /** As it identifies the endpoint: scheme, host, port and path, e.g. `mqtt://10.0.0.1:1883`. */
  readonly url: string
  readonly scheme: Scheme
  /** Without the brackets of IPv6. */
  readonly host: string
  readonly port: number
  /** Of a WebSocket; `/mqtt` if the URL has none. Empty for MQTT over TCP and TLS. */
  readonly path: string
}

export interface Region {
  readonly name: string
  /** Divides the round-trip time when regions are compared: 2 makes a region look half as far. 0: only if there is no other. */
  readonly weight: number
  /** What discovery says; an unhealthy region is chosen only if there is no other. */
  readonly healthy: boolean
  /** The first that can be reached is taken. */
  readonly endpoints: readonly Endpoint[]
}

const PORTS: Readonly<Record<Scheme, number>> = { mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 }
const ENCRYPTED: readonly Scheme[] = ['mqtts', 'wss']

export const isEncrypted = (endpoint: Endpoint): boolean => ENCRYPTED.includes(endpoint.scheme)

/** Throws an Error that names the URL: not a URL, another scheme than mqtt, mqtts, ws or wss, or one with a user in it. */
export function endpointOf(text: string): Endpoint {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw new Error(`Endpoint '${text}' is not a URL`)
  }
  const scheme = url.protocol.slice(0, -1)
  if (!isScheme(scheme)) throw new Error(`Endpoint '${text}' is none of mqtt://, mqtts://, ws:// and wss://`)
  if (url.hostname === '') throw new Error(`Endpoint '${text}' has no host`)
  if (url.username !== '' || url.password !== '')
    throw new Error(`Endpoint at ${url.host} has a user in its URL; give username and password as options`)
  // As it comes from URL it is in small letters for some schemes only.
  const hostname = url.hostname.toLowerCase()
  const port = url.port === '' ? PORTS[scheme] : Number(url.port)
  const isWebSocket = scheme === 'ws' || scheme === 'wss'
  const path = isWebSocket ? `${url.pathname === '/' ? '/mqtt' : url.pathname}${url.search}` : ''
  return {
    url: `${scheme}://${hostname}:${port}${path}`,
    scheme,
    host: hostname.replace(/^\[|\]$/g, ''),
    port,
    path,
  }
}

const isScheme = (text: string): text is Scheme => text in PORTS
