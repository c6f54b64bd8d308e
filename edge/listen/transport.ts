/**
 * A byte stream with a peer, whatever carries it: TCP, TLS, WebSocket, Unix socket, on Node or Deno. Listeners make
 * transports and hand them to the `ConnectionFactory`; the edge never sees a socket.
 */

/** What is known of the peer before CONNECT. */
export interface Peer {
  /** Address of the device (behind PROXY protocol: the one it names). */
  readonly address: string
  readonly port: number
  readonly listener: 'tcp' | 'tls' | 'ws' | 'wss' | 'unix'
  /** Identity of a verified client certificate (subject CN), if mTLS is on. */
  readonly certificateName: string | undefined
  readonly secure: boolean
}

export interface Transport {
  readonly peer: Peer
  /** Writes one run of bytes; the caller does not reuse them. False: wait for `TransportEvents.drained`. */
  write(bytes: Uint8Array): boolean
  /** Writes several runs with as few system calls as possible. Same result as `write`. */
  writev(chunks: readonly Uint8Array[]): boolean
  /** Flushes what was written, then closes. Closes hard after a bound if the peer does not read. */
  end(): void
  destroy(): void
  /** Stop and go on reading (back-pressure to the device). Data already read may still arrive once. */
  pause(): void
  resume(): void
}

export interface TransportEvents {
  data(chunk: Uint8Array): void
  drained(): void
  /** Exactly once, for whatever reason; nothing comes after it. */
  closed(): void
}

/** Called once per accepted transport; the returned handler gets its bytes. */
export type ConnectionFactory = (transport: Transport) => TransportEvents
