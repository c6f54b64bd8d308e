/** Serves the HTTP app on Node, with or without TLS. Owns the HTTP server and its limits; must not know MQTT. */
import { createServer as createHttpServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { createAdaptorServer, type HttpBindings, upgradeWebSocket, type WebSocketServerLike } from '@hono/node-server'
import type { Context } from 'hono'
import { type WebSocket, WebSocketServer } from 'ws'
import { Certificates, type TlsEvent, type TlsFiles } from '../listen/certificates.node.ts'
import { HandshakeLine, SILENT } from '../listen/handshake-line.node.ts'
import { type Listener, plainAddress } from '../listen/listener.ts'
import { ProxiedPeers } from '../listen/proxy-first.node.ts'
import { type ProxyOptions, proxiedPeer } from '../listen/proxy-protocol.ts'
import { openSocketServer } from '../listen/socket-listener.node.ts'
import { certificateName } from '../listen/tls.node.ts'
import type { Peer } from '../listen/transport.ts'
import { createApp, maxFrameBytes, webPeer } from './app.ts'
import type { HttpContext, Pages } from './context.ts'
import { chooseSubprotocol } from './subprotocol.ts'
import { WsTransport } from './ws-transport.node.ts'

const MAX_HEADER_BYTES = 16 * 1024
const MAX_HEADERS = 100
const KEEP_ALIVE_MS = 5000
const CHECK_MS = 1000

export interface ServeOptions {
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
  /** All if not given. */
  readonly pages?: Pages
  /** Given: HTTPS and WSS, with reload when the files change. */
  readonly tls?: TlsFiles
  /** Given: every connection begins with a PROXY header. */
  readonly proxy?: ProxyOptions
  /** Other processes may listen on the same port. */
  readonly reusePort?: boolean
  readonly onEvent?: (event: TlsEvent) => void
}

/**
 * Listens; rejects with a text that names the address or the certificate file. `stopAccepting` refuses new MQTT
 * connections but goes on serving pages, so that `/readyz` can say that the process drains.
 */
export async function serveHttp(options: ServeOptions, context: HttpContext): Promise<Listener> {
  const certificates = options.tls && (await Certificates.open(options.tls, options.onEvent))
  const peers = new ProxiedPeers(options.proxy)
  let accepting = true
  const upgrading = (c: Context, _protocol: string, leave: () => void) => upgrade(c, context, peers, leave)
  const app = createApp(context, { upgrade: upgrading, accepting: () => accepting }, options.pages)
  const server = createServer(app.fetch, certificates, context)
  // Whoever fails a TLS handshake is closed and reported, and harms nobody else.
  const failed = (socket: Socket, detail: string): void =>
    options.onEvent?.({ is: 'handshake-failed', address: plainAddress(socket.remoteAddress), detail })
  server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
    failed(socket, error.message)
    socket.destroy()
  })
  const line = new HandshakeLine(context.limits.connectTimeoutMs, socket => failed(socket, SILENT))
  try {
    const { server: front, listener } = await openSocketServer({
      kind: certificates === undefined ? 'ws' : 'wss',
      where: { host: options.host, port: options.port, reusePort: options.reusePort ?? false },
      gate: undefined,
      admit: socket =>
        peers.admit(socket, () => {
          if (certificates !== undefined) line.admit(socket, () => void server.emit('connection', socket))
          else {
            server.emit('connection', socket)
            socket.resume()
          }
        }),
    })
    front.maxConnections = context.limits.maxConnections
    front.on('drop', () => {
      context.stats.acceptRefused += 1
    })
    // The server does not listen itself; this starts its watch over slow requests.
    server.emit('listening')
    return {
      ...listener,
      stopAccepting: () => {
        accepting = false
      },
      close: async () => {
        accepting = false
        certificates?.close()
        server.close()
        await listener.close()
      },
    }
  } catch (error) {
    certificates?.close()
    throw error
  }
}

type Fetch = (request: Request, env: HttpBindings) => Response | Promise<Response>

function createServer(fetch: Fetch, certificates: Certificates | undefined, context: HttpContext): Server {
  const timeoutMs = context.limits.connectTimeoutMs
  const options = {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: timeoutMs,
    requestTimeout: timeoutMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: Math.min(CHECK_MS, timeoutMs),
  }
  const websocket = {
    server: new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      skipUTF8Validation: true,
      autoPong: false,
      maxPayload: maxFrameBytes(context.limits),
      handleProtocols: offered => chooseSubprotocol(offered) ?? false,
    }) as WebSocketServerLike,
  }
  const shared = { fetch: fetch as (request: Request) => Response, overrideGlobalObjects: false, websocket }
  const server = (
    certificates === undefined
      ? createAdaptorServer({ ...shared, createServer: createHttpServer, serverOptions: options })
      : createAdaptorServer({
          ...shared,
          createServer: createHttpsServer,
          serverOptions: { ...options, ...certificates.serverOptions(), handshakeTimeout: timeoutMs },
        })
  ) as Server
  server.maxHeadersCount = MAX_HEADERS
  if (certificates !== undefined) certificates.follow(server as ReturnType<typeof createHttpsServer>)
  return server
}

function upgrade(c: Context, context: HttpContext, peers: ProxiedPeers, leave: () => void): Promise<Response> {
  const { socket } = (c.env as { incoming: IncomingMessage }).incoming
  if (socket.destroyed) leave()
  else socket.once('close', leave)
  const peer = peerOf(socket, peers)
  return upgradeWebSocket(c, {
    onOpen: (_event, opened) => {
      new WsTransport(opened.raw as WebSocket, peer, context.factory)
    },
  }) as Promise<Response>
}

function peerOf(socket: Socket, peers: ProxiedPeers): Peer {
  const tls = socket instanceof TLSSocket ? socket : undefined
  const address = plainAddress(socket.remoteAddress)
  const real = webPeer(address, socket.remotePort ?? 0, tls !== undefined, tls && certificateName(tls))
  const named = peers.of(socket)
  return named === undefined ? real : proxiedPeer(real, named)
}
