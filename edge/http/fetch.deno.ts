/** MQTT over WebSocket and the pages as a `{ fetch }` for Deno and serverless hosts. Must not listen. */
import type { Context } from 'hono'
import type { Peer } from '../listen/transport.ts'
import { createApp, maxFrameBytes, webPeer } from './app.ts'
import type { HttpContext, Pages } from './context.ts'
import { WebTransport } from './web-transport.ts'

declare const Deno: {
  upgradeWebSocket(
    request: Request,
    options: { protocol: string; idleTimeout: number },
  ): { socket: WebSocket; response: Response }
}

/** Without answer to a ping for this long a WebSocket is closed. Seconds. */
const IDLE_SEC = 120

/** What a host tells of a request beside it. */
export interface RequestInfo {
  readonly remoteAddr?: { readonly hostname?: string; readonly port?: number }
}

export interface FetchHandler {
  fetch(request: Request, info?: RequestInfo): Response | Promise<Response>
}

/** `export default createFetch(context)` is a whole serverless entry: `/mqtt` over WebSocket, and the pages. */
export function createFetch(
  context: HttpContext,
  accepting: () => boolean = () => true,
  pages: Pages = 'all',
): FetchHandler {
  const upgrading = (c: Context, protocol: string, leave: () => void) => upgrade(c, context, protocol, leave)
  const app = createApp(context, { upgrade: upgrading, accepting }, pages)
  return { fetch: (request, info) => app.fetch(request, { info }) }
}

function upgrade(c: Context, context: HttpContext, protocol: string, leave: () => void): Response {
  // The request tells nothing any more once it is upgraded.
  const peer = peerOf(c)
  const { socket, response } = Deno.upgradeWebSocket(c.req.raw, { protocol, idleTimeout: IDLE_SEC })
  socket.binaryType = 'arraybuffer'
  // A handshake that its client has abandoned ends without any event.
  const abandoned = setTimeout(() => {
    leave()
    socket.close()
  }, context.limits.connectTimeoutMs)
  socket.onopen = () => {
    clearTimeout(abandoned)
    new WebTransport(socket, peer, context.factory, { maxFrameBytes: maxFrameBytes(context.limits) })
  }
  socket.addEventListener('close', () => {
    clearTimeout(abandoned)
    leave()
  })
  return response
}

function peerOf(c: Context): Peer {
  const { info } = c.env as { info?: RequestInfo }
  const secure = new URL(c.req.url).protocol === 'https:'
  return webPeer(info?.remoteAddr?.hostname ?? '', info?.remoteAddr?.port ?? 0, secure)
}
