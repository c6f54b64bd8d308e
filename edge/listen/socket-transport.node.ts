/** A node:net or node:tls socket as a Transport. Owns the socket's events and its end; must not know who listens or what MQTT is. */
import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { readShared } from './shared-read.node.ts'
import type { ConnectionFactory, Peer, Transport, TransportEvents } from './transport.ts'

/** Runs of bytes up to this much together are copied into one buffer: one plain write is cheaper than a gathered one. */
const JOIN_BYTES = 16 * 1024

const NOTHING = Buffer.alloc(0)
const IS_NODE = !('Deno' in globalThis)
/** The encoding by which streams say that a chunk is bytes. */
const BUFFER = 'buffer' as BufferEncoding

const carrier = Symbol('transport')
type CarrierSocket = Socket & { [carrier]: SocketTransport }

export class SocketTransport implements Transport {
  readonly peer: Peer
  private readonly socket: Socket
  private readonly endTimeoutMs: number
  private readonly events: TransportEvents
  /** Plain TCP on Node, where a write is over when it returns. */
  private readonly direct: boolean
  private ending = false
  /** The last write was taken by the kernel as a whole; otherwise the rest of it is waited for. */
  private taken = true
  private waiting = false
  private timer: ReturnType<typeof setTimeout> | undefined

  /** Takes over an accepted socket: calls `factory` once and starts reading. */
  constructor(socket: Socket, peer: Peer, factory: ConnectionFactory, endTimeoutMs: number) {
    this.socket = socket
    this.peer = peer
    this.direct = IS_NODE && !(socket instanceof TLSSocket)
    this.endTimeoutMs = endTimeoutMs
    ;(socket as CarrierSocket)[carrier] = this
    socket.on('error', onError)
    socket.on('close', onClose)
    socket.on('end', onEnd)
    socket.on('drain', onDrain)
    this.events = factory(this)
    if (!this.direct || !readShared(socket, this)) socket.on('data', onData)
    socket.resume()
  }

  write(bytes: Uint8Array): boolean {
    if (this.ending) return true
    if (!this.direct || this.waiting) return this.socket.write(asBuffer(bytes))
    // Past the stream's own queue, which would stay empty: most writes are done when the call returns, and the queue's
    // bookkeeping costs a tenth of a small write. What the kernel does not take at once is waited for in `written`.
    this.taken = false
    this.socket._write(asBuffer(bytes), BUFFER, this.written)
    this.waiting = !this.taken
    return this.taken
  }

  /** A write is over: at once, or after a while. */
  private readonly written = (error?: Error | null): void => {
    this.taken = true
    if (error != null) this.socket.destroy(error)
    if (!this.waiting) return
    this.waiting = false
    this.drained()
  }

  writev(chunks: readonly Uint8Array[]): boolean {
    if (this.ending) return true
    if (chunks.length === 1) return this.write(chunks[0] as Uint8Array)
    let total = 0
    for (const chunk of chunks) total += chunk.length
    if (total <= JOIN_BYTES) return this.write(join(chunks, total))
    let more = true
    this.socket.cork()
    for (const chunk of chunks) more = this.socket.write(chunk)
    this.socket.uncork()
    return more
  }

  end(): void {
    if (this.ending) return
    this.ending = true
    if (this.socket.destroyed) return
    this.timer = setTimeout(destroyLate, this.endTimeoutMs, this)
    this.socket.end()
    // What the peer still sends is read and dropped: closing over unread bytes would reset what it has not read yet.
    this.socket.resume()
  }

  destroy(): void {
    this.ending = true
    this.socket.destroy()
  }

  pause(): void {
    if (!this.ending) this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  /** For the socket's listeners below only. */
  received(chunk: Uint8Array): void {
    if (!this.ending) this.events.data(chunk)
  }

  drained(): void {
    if (!this.ending) this.events.drained()
  }

  gone(): void {
    clearTimeout(this.timer)
    this.ending = true
    this.events.closed()
  }
}

let lastBytes: Uint8Array = NOTHING
let lastBuffer: Buffer = NOTHING

/** What a stream would make of `bytes` at each write; a frame for many sockets is made one only once. */
function asBuffer(bytes: Uint8Array): Buffer {
  if (bytes === lastBytes) return lastBuffer
  lastBytes = bytes
  lastBuffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return lastBuffer
}

function join(chunks: readonly Uint8Array[], total: number): Uint8Array {
  const all = Buffer.allocUnsafe(total)
  let at = 0
  for (const chunk of chunks) {
    all.set(chunk, at)
    at += chunk.length
  }
  return all
}

// One function each for all sockets: an idle connection keeps no closures.
function onData(this: Socket, chunk: Uint8Array): void {
  ;(this as CarrierSocket)[carrier].received(chunk)
}
function onDrain(this: Socket): void {
  ;(this as CarrierSocket)[carrier].drained()
}
function onEnd(this: Socket): void {
  ;(this as CarrierSocket)[carrier].end()
}
function onClose(this: Socket): void {
  ;(this as CarrierSocket)[carrier].gone()
}
/** The socket closes itself after an error; ECONNRESET and EPIPE are how devices leave. */
function onError(): void {}
function destroyLate(transport: SocketTransport): void {
  transport.destroy()
}
