/** Accepts node:net sockets through the gate and turns them into transports. Owns the set of open ones; must not know MQTT. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { AcceptGate } from './accept-limit.ts'
import { BACKLOG, END_TIMEOUT_MS, type Listener, type ListenerKind, listenError, plainAddress } from './listener.ts'
import { SocketTransport } from './socket-transport.node.ts'
import type { ConnectionFactory, Peer } from './transport.ts'

/** TCP probes a silent peer after this: a device that vanished without a word is noticed even with MQTT keep alive off. */
const KEEP_ALIVE_MS = 60_000

/** The listener an open socket belongs to. */
interface Door {
  readonly open: Set<Socket>
  readonly gate: AcceptGate | undefined
}
const door = Symbol('door')
type OpenSocket = Socket & { [door]: Door }

/** Where to listen: host and port, or the path of a Unix socket. */
export type Where =
  | { readonly host: string; readonly port: number; readonly reusePort?: boolean }
  | { readonly path: string }

/** Opens plain sockets: what `tcp` and `unix` share. */
export async function listenPlain(
  kind: ListenerKind,
  where: Where,
  options: { readonly gate?: AcceptGate; readonly endTimeoutMs?: number },
  factory: ConnectionFactory,
): Promise<Listener> {
  const endTimeoutMs = options.endTimeoutMs ?? END_TIMEOUT_MS
  const admit: Admit = socket => {
    new SocketTransport(socket, peerOf(socket, kind), factory, endTimeoutMs)
  }
  return (await openSocketServer({ kind, where, gate: options.gate, admit })).listener
}

/** What the socket itself tells of its peer. A Unix socket's peer has no address. */
export function peerOf(socket: Socket, kind: ListenerKind, certificateName?: string): Peer {
  return {
    address: kind === 'unix' ? 'unix' : plainAddress(socket.remoteAddress),
    port: socket.remotePort ?? 0,
    listener: kind,
    certificateName,
    secure: kind === 'tls',
  }
}

/** Hands an admitted socket over: to a transport at once, or after a handshake. The socket is paused and has no listeners. */
export type Admit = (socket: Socket) => void

export interface SocketServerOptions {
  readonly kind: ListenerKind
  readonly where: Where
  readonly gate: AcceptGate | undefined
  readonly admit: Admit
}

/** Opens a server whose sockets pass the gate before `admit` sees them. Rejects with `listenError`. */
export async function openSocketServer(options: SocketServerOptions): Promise<{ server: Server; listener: Listener }> {
  const { kind, where, gate, admit } = options
  const open = new Set<Socket>()
  const lined = new Set<Socket>()
  const here: Door = { open, gate }
  const enter: Admit = socket => {
    open.add(socket)
    ;(socket as OpenSocket)[door] = here
    socket.on('close', leave)
    admit(socket)
  }
  const server = createServer(
    { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS, pauseOnConnect: true },
    socket => accept(socket, gate, enter, lined),
  )
  const at = 'path' in where ? { host: where.path, port: 0 } : where
  await new Promise<void>((resolve, reject) => {
    server.once('error', cause => reject(listenError(kind, at.host, at.port, cause)))
    server.listen({ ...where, backlog: BACKLOG }, resolve)
  })
  server.removeAllListeners('error').on('error', ignore)
  const bound = server.address() as AddressInfo | string
  const closed = new Promise<void>(resolve => server.once('close', resolve))
  const listener: Listener = {
    kind,
    port: typeof bound === 'string' ? 0 : bound.port,
    address: typeof bound === 'string' ? bound : bound.address,
    stopAccepting: () => void server.close(),
    close: async () => {
      server.close()
      const left = [...open].map(socket => new Promise(resolve => socket.once('close', resolve)))
      for (const socket of [...open, ...lined]) socket.destroy()
      await Promise.all([closed, ...left])
    },
  }
  return { server, listener }
}

/** `lined` holds the sockets that wait in the gate's line; they are bounded by it. */
function accept(socket: Socket, gate: AcceptGate | undefined, enter: Admit, lined: Set<Socket>): void {
  const admission = gate === undefined ? 'enter' : gate.arrive()
  if (admission === 'enter') enter(socket)
  else if (admission === 'refuse') socket.destroy()
  else {
    lined.add(socket)
    gate?.queue({
      enter: () => {
        lined.delete(socket)
        if (socket.destroyed) return false
        enter(socket)
        return true
      },
      refuse: () => {
        lined.delete(socket)
        socket.destroy()
      },
    })
  }
}

function leave(this: Socket): void {
  const { open, gate } = (this as OpenSocket)[door]
  open.delete(this)
  gate?.leave()
}

/** A failed accept (no descriptor left, a device gone meanwhile) harms nobody else. */
function ignore(): void {}
