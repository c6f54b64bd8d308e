/** What Deno gives a process that devices come to: as Node, but for `Deno.serve`, which knows one certificate, asks clients for none, reads no PROXY header and shares no port. */
import { serveHttp } from '../../edge/http/serve.deno.ts'
import type { Listener } from '../../edge/listen/listener.ts'
import type { ServeHttp } from './listeners.ts'
import type { Runtime } from './serve.ts'

const serve: ServeHttp = async ({ tls, proxy, ...where }, context): Promise<Listener> => {
  const [certificate, ...named] = tls?.certificates ?? []
  const missing = [
    ...(tls?.requireClientCertificate ? ['requireClientCertificate'] : []),
    ...(named.length > 0 ? ['sni'] : []),
    ...(proxy === undefined ? [] : ['proxyProtocol']),
  ]
  if (missing.length > 0) {
    throw new Error(
      `Listener ${tls === undefined ? 'ws' : 'wss'}://${where.host}:${where.port} has ${missing.join(' and ')}, which HTTP on Deno does not offer; run it on Node or end TLS before it`,
    )
  }
  if (certificate === undefined) return serveHttp(where, context)
  const { certFile, keyFile } = certificate
  return serveHttp({ ...where, tls: { certFile, keyFile } }, context)
}

export const deno: Runtime = { serveHttp: serve }
