/** Puts the PROXY protocol in front of a ConnectionFactory: the header first, within time and size, then the stream as it is. */
import type { EdgeStats } from '../stats.ts'
import { MAX_PROXY_HEADER_BYTES, type ProxiedPeer, parseProxyHeader } from './proxy-header.ts'
import type { ConnectionFactory, Peer, Transport, TransportEvents } from './transport.ts'

export interface ProxyOptions {
  /** The whole header must have come by then. Milliseconds: `limits.connectTimeoutMs`. */
  readonly timeoutMs: number
  /** A bad header counts as `malformed`, a missing one as `connectTimeouts`. */
  readonly stats: Pick<EdgeStats, 'malformed' | 'connectTimeouts'>
  /** For the log: why the connection of the proxy at `address` was destroyed. */
  readonly onBad?: (why: string, address: string) => void
}

/**
 * Only for listeners that nobody but the proxy can reach. The inner factory is called once the header is complete, with
 * the peer it names (the real one for LOCAL and UNKNOWN); a connection without a good header never reaches it.
 */
export function withProxyProtocol(factory: ConnectionFactory, options: ProxyOptions): ConnectionFactory {
  return transport => new HeaderFirst(transport, factory, options)
}

class HeaderFirst implements TransportEvents {
  private readonly transport: Transport
  private readonly factory: ConnectionFactory
  private readonly options: ProxyOptions
  private inner: TransportEvents | undefined
  private head: Uint8Array = new Uint8Array(0)
  private over = false
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(transport: Transport, factory: ConnectionFactory, options: ProxyOptions) {
    this.transport = transport
    this.factory = factory
    this.options = options
    this.timer = setTimeout(() => {
      options.stats.connectTimeouts += 1
      this.refuse('No PROXY header came in time')
    }, options.timeoutMs)
  }

  data(chunk: Uint8Array): void {
    if (this.inner !== undefined) this.inner.data(chunk)
    else if (!this.over) this.look(chunk)
  }

  drained(): void {
    this.inner?.drained()
  }

  closed(): void {
    this.over = true
    clearTimeout(this.timer)
    this.inner?.closed()
  }

  private look(chunk: Uint8Array): void {
    // The header is looked for in at most its longest form, however large the chunk.
    const held = this.head.length
    const head = new Uint8Array(Math.min(held + chunk.length, MAX_PROXY_HEADER_BYTES))
    head.set(this.head)
    head.set(chunk.subarray(0, head.length - held), held)
    const header = parseProxyHeader(head)
    if (header.is === 'more') this.head = head
    else if (header.is === 'bad') {
      this.options.stats.malformed += 1
      this.refuse(header.why)
    } else {
      clearTimeout(this.timer)
      this.timer = undefined
      this.head = head.subarray(0, 0)
      const transport = header.peer === undefined ? this.transport : new Proxied(this.transport, header.peer)
      this.inner = this.factory(transport)
      const rest = chunk.subarray(header.length - held)
      if (rest.length > 0) this.inner.data(rest)
    }
  }

  private refuse(why: string): void {
    this.over = true
    clearTimeout(this.timer)
    this.options.onBad?.(why, this.transport.peer.address)
    this.transport.destroy()
  }
}

/** The peer as the proxy names it, on a connection from `real`. */
export function proxiedPeer(real: Peer, named: ProxiedPeer): Peer {
  return {
    address: named.address,
    port: named.port,
    listener: real.listener,
    certificateName: real.certificateName ?? named.certificateName,
    secure: real.secure || named.secure,
  }
}

class Proxied implements Transport {
  readonly peer: Peer
  private readonly inner: Transport

  constructor(inner: Transport, named: ProxiedPeer) {
    this.inner = inner
    this.peer = proxiedPeer(inner.peer, named)
  }

  write(bytes: Uint8Array): boolean {
    return this.inner.write(bytes)
  }

  writev(chunks: readonly Uint8Array[]): boolean {
    return this.inner.writev(chunks)
  }

  end(): void {
    this.inner.end()
  }

  destroy(): void {
    this.inner.destroy()
  }

  pause(): void {
    this.inner.pause()
  }

  resume(): void {
    this.inner.resume()
  }
}
