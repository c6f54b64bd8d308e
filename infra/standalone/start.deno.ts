/** `meridian start` on Deno: the same, but for `Deno.serve`, which knows one certificate and asks clients for none. */
import { serveHttp } from '../../edge/http/serve.deno.ts'
import type { Listener } from '../../edge/listen/listener.ts'
import type { ServeHttp } from './listeners.ts'
import { standalone } from './start.ts'

const serve: ServeHttp = async ({ tls, host, port }, context): Promise<Listener> => {
  if (tls === undefined) return serveHttp({ host, port }, context)
  const [certificate, ...named] = tls.certificates
  const missing = [
    ...(tls.requireClientCertificate ? ['requireClientCertificate'] : []),
    ...(named.length > 0 ? ['sni'] : []),
  ]
  if (certificate === undefined || missing.length > 0) {
    throw new Error(
      `Listener wss://${host}:${port} has ${missing.join(' and ')}, which HTTP on Deno does not offer; run it on Node or end TLS before it`,
    )
  }
  const { certFile, keyFile } = certificate
  return serveHttp({ host, port, tls: { certFile, keyFile } }, context)
}

export const startStandalone = standalone({ serveHttp: serve })
