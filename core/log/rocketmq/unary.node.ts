/**
 * Calls of gRPC with one message each way, over HTTP/2: what is called for each append. A third of the processor time of
 * @grpc/grpc-js (110 µs instead of 330 with 64 under way). Only for calls that need no telemetry session: it has a connection of
 * its own, and behind a load balancer that may end at another proxy.
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2'
import { status as grpcStatus } from '@grpc/grpc-js'
import { RocketmqError } from './error.ts'
import type { RocketmqTls } from './proxies.node.ts'

export interface UnaryOptions {
  /** `host:port` each, tried in turn. */
  readonly addresses: readonly string[]
  readonly tls: RocketmqTls | undefined
  /** Named in errors. */
  readonly endpoint: string
  readonly headers: () => OutgoingHttpHeaders
}

/** Compressed or not, and the length of the message [PROTOCOL-HTTP2 of grpc/grpc]. */
const PREFIX_BYTES = 5

export class UnaryCalls {
  readonly #o: UnaryOptions
  #connection: Connection | undefined
  #tried = 0

  constructor(options: UnaryOptions) {
    this.#o = options
  }

  /** The answer's bytes, of the first address that can be reached. @throws RocketmqError if there is none. */
  async call(path: string, message: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    for (let left = this.#o.addresses.length; ; left--) {
      const connection = this.#connect()
      try {
        return await this.#callOn(connection, path, message, timeoutMs)
      } catch (error) {
        // Nobody has seen a call that never had a connection.
        if (connection.reached || left === 1) throw error
      }
    }
  }

  #callOn(connection: Connection, path: string, message: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const frame = Buffer.allocUnsafe(PREFIX_BYTES + message.length)
    frame[0] = 0
    frame.writeUInt32BE(message.length, 1)
    frame.set(message, PREFIX_BYTES)
    const begin = performance.now()
    return new Promise((resolve, reject) => {
      const stream = this.#request(connection, path, timeoutMs)
      const answer: Buffer[] = []
      let end: IncomingHttpHeaders | undefined
      let trouble = 'the connection was closed'
      let code = 'UNAVAILABLE'
      const late = setTimeout(() => {
        code = 'DEADLINE_EXCEEDED'
        trouble = `no answer after ${timeoutMs} ms`
        stream.close(constants.NGHTTP2_CANCEL)
        // Nothing at all came: the connection is dead, whatever TCP says.
        if (connection.heardAt < begin) connection.session.destroy()
      }, timeoutMs)
      const ended = (headers: IncomingHttpHeaders) => {
        if (headers['grpc-status'] !== undefined) end = headers
      }
      stream.on('response', ended)
      stream.on('trailers', ended)
      stream.on('data', (chunk: Buffer) => answer.push(chunk))
      stream.on('error', error => {
        if (code === 'UNAVAILABLE') trouble = error.message
      })
      stream.on('close', () => {
        clearTimeout(late)
        if (end === undefined) return reject(this.#error(code, trouble))
        connection.heardAt = performance.now()
        const status = Number(end['grpc-status'])
        if (status !== 0) return reject(this.#error(grpcStatus[status] ?? String(status), said(end)))
        const bytes = answer.length === 1 ? answer[0]! : Buffer.concat(answer)
        resolve(bytes.subarray(PREFIX_BYTES))
      })
      stream.end(frame)
    })
  }

  close(): void {
    this.#connection?.session.destroy()
    this.#connection = undefined
  }

  #request({ session }: Connection, path: string, timeoutMs: number): ClientHttp2Stream {
    try {
      return session.request({
        ...this.#o.headers(),
        ':method': 'POST',
        ':path': path,
        te: 'trailers',
        'content-type': 'application/grpc',
        'grpc-timeout': `${timeoutMs}m`,
      })
    } catch (error) {
      // The other side is closing the connection.
      session.destroy()
      throw this.#error('UNAVAILABLE', (error as Error).message)
    }
  }

  #connect(): Connection {
    const usable = this.#connection
    if (usable !== undefined && !usable.session.closed && !usable.session.destroyed) return usable
    // Whatever ended the last one: the next may be better.
    if (usable !== undefined) this.#tried++
    const { addresses, tls } = this.#o
    const scheme = tls === undefined ? 'http' : 'https'
    const session = connect(`${scheme}://${addresses[this.#tried % addresses.length]}`, tls)
    const connection: Connection = { session, reached: false, heardAt: performance.now() }
    this.#connection = connection
    // Each call under way fails by itself.
    session.on('error', () => {})
    session.on('connect', () => {
      connection.reached = true
    })
    session.on('goaway', () => session.close())
    return connection
  }

  #error(code: string, detail: string): RocketmqError {
    return new RocketmqError(this.#o.endpoint, code, detail)
  }
}

interface Connection {
  readonly session: ClientHttp2Session
  reached: boolean
  /** When the last answer came. */
  heardAt: number
}

function said(headers: IncomingHttpHeaders): string {
  const text = String(headers['grpc-message'] ?? '')
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
