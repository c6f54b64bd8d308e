/** Serves the HTTP app on Deno through `Deno.serve`, with or without TLS. Owns the server; must not know MQTT. */
import { type Listener, listenError } from '../listen/listener.ts'
import type { HttpContext, Pages } from './context.ts'
import { createFetch, type RequestInfo } from './fetch.deno.ts'

declare const Deno: {
  serve(
    options: {
      hostname: string
      port: number
      signal: AbortSignal
      cert?: string
      key?: string
      onListen: () => void
      onError: (error: unknown) => Response
    },
    handler: (request: Request, info: RequestInfo) => Response | Promise<Response>,
  ): { readonly addr: { readonly hostname: string; readonly port: number }; readonly finished: Promise<void> }
  readTextFile(path: string): Promise<string>
}

export interface DenoServeOptions {
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
  /** All if not given. */
  readonly pages?: Pages
  /** Given: HTTPS and WSS with one certificate; a changed file is read at the next start. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string }
}

/** Listens; rejects with a text that names the address. `stopAccepting` refuses new MQTT connections but goes on serving pages. */
export async function serveHttp(options: DenoServeOptions, context: HttpContext): Promise<Listener> {
  const kind = options.tls === undefined ? 'ws' : 'wss'
  const tls = options.tls && {
    cert: await Deno.readTextFile(options.tls.certFile),
    key: await Deno.readTextFile(options.tls.keyFile),
  }
  const stop = new AbortController()
  let accepting = true
  const app = createFetch(context, () => accepting, options.pages)
  try {
    const server = Deno.serve(
      {
        hostname: options.host,
        port: options.port,
        signal: stop.signal,
        ...tls,
        onListen: () => {},
        onError: () => new Response('Internal error\n', { status: 500 }),
      },
      (request, info) => app.fetch(request, info),
    )
    return {
      kind,
      port: server.addr.port,
      address: server.addr.hostname,
      stopAccepting: () => {
        accepting = false
      },
      close: async () => {
        accepting = false
        stop.abort()
        await server.finished
      },
    }
  } catch (cause) {
    throw listenError(kind, options.host, options.port, cause)
  }
}
