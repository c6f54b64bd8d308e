/** What `connect` is given, checked and completed with defaults. Touches nothing. */
import { isText, isTopic } from './checks.ts'
import { endpointsOf } from './discovery-document.ts'
import type { Endpoint, Region } from './endpoint.ts'
import { DeviceError } from './error.ts'
import { type DeviceLimits, limitsFrom } from './limits.ts'
import type { MqttOptions } from './mqtt-options.ts'
import type { Runtime } from './runtime.ts'

/** An endpoint with the region it is in; a mere URL is a region of its own, named `host:port`. */
export type EndpointOption = string | { readonly url: string; readonly region?: string; readonly weight?: number }

export interface ConnectOptions extends MqttOptions {
  /** The same in every region: the session belongs to it. */
  readonly clientId: string
  /** `mqtt://`, `mqtts://`, `ws://` and `wss://` URLs. In use until a discovery document is there. */
  readonly endpoints?: readonly EndpointOption[]
  /** URLs of discovery documents, e.g. `http://edge:8080/regions`; several are asked in turn. */
  readonly discovery?: string | readonly string[]
  /** The region to be in whenever it can be reached, whatever the others' round-trip times are. */
  readonly preferRegion?: string
  /**
   * 'shared' (default): the session goes with the device, as between regions of Meridian. 'separate': every endpoint is a broker of its own,
   * so a session found at another one than the last is stale and is forgotten (Clean Start).
   */
  readonly sessions?: 'shared' | 'separate'
  /** Path of the outbox's file (Node, Deno), or name of its database (browsers). Without it the outbox is in memory. One process or page at a time may use it. */
  readonly outbox?: string
  /** Gives each published message an id in the user property `mid`, by which receivers recognise duplicates. MQTT 5 only. */
  readonly messageIds?: boolean
  /** Default true: a message with an id that has come already is not given out again. */
  readonly suppressDuplicates?: boolean
  readonly limits?: Partial<DeviceLimits>
  /** In place of Math.random. */
  readonly random?: () => number
}

export interface Settings {
  readonly clientId: string
  readonly regions: readonly Region[]
  readonly discovery: readonly string[]
  readonly preferRegion: string | undefined
  readonly sessions: 'shared' | 'separate'
  readonly outbox: string | undefined
  readonly messageIds: boolean
  readonly suppressDuplicates: boolean
  readonly mqtt: MqttOptions
  readonly limits: DeviceLimits
  readonly random: () => number
  /** What was left out and why. */
  readonly skipped: readonly string[]
}

/** What `connect` knows: a misspelt option would do nothing otherwise. */
const KNOWN: Readonly<Record<keyof ConnectOptions, true>> = {
  ...{ clientId: true, endpoints: true, discovery: true, preferRegion: true, sessions: true, outbox: true },
  ...{ messageIds: true, suppressDuplicates: true, limits: true, random: true },
  ...{ protocolVersion: true, keepalive: true, username: true, password: true, will: true, properties: true },
  ...{ ca: true, cert: true, key: true, rejectUnauthorized: true, servername: true, ALPNProtocols: true },
  ...{ wsOptions: true, createWebsocket: true },
}

/** A day: long enough for a region to come back. */
const SESSION_EXPIRY_SEC = 86_400

/** Throws a DeviceError 'invalid' that names the option. */
export function settingsFrom(options: ConnectOptions, { schemes }: Pick<Runtime, 'schemes'>): Settings {
  checkShape(options)
  const { clientId, endpoints = [], discovery = [], preferRegion, sessions = 'shared', outbox } = options
  const { messageIds = false, suppressDuplicates = true, limits, random = Math.random, ...mqtt } = options
  const version = mqtt.protocolVersion ?? 5
  if (version !== 4 && version !== 5) throw invalid(`protocolVersion ${version} is neither 4 (MQTT 3.1.1) nor 5`)
  if (messageIds && version === 4) throw invalid('messageIds need MQTT 5: 3.1.1 has no user properties')
  if (mqtt.will !== undefined && !isTopic(mqtt.will.topic))
    throw invalid(`Topic '${mqtt.will.topic}' of the will is empty or too long, or has a wildcard or NUL in it`)
  const urls = typeof discovery === 'string' ? [discovery] : [...discovery]
  for (const url of urls) {
    if (!/^https?:$/.test(protocolOf(url))) throw invalid(`Discovery URL '${url}' is neither http:// nor https://`)
  }
  const skipped: string[] = []
  const regions = regionsOf(endpoints, schemes, skipped)
  if (regions.length === 0 && urls.length === 0)
    throw invalid(['Neither an endpoint that can be used nor a discovery URL is given', ...skipped].join('; '))
  return {
    ...{ clientId, regions, preferRegion, sessions, outbox, messageIds, suppressDuplicates, random, skipped },
    discovery: urls,
    limits: completed(limits),
    mqtt: {
      ...onlyMqtt(mqtt),
      protocolVersion: version,
      ...(version === 5 && { properties: { sessionExpiryInterval: SESSION_EXPIRY_SEC, ...mqtt.properties } }),
    },
  }
}

/** For programs without types. */
function checkShape(options: ConnectOptions): void {
  for (const name of Object.keys(options ?? {})) if (!(name in KNOWN)) throw invalid(`Option '${name}' is not known`)
  const { clientId, endpoints = [], discovery = [], sessions = 'shared', outbox } = options ?? {}
  if (typeof clientId !== 'string' || clientId === '') throw invalid('clientId is needed: the session belongs to it')
  if (!isText(clientId)) throw invalid('clientId is too long, or has NUL in it')
  if (!Array.isArray(endpoints)) throw invalid('endpoints is not a list')
  for (const url of [discovery].flat())
    if (typeof url !== 'string') throw invalid('discovery is neither a URL nor a list of URLs')
  if (sessions !== 'shared' && sessions !== 'separate')
    throw invalid(`sessions '${sessions}' is neither 'shared' nor 'separate'`)
  if (outbox !== undefined && (typeof outbox !== 'string' || outbox === '')) throw invalid('outbox is not a name')
}

function regionsOf(given: readonly EndpointOption[], schemes: Runtime['schemes'], skipped: string[]): Region[] {
  const regions = new Map<string, { weight: number; endpoints: Endpoint[] }>()
  const urls = new Set<string>()
  for (const each of given) {
    const option = typeof each === 'string' ? { url: each } : each
    if (typeof option?.url !== 'string') throw invalid(`Endpoint ${JSON.stringify(each)} is neither a URL nor has one`)
    const { url, region, weight = 1 } = option
    if (region === '') throw invalid(`Region of endpoint '${url}' has no name`)
    if (!(weight >= 0)) throw invalid(`Endpoint '${url}' has the weight ${weight}, which is no number from 0 on`)
    const before = skipped.length
    const [endpoint] = endpointsOf([url], schemes, skipped)
    if (endpoint === undefined) {
      if (skipped.length === before) skipped.push(`Endpoint '${url}' cannot be used here: ${schemes.join(', ')} can`)
      continue
    }
    if (urls.has(endpoint.url)) throw invalid(`Endpoint '${endpoint.url}' is given twice`)
    urls.add(endpoint.url)
    const name = region ?? nameOf(endpoint)
    const known = regions.get(name)
    if (known === undefined) regions.set(name, { weight, endpoints: [endpoint] })
    else known.endpoints.push(endpoint)
  }
  return [...regions].map(([name, region]) => ({ name, healthy: true, ...region }))
}

/** Name of the region that an endpoint is by itself. */
export const nameOf = ({ host, port }: Endpoint): string => `${host.includes(':') ? `[${host}]` : host}:${port}`

function completed(limits: Partial<DeviceLimits> | undefined): DeviceLimits {
  try {
    return limitsFrom(limits)
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error))
  }
}

function protocolOf(url: string): string {
  try {
    return new URL(url).protocol
  } catch {
    return ''
  }
}

/** Leaves the SDK's own options out. */
function onlyMqtt(options: MqttOptions & Partial<ConnectOptions>): MqttOptions {
  const { clientId, endpoints, discovery, preferRegion, sessions, outbox, ...mqtt } = options
  return mqtt
}

const invalid = (text: string): DeviceError => new DeviceError('invalid', text)
