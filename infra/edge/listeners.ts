/** Opens the listeners of a configuration: the two ports of the command line and the list behind them. Closes all again if one cannot be opened. */
import type { Limits } from '../../core/contract/limits.ts'
import type { HttpContext, Pages } from '../../edge/http/context.ts'
import type { AcceptGate } from '../../edge/listen/accept-limit.ts'
import type { TlsEvent, TlsFiles } from '../../edge/listen/certificates.node.ts'
import type { Listener } from '../../edge/listen/listener.ts'
import { type ProxyOptions, withProxyProtocol } from '../../edge/listen/proxy-protocol.ts'
import { listenTcp } from '../../edge/listen/tcp.node.ts'
import { listenTls } from '../../edge/listen/tls.node.ts'
import type { ConnectionFactory } from '../../edge/listen/transport.ts'
import { listenUnix } from '../../edge/listen/unix.node.ts'
import type { EdgeStats } from '../../edge/stats.ts'
import type { EdgeConfig } from '../config/edge.ts'
import type { ListenerSettings } from '../config/listeners.ts'

export interface ServeHttpOptions {
  readonly host: string
  readonly port: number
  readonly pages?: Pages
  readonly tls?: TlsFiles
  readonly proxy?: ProxyOptions
  readonly reusePort?: boolean
  readonly onEvent?: (event: TlsEvent) => void
}
/** HTTP differs by runtime: `edge/http/serve.node.ts` or `serve.deno.ts`. */
export type ServeHttp = (options: ServeHttpOptions, context: HttpContext) => Promise<Listener>

export interface ListenersOptions {
  readonly config: Pick<EdgeConfig, 'host' | 'mqttPort' | 'httpPort' | 'httpPages' | 'listeners'>
  readonly factory: ConnectionFactory
  readonly gate: AcceptGate
  readonly stats: EdgeStats
  readonly limits: Limits
  /** Other processes listen on the same ports. */
  readonly reusePort: boolean
  readonly http: HttpContext
  readonly serveHttp: ServeHttp
  readonly onEvent: (event: TlsEvent) => void
  /** Gets each listener as soon as it is open. */
  readonly opened: (listener: Listener) => void
}

export async function openListeners(o: ListenersOptions): Promise<void> {
  const { config } = o
  const { host } = config
  if (config.mqttPort !== 'off')
    o.opened(await open({ kind: 'tcp', host, port: config.mqttPort, proxyProtocol: false }, o))
  if (config.httpPort !== 'off')
    o.opened(await o.serveHttp({ host, port: config.httpPort, pages: config.httpPages, ...shared(o) }, o.http))
  for (const listener of config.listeners) o.opened(await open(listener, o))
}

function open(l: ListenerSettings, o: ListenersOptions): Promise<Listener> {
  const { gate, factory, onEvent } = o
  const handshakeTimeoutMs = o.limits.connectTimeoutMs
  const onBad = (detail: string, address: string): void => onEvent({ is: 'handshake-failed', address, detail })
  const proxy: ProxyOptions = { timeoutMs: handshakeTimeoutMs, stats: o.stats, onBad }
  const behindProxy = 'proxyProtocol' in l && l.proxyProtocol ? { proxy } : {}
  switch (l.kind) {
    case 'tcp':
      return listenTcp(
        { host: l.host, port: l.port, gate, ...shared(o) },
        l.proxyProtocol ? withProxyProtocol(factory, proxy) : factory,
      )
    case 'tls': {
      const options = { host: l.host, port: l.port, gate, tls: tlsFiles(l), handshakeTimeoutMs, onEvent }
      return listenTls({ ...options, ...behindProxy, ...shared(o) }, factory)
    }
    case 'unix':
      return listenUnix({ path: l.path, gate }, factory)
    case 'ws':
    case 'wss': {
      const tls = l.kind === 'wss' ? { tls: tlsFiles(l) } : {}
      const options = { host: l.host, port: l.port, pages: l.pages, onEvent, ...tls }
      return o.serveHttp({ ...options, ...behindProxy, ...shared(o) }, o.http)
    }
  }
}

const shared = ({ reusePort }: ListenersOptions): { reusePort?: true } => (reusePort ? { reusePort } : {})

type Tls = Extract<ListenerSettings, { kind: 'tls' | 'wss' }>

const tlsFiles = (l: Tls): TlsFiles => ({
  certificates: [{ certFile: l.certFile, keyFile: l.keyFile }, ...l.sni],
  ...(l.caFile === undefined ? {} : { caFile: l.caFile }),
  requireClientCertificate: l.requireClientCertificate,
})
