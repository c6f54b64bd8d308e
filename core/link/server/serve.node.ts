/** Takes the WebSocket upgrades of one path on a Node HTTP server, and makes each a link. Owns those sockets; must not know what goes over them. */
import type { Buffer } from 'node:buffer'
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import { MAX_FRAME_BYTES } from '../../contract/link/session.ts'
import type { LinkTransport } from '../../contract/link/transport.ts'
import type { LinkServer } from './link-server.ts'

export interface ServeLinksOptions {
  readonly path: string
  /** Upgrades of other paths; without it they are answered with 404. */
  readonly otherwise?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
}

const BINARY = { binary: true, compress: false, fin: true }
/** A peer that does not close in this time after it was asked to is cut off. */
const CLOSE_MS = 2_000

/** `close` cuts what links are still open. */
export function serveLinks(
  server: Server,
  links: Pick<LinkServer, 'accept'>,
  options: ServeLinksOptions,
): { close(): void } {
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: true,
    perMessageDeflate: false,
    skipUTF8Validation: true,
    maxPayload: MAX_FRAME_BYTES,
  })
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (request.url?.split('?')[0] === options.path)
      sockets.handleUpgrade(request, socket, head, open => link(open, request, links))
    else if (options.otherwise !== undefined) options.otherwise(request, socket, head)
    else socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
  }
  server.on('upgrade', upgrade)
  return {
    close() {
      server.off('upgrade', upgrade)
      for (const socket of sockets.clients) socket.terminate()
      sockets.close()
    },
  }
}

function link(socket: WebSocket, request: IncomingMessage, links: Pick<LinkServer, 'accept'>): void {
  const { remoteAddress, remotePort } = request.socket
  const transport: LinkTransport = {
    send(bytes) {
      if (socket.readyState === socket.OPEN) socket.send(bytes, BINARY)
    },
    close(code, reason) {
      socket.close(code, reason)
      setTimeout(() => socket.terminate(), CLOSE_MS).unref()
    },
    get bufferedBytes() {
      return socket.bufferedAmount
    },
  }
  const events = links.accept(transport, `${remoteAddress}:${remotePort}`)
  let failure = ''
  socket.on('message', (data: RawData) => events.message(data as Buffer))
  // The socket closes itself after an error.
  socket.on('error', error => {
    failure = error.message
  })
  socket.on('close', (code, reason) => events.closed(failure || reason.toString() || `Closed with ${code}`))
}
