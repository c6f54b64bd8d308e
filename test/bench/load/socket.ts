/**
 * A TCP connection of the generator: one shared read buffer for all of them, frames handed on as indices into it, writes
 * as they come. Knows CONNECT and SUBSCRIBE as an exchange of frames; what to do with a PUBLISH is the reader's business.
 */
import { connect, type Socket } from 'node:net'
import { connectFrame, FrameCursor, type Kept, PACKET, subscribeFrame, type Version } from './frames.ts'

const READ_BYTES = 256 * 1024
const TIMEOUT_MS = 30_000
const NOTHING = Buffer.alloc(0)

/** Sockets are read one after the other, and what a reader leaves over is copied, so one buffer serves all of a thread. */
const shared = Buffer.allocUnsafeSlow(READ_BYTES)

/** Handles the complete frames in `buffer[from, to)`; returns the index of the first byte it did not use. */
export type Reader = (buffer: Buffer, from: number, to: number) => number

export class Connection {
  reader: Reader = (_buffer, _from, to) => to
  /** The socket's buffer is full: write no more until `onDrain`. */
  blocked = false
  onDrain: () => void = () => undefined
  onClose: () => void = () => undefined
  closed = false
  readonly #socket: Socket
  #rest: Buffer = NOTHING

  constructor(host: string, port: number) {
    const callback = (bytes: number): boolean => {
      this.#feed(bytes)
      return true
    }
    this.#socket = connect({ host, port, noDelay: true, onread: { buffer: shared, callback } })
    this.#socket.on('drain', () => {
      this.blocked = false
      this.onDrain()
    })
    this.#socket.on('error', () => this.#socket.destroy())
    this.#socket.on('close', () => {
      this.closed = true
      this.onClose()
    })
  }

  /** The bytes belong to the socket from here on. */
  write(bytes: Uint8Array): void {
    if (!this.closed && !this.#socket.write(bytes)) this.blocked = true
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** Writes the last bytes; `onClose` follows when the other end has closed too. */
  end(bytes: Uint8Array): void {
    this.#socket.end(bytes)
  }

  #feed(bytes: number): void {
    let buffer = shared
    let to = bytes
    if (this.#rest.length > 0) {
      buffer = Buffer.concat([this.#rest, shared.subarray(0, bytes)])
      to = buffer.length
      this.#rest = NOTHING
    }
    let at = 0
    let reader: Reader
    do {
      reader = this.reader
      at = reader(buffer, at, to)
    } while (reader !== this.reader && at < to)
    if (at < to) this.#rest = Buffer.from(buffer.subarray(at, to))
  }
}

const cursor = new FrameCursor()

/** Waits for the one answer to `request`; fails if its last byte is 0x80 or more, or `refused` says so, or after 30 s. */
const exchange = (connection: Connection, request: Buffer, type: number, after: Reader): Promise<void> =>
  new Promise((done, failed) => {
    const fail = (why: string): void => {
      clearTimeout(timer)
      connection.destroy()
      failed(new Error(why))
    }
    const timer = setTimeout(() => fail(`Packet type ${type} did not come within ${TIMEOUT_MS} ms`), TIMEOUT_MS)
    connection.onClose = () => fail(`Connection closed before packet type ${type} came`)
    connection.reader = (buffer, from, to) => {
      if (!cursor.next(buffer, from, to)) return from
      const { head, body, end } = cursor
      const code = type === PACKET.connack ? buffer[body + 1]! : buffer[end - 1]!
      connection.reader = after
      connection.onClose = () => undefined
      clearTimeout(timer)
      if (head >> 4 !== type) fail(`Packet type ${head >> 4} came where ${type} was due`)
      else if (type === PACKET.connack ? code !== 0 : code > 2) fail(`Packet type ${type} refused with code ${code}`)
      else done()
      return end
    }
    connection.write(request)
  })

/** Keeps what comes for the reader that will follow. */
const later = (): Reader => (_buffer, from) => from

/** Connects and waits for a CONNACK with code 0; the reader gets everything after it, from the same chunk on. */
export const dial = async (
  host: string,
  port: number,
  version: Version,
  clientId: string,
  kept?: Kept,
  reader: (connection: Connection) => Reader = later,
): Promise<Connection> => {
  const connection = new Connection(host, port)
  await exchange(connection, connectFrame(version, clientId, kept), PACKET.connack, reader(connection))
  return connection
}

/** Subscribes and waits for the SUBACK; `reader` gets everything after it, from the same chunk on. */
export const subscribe = (connection: Connection, version: Version, filter: string, qos: number, reader: Reader) =>
  exchange(connection, subscribeFrame(version, filter, qos), PACKET.suback, reader)

/** Runs `work` for 0…count-1, at most `limit` at once. Rejects with the first error. */
export const inParallel = async (count: number, limit: number, work: (i: number) => Promise<void>): Promise<void> => {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: Math.min(limit, count) }, lane))
}
