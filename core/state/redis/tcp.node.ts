/** Redis over TCP or TLS. One connection that is made again whenever it is lost; nothing is sent twice. */
import { Command, Redis } from 'ioredis'
import type { Argument, Reply, Transport } from './driver.ts'

export interface TcpOptions {
  /** `redis://` or `rediss://`, with everything in it. */
  readonly url: string
  readonly shown: string
  /** Authorities of the certificate of `rediss://`, PEM; the usual ones if not given. */
  readonly ca?: string
  /** A connection that brings no answer for so long is given up, and all that waits on it fails. */
  readonly timeoutMs: number
}

const RECONNECT_MAX_MS = 500

export class TcpTransport implements Transport {
  readonly address: string
  readonly #redis: Redis
  #lastError = 'no answer yet'

  constructor({ url, shown, ca, timeoutMs }: TcpOptions) {
    this.address = shown
    this.#redis = new Redis(url, {
      protocol: 2,
      // Whoever calls wants to know at once, and a script that may have run must not run again by itself.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      connectTimeout: timeoutMs,
      socketTimeout: timeoutMs,
      ...(ca === undefined ? {} : { tls: { ca } }),
      retryStrategy: times => Math.min(times * 50, RECONNECT_MAX_MS),
    })
    this.#redis.on('ready', () => {
      this.#lastError = 'closed by the other end'
    })
    this.#redis.on('error', error => {
      this.#lastError = error.message
    })
  }

  /** Once it is connected, or `timeoutMs` have passed. */
  settled(timeoutMs: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, timeoutMs)
      this.#redis.once('ready', () => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  async call(
    command: 'evalsha' | 'eval',
    script: string,
    keys: readonly string[],
    args: readonly Argument[],
  ): Promise<Reply> {
    if (this.#redis.status !== 'ready') throw new Error(`not connected: ${this.#lastError}`)
    const words = [script, keys.length, ...keys, ...args.map(own)]
    // Not the client's own pipelining: that waits for the answers to one batch before it sends the next. Written like this, what
    // one turn of the event loop brings goes to the socket in one piece.
    const sent = new Command(command, words, { replyEncoding: null })
    try {
      return (await this.#redis.sendCommand(sent)) as Reply
    } catch (error) {
      // The client's word for it speaks of retries that there are none of.
      if ((error as Error).name === 'MaxRetriesPerRequestError') throw new Error(`connection lost: ${this.#lastError}`)
      throw error
    }
  }

  close(): void {
    this.#redis.disconnect()
  }
}

/** The client takes only its own kind of bytes; no copy is made. */
const own = (value: Argument): string | number | Buffer =>
  value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.length) : value
