/** What every listener offers to who starts and stops it, and the texts of its failures. Must not open anything. */
import type { AcceptGate } from './accept-limit.ts'
import type { Peer } from './transport.ts'

export type ListenerKind = Peer['listener']

export interface Listener {
  readonly kind: ListenerKind
  /** The port bound (never 0); 0 for a Unix socket. */
  readonly port: number
  /** The address bound; the path of a Unix socket. */
  readonly address: string
  /** No new connections; those open go on. */
  stopAccepting(): void
  /** Stops accepting and destroys what is open; resolves when all of it is gone. */
  close(): Promise<void>
}

/** What all socket listeners take. One `gate` is shared by all listeners of the process; without it everybody is let in. */
export interface ListenOptions {
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
  readonly gate?: AcceptGate
  /** Other processes may listen on the same port; the system spreads connections over them. Node only. */
  readonly reusePort?: boolean
  /** Time from `Transport.end` to a hard close if the peer does not close. Milliseconds, default 2000. */
  readonly endTimeoutMs?: number
}

export const END_TIMEOUT_MS = 2000
/** Pending handshakes the kernel keeps; it cuts this to `net.core.somaxconn`. */
export const BACKLOG = 8192

const ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is taken; stop the process that holds it or choose another port (0 picks a free one)',
  EACCES: 'permission denied; choose a port above 1023 or grant the right to bind it',
  EADDRNOTAVAIL: 'this machine does not have that address; choose one it has, 127.0.0.1 or 0.0.0.0',
  ENOTFOUND: 'the host name does not resolve; choose an address of this machine',
}

/** The error to reject with when a listener cannot be opened: names kind, host and port and what to do. */
export function listenError(kind: ListenerKind, host: string, port: number, cause: unknown): Error {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const advice = ADVICE[code] ?? (cause instanceof Error ? cause.message : String(cause))
  return new Error(`Cannot listen on ${host}:${port} (${kind}): ${advice}`, { cause })
}

/** An IPv4 peer of a dual-stack listener in its usual spelling. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return ''
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}
