/** A message-wise connection that carries a link: a WebSocket, or two ends in one process. What is sent arrives whole and in order, or the connection breaks. */

export interface LinkTransport {
  /** The bytes stay as they are. Never throws; what cannot be sent any more is lost. */
  send(bytes: Uint8Array): void
  /** Ends it; `closed` follows later, or never. `code`: one of WebSocket's. */
  close(code: number, reason: string): void
  /** Handed to `send` and not yet taken by the network. */
  readonly bufferedBytes: number
}

export interface LinkSocketEvents {
  message(bytes: Uint8Array): void
  /** Once; nothing comes after it. `detail` says why, for a log. */
  closed(detail: string): void
}

/** Begins to connect to a `ws://` or `wss://` URL: `opened` or `closed` follows, never inside the call. */
export type LinkConnector = (url: string, opened: () => void, events: LinkSocketEvents) => LinkTransport

/** Close codes of WebSocket [RFC 6455, 7.4]. */
export const CLOSE_NORMAL = 1000
export const CLOSE_GOING = 1001
export const CLOSE_REFUSED = 1008
export const CLOSE_DAMAGED = 1007
