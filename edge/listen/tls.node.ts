/** MQTT over TLS through node:tls, certificates per server name, mTLS. A failed or slow handshake ends that connection only. */
import type { Socket } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { Certificates, type TlsEvent, type TlsFiles } from './certificates.node.ts'
import { HandshakeLine, SILENT } from './handshake-line.node.ts'
import { END_TIMEOUT_MS, type Listener, type ListenOptions, plainAddress } from './listener.ts'
import { ProxiedPeers } from './proxy-first.node.ts'
import { type ProxyOptions, proxiedPeer } from './proxy-protocol.ts'
import { openSocketServer, peerOf } from './socket-listener.node.ts'
import { SocketTransport } from './socket-transport.node.ts'
import type { ConnectionFactory } from './transport.ts'

export type { CertificateFiles, TlsEvent, TlsFiles } from './certificates.node.ts'

export interface TlsListenOptions extends ListenOptions {
  readonly tls: TlsFiles
  /** A handshake that takes longer ends the connection. Milliseconds: `limits.connectTimeoutMs`. */
  readonly handshakeTimeoutMs: number
  /** Given: a PROXY header comes before the handshake, in the clear. */
  readonly proxy?: ProxyOptions
  readonly onEvent?: (event: TlsEvent) => void
}

/** Listens; rejects with a text that names the address or the certificate file. Reloads changed files while it runs. */
export async function listenTls(options: TlsListenOptions, factory: ConnectionFactory): Promise<Listener> {
  const { gate, onEvent } = options
  const certificates = await Certificates.open(options.tls, onEvent)
  const peers = new ProxiedPeers(options.proxy)
  const failed = (socket: Socket, detail: string): void =>
    onEvent?.({ is: 'handshake-failed', address: plainAddress(socket.remoteAddress), detail })
  const line = new HandshakeLine(options.handshakeTimeoutMs, socket => failed(socket, SILENT))
  const server = createServer({
    ...certificates.serverOptions(),
    handshakeTimeout: options.handshakeTimeoutMs,
    noDelay: true,
    pauseOnConnect: true,
  })
  certificates.follow(server)
  server.on('secureConnection', (socket: TLSSocket) => {
    const real = peerOf(socket, 'tls', certificateName(socket))
    const peer = peers.of(socket)
    new SocketTransport(
      socket,
      peer === undefined ? real : proxiedPeer(real, peer),
      factory,
      options.endTimeoutMs ?? END_TIMEOUT_MS,
    )
  })
  server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
    failed(socket, error.message)
    socket.destroy()
  })
  try {
    const admit = (socket: Socket): void =>
      peers.admit(socket, () => line.admit(socket, () => void server.emit('connection', socket)))
    const where = { host: options.host, port: options.port, reusePort: options.reusePort ?? false }
    const { listener } = await openSocketServer({ kind: 'tls', where, gate, admit })
    return {
      ...listener,
      close: async () => {
        certificates.close()
        await listener.close()
      },
    }
  } catch (error) {
    certificates.close()
    throw error
  }
}

/** Subject CN of the client's certificate, if it was verified. */
export function certificateName(socket: TLSSocket): string | undefined {
  if (!socket.authorized) return undefined
  const name: unknown = socket.getPeerCertificate().subject?.CN
  return typeof name === 'string' ? name : undefined
}
