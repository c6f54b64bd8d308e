/** Connects to a core over the `ws` package. Owns one socket per connection; must not know what goes over it. */
import type { Buffer } from 'node:buffer'
import { type RawData, WebSocket } from 'ws'
import { MAX_FRAME_BYTES } from '../../core/contract/link/session.ts'
import type { LinkConnector } from '../../core/contract/link/transport.ts'

/** PEM texts: who is trusted instead of the public authorities, and who this edge is. */
export interface LinkTls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

const BINARY = { binary: true, compress: false, fin: true }
const CLOSE_MS = 2_000
const HANDSHAKE_MS = 5_000

export const nodeConnector =
  (tls: LinkTls = {}): LinkConnector =>
  (url, opened, events) => {
    const socket = new WebSocket(url, {
      ...tls,
      perMessageDeflate: false,
      skipUTF8Validation: true,
      maxPayload: MAX_FRAME_BYTES,
      handshakeTimeout: HANDSHAKE_MS,
      followRedirects: false,
      // Masks keep scripts in browsers from fooling proxies. A mask of zeros is one that costs nothing.
      generateMask: mask => mask.fill(0),
    })
    let failure = ''
    socket.on('open', () => {
      socket.on('message', (data: RawData) => events.message(data as Buffer))
      opened()
    })
    // `close` follows.
    socket.on('error', error => {
      failure = error.message
    })
    socket.on('close', (code, reason) => events.closed(failure || reason.toString() || `Closed with ${code}`))
    return {
      send(bytes) {
        if (socket.readyState === WebSocket.OPEN) socket.send(bytes, BINARY)
      },
      close(code, reason) {
        socket.close(code, reason)
        setTimeout(() => socket.terminate(), CLOSE_MS).unref()
      },
      get bufferedBytes() {
        return socket.bufferedAmount
      },
    }
  }
