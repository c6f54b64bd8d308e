/** The HTTP port of a core: links of edges and pages, with or without TLS. Owns the server and its limits; must not know what a link carries. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Limits } from '../../core/contract/limits.ts'
import type { LinkServer } from '../../core/link/server/link-server.ts'
import { serveLinks } from '../../core/link/server/serve.node.ts'
import { Certificates, type TlsEvent } from '../../edge/listen/certificates.node.ts'
import { listenError } from '../../edge/listen/listener.ts'
import type { CoreConfig } from '../config/core.ts'
import { type CoreView, pageAt } from './pages.ts'

const LINK_PATH = '/link'
const MAX_HEADER_BYTES = 16 * 1024
const MAX_HEADERS = 100
const KEEP_ALIVE_MS = 5000

export interface CorePort {
  readonly kind: 'http' | 'https'
  readonly host: string
  readonly port: number
  close(): Promise<void>
}

export interface CorePortOptions {
  readonly config: Pick<CoreConfig, 'httpHost' | 'httpPort' | 'tlsCertFile' | 'tlsKeyFile' | 'tlsCaFile'>
  readonly limits: Limits
  readonly links: Pick<LinkServer, 'accept'>
  readonly view: CoreView
  readonly onEvent: (event: TlsEvent) => void
}

/** Listens; rejects with a text that names the address or the certificate file. */
export async function openCorePort({ config, limits, links, view, onEvent }: CorePortOptions): Promise<CorePort> {
  const { httpHost, httpPort, tlsCertFile: certFile, tlsKeyFile: keyFile, tlsCaFile: caFile } = config
  const certificates =
    certFile === undefined || keyFile === undefined
      ? undefined
      : await Certificates.open(
          {
            certificates: [{ certFile, keyFile }],
            ...(caFile === undefined ? {} : { caFile, requireClientCertificate: true }),
          },
          onEvent,
        )
  const server = makeServer(certificates, limits.connectTimeoutMs, (request, response) =>
    answer(request, response, view),
  )
  server.maxHeadersCount = MAX_HEADERS
  const upgrades = serveLinks(server, links, { path: LINK_PATH })
  try {
    await new Promise<void>((done, failed) => {
      server.once('error', cause => failed(listenError(certificates ? 'wss' : 'ws', httpHost, httpPort, cause)))
      server.listen(httpPort, httpHost, done)
    })
  } catch (error) {
    certificates?.close()
    throw error
  }
  // A failed accept harms nobody else.
  server.removeAllListeners('error').on('error', () => {})
  const bound = server.address()
  return {
    kind: certificates === undefined ? 'http' : 'https',
    host: typeof bound === 'object' && bound !== null ? bound.address : httpHost,
    port: typeof bound === 'object' && bound !== null ? bound.port : httpPort,
    async close() {
      certificates?.close()
      upgrades.close()
      const closed = new Promise(done => server.close(done))
      server.closeAllConnections()
      await closed
    },
  }
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void

function makeServer(certificates: Certificates | undefined, timeoutMs: number, handler: Handler): Server {
  const options = {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: timeoutMs,
    requestTimeout: timeoutMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    noDelay: true,
  }
  if (certificates === undefined) return createServer(options, handler)
  const server = createTlsServer({ ...options, ...certificates.serverOptions(), handshakeTimeout: timeoutMs }, handler)
  certificates.follow(server)
  return server
}

function answer(request: IncomingMessage, response: ServerResponse, view: CoreView): void {
  const path = (request.url ?? '/').split('?', 1)[0]!
  const end = (status: number, type: string, body: string): void => {
    response.writeHead(status, {
      'content-type': type,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    })
    response.end(request.method === 'HEAD' ? undefined : body)
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    end(405, 'text/plain', 'Only GET\n')
    return
  }
  pageAt(path, view).then(
    page => end(page.status, page.type, page.body),
    () => end(500, 'text/plain', 'Internal error\n'),
  )
}
