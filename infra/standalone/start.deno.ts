/** `meridian start` on Deno: the same, but for `Deno.serve`, which can do less with TLS. */
import { serveHttp } from '../../edge/http/serve.deno.ts'
import type { ServeHttpOptions } from './listeners.ts'
import { standalone } from './start.ts'

type Tls = NonNullable<ServeHttpOptions['tls']>

/** One certificate. Throws for what would otherwise be left out in silence, and leave a door open. */
function onlyCertificate({ certificates, requireClientCertificate }: Tls): Tls['certificates'][number] {
  const [first, ...others] = certificates
  if (requireClientCertificate)
    throw new Error('A wss listener on Deno cannot ask for client certificates (requireClientCertificate): use Node')
  if (first === undefined || others.length > 0)
    throw new Error('A wss listener on Deno has one certificate, not several by server name (sni): use Node')
  return first
}

export const startStandalone = standalone({
  serveHttp: async (options, context) => {
    const { tls, ...where } = options
    if (tls === undefined) return serveHttp(where, context)
    const { certFile, keyFile } = onlyCertificate(tls)
    return serveHttp({ ...where, tls: { certFile, keyFile } }, context)
  },
})
