/** `meridian start` on Deno: the same, but for `Deno.serve`. */
import { serveHttp } from '../../edge/http/serve.deno.ts'
import { standalone } from './start.ts'

export const startStandalone = standalone({
  serveHttp: (options, context) => {
    const { tls, ...where } = options
    if (tls === undefined) return serveHttp(where, context)
    const { certFile, keyFile } = tls.certificates[0]!
    return serveHttp({ ...where, tls: { certFile, keyFile } }, context)
  },
})
