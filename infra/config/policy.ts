/** Rules between settings: who may connect without being known, and listeners that cannot work. Judges values that the schema has accepted. */
import { hostname } from 'node:os'
import type { CoreConfig, CoreSettings, Stores } from './core.ts'
import type { EdgeConfig, EdgeSettings } from './edge.ts'
import { checkCoreLink, checkEdgeLink, checkPeers, coreUrl, peersOf } from './link-policy.ts'
import type { ListenerSettings } from './listeners.ts'
import { isLoopback } from './loopback.ts'
import { ConfigError } from './problem.ts'
import { checkRegions } from './regions.ts'
import type { Config, ResolvedAuth, Settings } from './schema.ts'

type DeviceSide = Pick<Settings, 'host' | 'mqttPort' | 'httpPort' | 'listeners' | 'auth'>

/**
 * Fills in what depends on other settings; throws a ConfigError for what must not run. `hosted`: the host of the process
 * lets clients in, from anywhere.
 */
export const resolveStart = (settings: Settings, hosted: boolean): Config => ({
  ...settings,
  auth: resolveAccess(settings, hosted, []),
})

/** As `resolveStart`, for an edge of its own. */
export function resolveEdge(settings: EdgeSettings, hosted: boolean): EdgeConfig {
  const core = [...new Set(settings.core.map(coreUrl))]
  const found = [...checkEdgeLink(settings, core), ...checkRegions(settings.region, settings.regions)]
  const auth = resolveAccess(settings, hosted, found)
  return { ...settings, id: settings.id ?? nameOfHost(), core, auth }
}

/** As `resolveStart`, for a core of its own. */
export function resolveCore(settings: CoreSettings): CoreConfig {
  const {
    rocketmq,
    rocketmqTls,
    rocketmqCaFile,
    rocketmqAccessKey,
    rocketmqAccessSecret,
    state,
    redisCaFile,
    dataDir,
    peer,
    ...rest
  } = settings
  const peers = peersOf(peer)
  const problems = [...checkCoreLink(settings), ...checkPeers(settings, peers)]
  const stores = storesOf(settings)
  if (stores === undefined) {
    problems.push(
      'Where messages and sessions are kept is not clear: give rocketmq (--rocketmq HOST:PORT) and state (--state redis://HOST:PORT), or dataDir (--data-dir) alone',
    )
  }
  if ((rocketmqAccessKey === undefined) !== (rocketmqAccessSecret === undefined))
    problems.push('rocketmqAccessKey and rocketmqAccessSecret belong together; one of them is missing')
  if (rocketmqCaFile !== undefined && !rocketmqTls)
    problems.push('rocketmqCaFile needs rocketmqTls (--rocketmq-tls): without TLS no certificate is checked')
  if (redisCaFile !== undefined && !state?.startsWith('rediss:'))
    problems.push(
      state?.startsWith('upstash+https:')
        ? 'redisCaFile is for rediss:// alone: for upstash+https:// name the file in the variable NODE_EXTRA_CA_CERTS'
        : 'redisCaFile needs state to be rediss://…: without TLS no certificate is checked',
    )
  if (stores?.are === 'embedded' && settings.bridge.in.length + settings.bridge.out.length > 0)
    problems.push('bridge has rules, but with dataDir there is no RocketMQ; give rocketmq and state')
  if (problems.length > 0 || stores === undefined) throw new ConfigError(problems)
  return { ...rest, id: settings.id ?? nameOfHost(), stores, peers }
}

/** Undefined if both are given, or none whole. */
function storesOf(settings: CoreSettings): Stores | undefined {
  const { rocketmq, rocketmqAccessKey: accessKey, rocketmqAccessSecret: secretKey } = settings
  const { rocketmqTls, rocketmqCaFile: caFile, state, redisCaFile, dataDir } = settings
  if (dataDir !== undefined && rocketmq === undefined && state === undefined) return { are: 'embedded', dataDir }
  if (dataDir !== undefined || rocketmq === undefined || state === undefined) return undefined
  const credentials = accessKey === undefined || secretKey === undefined ? undefined : { accessKey, secretKey }
  const tls = rocketmqTls ? { caFile } : undefined
  return { are: 'apart', rocketmq: { endpoint: rocketmq, tls, credentials }, state, redisCaFile }
}

/** As an `id` may be written. */
const nameOfHost = (): string =>
  hostname()
    .replace(/[^A-Za-z0-9_-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 40) || 'host'

/** Who may connect. `found`: what is wrong already. */
function resolveAccess(settings: DeviceSide, hosted: boolean, found: readonly string[]): ResolvedAuth {
  const problems = [...found, ...settings.listeners.flatMap(checkListener), ...checkKinds(settings.listeners)]
  const exposed = hosted ? [HOST] : exposedPlaces(settings)
  const authenticates = settings.auth.passwordFile !== undefined
  const allowAnonymous =
    settings.auth.allowAnonymous ??
    (!authenticates && exposed.length === 0 && !settings.listeners.some(usesCertificates))
  const open = exposed.filter(place => !place.authenticated)
  if (open.length > 0 && !authenticates && !allowAnonymous) {
    problems.push(
      `Anybody could connect to ${open.map(place => place.name).join(', ')}: set auth.passwordFile (${hosted ? 'MERIDIAN_AUTH_PASSWORD_FILE' : '--auth-password-file'}), ` +
        (hosted
          ? 'or accept everybody with MERIDIAN_ALLOW_ANONYMOUS=true'
          : 'bind to 127.0.0.1 (--host), or accept everybody with --allow-anonymous'),
    )
  }
  const nobody = !authenticates && !allowAnonymous && !settings.listeners.some(usesCertificates)
  if (nobody && problems.length === 0) {
    problems.push(
      'auth.allowAnonymous is false and no other method is configured: nobody could connect; set auth.passwordFile',
    )
  }
  problems.push(...checkOrder(settings))
  if (problems.length > 0) throw new ConfigError(problems)
  const certificateListeners = [
    ...new Set(
      settings.listeners
        .filter(isTls)
        .filter(usesCertificates)
        .map(l => l.kind),
    ),
  ]
  return { ...settings.auth, allowAnonymous, certificateListeners }
}

type TlsListener = Extract<ListenerSettings, { kind: 'tls' | 'wss' }>

const isTls = (listener: ListenerSettings): listener is TlsListener =>
  listener.kind === 'tls' || listener.kind === 'wss'

const usesCertificates = (listener: ListenerSettings): boolean =>
  isTls(listener) && listener.requireClientCertificate && listener.certificateAsUsername

interface Place {
  readonly name: string
  readonly authenticated: boolean
}

const HOST: Place = { name: 'the WebSocket of the host', authenticated: false }

/** Places where somebody from another machine can speak MQTT. */
function exposedPlaces(settings: DeviceSide): Place[] {
  const places: Place[] = []
  const ports = [settings.mqttPort, settings.httpPort].filter(port => port !== 'off')
  if (ports.length > 0 && !isLoopback(settings.host)) {
    places.push({ name: ports.map(port => `${settings.host}:${port}`).join(', '), authenticated: false })
  }
  for (const listener of settings.listeners) {
    if (listener.kind === 'unix' || isLoopback(listener.host)) continue
    places.push({
      name: `${listener.kind}://${listener.host}:${listener.port}`,
      authenticated: usesCertificates(listener),
    })
  }
  return places
}

function checkListener(listener: ListenerSettings, index: number): string[] {
  if (!isTls(listener)) return []
  const key = `listeners[${index}]`
  const problems: string[] = []
  if (listener.requireClientCertificate && listener.caFile === undefined) {
    problems.push(
      `${key}.requireClientCertificate is true but ${key}.caFile is missing; name the authorities' PEM file`,
    )
  }
  if (listener.certificateAsUsername && !listener.requireClientCertificate) {
    problems.push(`${key}.certificateAsUsername needs ${key}.requireClientCertificate: true`)
  }
  return problems
}

/** A peer carries the kind of its listener and nothing else of it, so listeners of one kind must agree on what a certificate means. */
function checkKinds(listeners: readonly ListenerSettings[]): string[] {
  return (['tls', 'wss'] as const).flatMap(kind => {
    const same = listeners.filter(isTls).filter(listener => listener.kind === kind)
    const others = same.filter(listener => !usesCertificates(listener))
    const mixed = others.some(other => other.requireClientCertificate || other.proxyProtocol)
    if (!same.some(usesCertificates) || !mixed) return []
    return [
      `listeners of kind ${kind} differ in certificateAsUsername; where one uses it, the others must not ask for certificates or use proxyProtocol`,
    ]
  })
}

function checkOrder(settings: DeviceSide): string[] {
  const { order, passwordFile } = settings.auth
  const problems: string[] = []
  if (new Set(order).size !== order.length) problems.push('auth.order names a method twice; allowed: each at most once')
  if (passwordFile !== undefined && !order.includes('password')) {
    problems.push("auth.passwordFile is set but auth.order does not list 'password'")
  }
  if (settings.auth.allowAnonymous === true && !order.includes('anonymous')) {
    problems.push("auth.allowAnonymous is true but auth.order does not list 'anonymous'")
  }
  if (settings.listeners.some(usesCertificates) && !order.includes('certificate')) {
    problems.push("listeners use certificateAsUsername but auth.order does not list 'certificate'")
  }
  return problems
}
