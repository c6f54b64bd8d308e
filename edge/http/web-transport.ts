/** A standard (browser-like) WebSocket as a Transport, for Deno and serverless hosts. Must not name a runtime. */
import { END_TIMEOUT_MS } from '../listen/listener.ts'
import type { ConnectionFactory, Peer, Transport, TransportEvents } from '../listen/transport.ts'
import { WS_OUT_BYTES } from './app.ts'
import { CLOSE } from './close-code.ts'

/** The API has no event for room in the output: it is looked at this often while it is full. */
const DRAIN_POLL_MS = 5

export interface WebTransportLimits {
  /** A larger frame closes the connection; as much may wait while reading is paused. Bytes. */
  readonly maxFrameBytes: number
}

export class WebTransport implements Transport {
  readonly peer: Peer
  private readonly socket: WebSocket
  private readonly maxFrameBytes: number
  private readonly events: TransportEvents
  private ending = false
  private over = false
  private paused = false
  private held: Uint8Array[] = []
  private heldBytes = 0
  private timer: ReturnType<typeof setTimeout> | undefined

  /** Takes over an open socket with `binaryType` arraybuffer; nobody else may set its handlers. */
  constructor(socket: WebSocket, peer: Peer, factory: ConnectionFactory, limits: WebTransportLimits) {
    this.socket = socket
    this.peer = peer
    this.maxFrameBytes = limits.maxFrameBytes
    this.events = factory(this)
    socket.onmessage = event => this.received(event.data)
    socket.onclose = () => this.gone()
    // `close` follows an error.
    socket.onerror = () => {}
  }

  write(bytes: Uint8Array): boolean {
    if (this.ending || this.socket.readyState !== WebSocket.OPEN) return true
    this.socket.send(bytes as Uint8Array<ArrayBuffer>)
    if (this.socket.bufferedAmount <= WS_OUT_BYTES) return this.timer === undefined
    this.timer ??= setTimeout(this.lookForRoom, DRAIN_POLL_MS)
    return false
  }

  writev(chunks: readonly Uint8Array[]): boolean {
    if (chunks.length === 1) return this.write(chunks[0] as Uint8Array)
    let total = 0
    for (const chunk of chunks) total += chunk.length
    const all = new Uint8Array(total)
    let at = 0
    for (const chunk of chunks) {
      all.set(chunk, at)
      at += chunk.length
    }
    return this.write(all)
  }

  end(): void {
    this.close(CLOSE.normal)
  }

  /** The API cannot cut a connection: it is closed, and counts as gone at once. */
  destroy(): void {
    if (this.over) return
    this.ending = true
    this.socket.close(CLOSE.normal)
    queueMicrotask(() => this.gone())
  }

  /** The API cannot stop reading: what comes is held up to one frame's worth, then the connection is closed. */
  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
    const held = this.held
    this.held = []
    this.heldBytes = 0
    for (let i = 0; i < held.length; i++) {
      if (this.ending) return
      if (this.paused) {
        this.held = [...held.slice(i), ...this.held]
        for (const chunk of this.held) this.heldBytes += chunk.length
        return
      }
      this.events.data(held[i] as Uint8Array)
    }
  }

  private received(data: unknown): void {
    if (this.ending) return
    // [MQTT-6.0.0-1]: MQTT comes in binary frames, anything else closes.
    if (!(data instanceof ArrayBuffer)) this.close(CLOSE.notBinary)
    else if (data.byteLength > this.maxFrameBytes) this.close(CLOSE.tooBig)
    else if (!this.paused) this.events.data(new Uint8Array(data))
    else if (this.heldBytes + data.byteLength > this.maxFrameBytes) this.close(CLOSE.tryLater)
    else {
      this.held.push(new Uint8Array(data))
      this.heldBytes += data.byteLength
    }
  }

  private close(code: number): void {
    if (this.ending) return
    this.ending = true
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.gone(), END_TIMEOUT_MS)
    this.socket.close(code)
  }

  private readonly lookForRoom = (): void => {
    this.timer = undefined
    if (this.ending) return
    if (this.socket.bufferedAmount > WS_OUT_BYTES / 2) this.timer = setTimeout(this.lookForRoom, DRAIN_POLL_MS)
    else this.events.drained()
  }

  private gone(): void {
    if (this.over) return
    this.over = true
    this.ending = true
    clearTimeout(this.timer)
    this.events.closed()
  }
}
