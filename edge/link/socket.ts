/** Connects to a core over the standard WebSocket, for Deno and wherever there is no other. Owns one socket per connection; must not know what goes over it. */
import type { LinkConnector } from '../../core/contract/link/transport.ts'

/** TLS is the runtime's: its own authorities, no client certificate. */
export const webConnector = (): LinkConnector => (url, opened, events) => {
  const socket = new WebSocket(url)
  socket.binaryType = 'arraybuffer'
  let failure = ''
  socket.onopen = opened
  socket.onmessage = ({ data }) => {
    // A text is no frame: as bytes it is empty, and found to be damaged.
    events.message(data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array(0))
  }
  socket.onerror = event => {
    // Not every runtime says more.
    failure = 'message' in event && event.message !== '' ? String(event.message) : 'Connection failed'
  }
  socket.onclose = ({ code, reason }) => events.closed(failure || reason || `Closed with ${code}`)
  return {
    send(bytes) {
      if (socket.readyState === WebSocket.OPEN) socket.send(bytes as Uint8Array<ArrayBuffer>)
    },
    close(code, reason) {
      // Scripts may close with 1000 only [WebSocket API].
      socket.close(code === 1000 ? code : 3000 + (code % 1000), reason)
    },
    get bufferedBytes() {
      return socket.bufferedAmount
    },
  }
}
