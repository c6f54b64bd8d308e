/** A WebSocket of the `ws` package as a Transport. Owns the socket's events and its end; must not know HTTP or MQTT. */
import { Buffer } from 'node:buffer'
import type { RawData, WebSocket } from 'ws'
import { END_TIMEOUT_MS } from '../listen/listener.ts'
import type { ConnectionFactory, Peer, Transport, TransportEvents } from '../listen/transport.ts'
import { WS_OUT_BYTES } from './app.ts'
import { CLOSE } from './close-code.ts'

const BINARY = { binary: true, compress: false, fin: true }

export class WsTransport implements Transport {
  readonly peer: Peer
  private readonly socket: WebSocket
  private readonly events: TransportEvents
  private ending = false
  private full = false
  private timer: ReturnType<typeof setTimeout> | undefined

  /** Takes over an open socket made with `autoPong: false`. */
  constructor(socket: WebSocket, peer: Peer, factory: ConnectionFactory) {
    this.socket = socket
    this.peer = peer
    socket.on('error', ignore)
    socket.on('close', () => this.gone())
    this.events = factory(this)
    socket.on('message', (data, isBinary) => this.received(data, isBinary))
    socket.on('ping', data => this.pong(data))
  }

  write(bytes: Uint8Array): boolean {
    if (this.ending) return true
    if (this.socket.bufferedAmount + bytes.length <= WS_OUT_BYTES) {
      this.socket.send(bytes, BINARY)
      return !this.full
    }
    this.full = true
    this.socket.send(bytes, BINARY, this.flushed)
    return false
  }

  writev(chunks: readonly Uint8Array[]): boolean {
    return this.write(chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks))
  }

  end(): void {
    this.close(CLOSE.normal)
  }

  destroy(): void {
    this.ending = true
    this.socket.terminate()
  }

  pause(): void {
    if (!this.ending) this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  private received(data: RawData, isBinary: boolean): void {
    if (this.ending) return
    if (!isBinary) {
      // [MQTT-6.0.0-1]: MQTT comes in binary frames, anything else closes.
      this.close(CLOSE.notBinary)
      return
    }
    this.events.data(data as Buffer)
  }

  private close(code: number): void {
    if (this.ending) return
    this.ending = true
    this.timer = setTimeout(() => this.socket.terminate(), END_TIMEOUT_MS)
    this.socket.resume()
    this.socket.close(code)
  }

  /** Answers pings only while the peer reads: otherwise the answers would pile up. */
  private pong(data: Buffer): void {
    if (this.ending) return
    if (this.socket.bufferedAmount <= WS_OUT_BYTES) this.socket.pong(data, false)
  }

  private readonly flushed = (): void => {
    if (!this.full || this.ending || this.socket.bufferedAmount > WS_OUT_BYTES) return
    this.full = false
    this.events.drained()
  }

  private gone(): void {
    clearTimeout(this.timer)
    this.ending = true
    this.events.closed()
  }
}

/** The socket closes itself after an error. */
function ignore(): void {}
