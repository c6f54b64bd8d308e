/** Reads a PROXY header from a paused node:net socket before something else (TLS, HTTP) takes the socket over. */
import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'
import { MAX_PROXY_HEADER_BYTES, type ProxiedPeer, parseProxyHeader } from './proxy-header.ts'
import type { ProxyOptions } from './proxy-protocol.ts'

/** The peers that PROXY headers have named, for servers that only know the socket later. As many as open connections. */
export class ProxiedPeers {
  private readonly options: ProxyOptions | undefined
  private readonly named = new Map<string, ProxiedPeer>()

  /** Without options there is no header to read. */
  constructor(options: ProxyOptions | undefined) {
    this.options = options
  }

  /** Calls `next` once the socket is ready for TLS or HTTP; never if its header is bad. */
  admit(socket: Socket, next: () => void): void {
    socket.on('error', ignore)
    if (this.options === undefined) {
      next()
      return
    }
    readProxyHeader(socket, this.options, peer => {
      if (peer !== undefined) {
        const key = endpoint(socket)
        this.named.set(key, peer)
        socket.once('close', () => this.named.delete(key))
      }
      next()
    })
  }

  /** `socket` is the one admitted or a TLS socket on top of it. */
  of(socket: Socket): ProxiedPeer | undefined {
    return this.named.get(endpoint(socket))
  }
}

const endpoint = (socket: Socket): string => `${socket.remoteAddress} ${socket.remotePort}`

/** Who takes the socket over reports what happened. */
function ignore(): void {}

/** Calls `next` once with what the header names (undefined: the real peer counts); the socket is left paused, positioned behind the header. */
function readProxyHeader(socket: Socket, options: ProxyOptions, next: (peer: ProxiedPeer | undefined) => void): void {
  let head: Buffer = Buffer.alloc(0)
  const stop = (): void => {
    clearTimeout(timer)
    socket.off('data', look)
    socket.off('close', stop)
    socket.off('error', stop)
  }
  const refuse = (why: string): void => {
    options.onBad?.(why, socket.remoteAddress ?? '')
    socket.destroy()
  }
  const timer = setTimeout(() => {
    options.stats.connectTimeouts += 1
    refuse('No PROXY header came in time')
  }, options.timeoutMs)
  const look = (chunk: Buffer): void => {
    head = Buffer.concat([head, chunk])
    const header = parseProxyHeader(head.subarray(0, MAX_PROXY_HEADER_BYTES))
    if (header.is === 'more') return
    if (header.is === 'bad') {
      options.stats.malformed += 1
      refuse(header.why)
      return
    }
    stop()
    socket.pause()
    const rest = head.subarray(header.length)
    if (rest.length > 0) socket.unshift(rest)
    next(header.peer)
  }
  socket.on('error', stop)
  socket.on('close', stop)
  socket.on('data', look)
  socket.resume()
}
