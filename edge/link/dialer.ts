/**
 * Keeps one connection to one of the cores: tries their URLs in turn, says HELLO, hears the answer, and tries again with
 * growing, jittered pauses. Owns the connection; what comes over it, and what it means that it is gone, is its user's.
 */
import { decodeAnswer, encodeHello, type Hello, type Welcome } from '../../core/contract/link/hello.ts'
import type { LinkStats } from '../../core/contract/link/stats.ts'
import {
  CLOSE_DAMAGED,
  CLOSE_NORMAL,
  type LinkConnector,
  type LinkTransport,
} from '../../core/contract/link/transport.ts'

export interface DialerOptions {
  /** `ws://` and `wss://` URLs of cores. */
  readonly cores: readonly string[]
  readonly connect: LinkConnector
  readonly stats: LinkStats
  /** ms since the epoch. */
  readonly now: () => number
  /** From 0 to below 1. */
  readonly random: () => number
  readonly hello: () => Hello
  /** The core is there: from here on everything that comes is given to `frame`. False: it cannot be used. */
  readonly welcomed: (welcome: Welcome, transport: LinkTransport, url: string) => boolean
  readonly frame: (bytes: Uint8Array) => void
  /** A connection that was welcomed is gone. */
  readonly down: (detail: string) => void
  /** No core could be had this time. */
  readonly failed: (url: string, detail: string, retryMs: number) => void
}

/** Connection, TLS, HELLO and answer together. */
const DIAL_TIMEOUT_MS = 5_000
const PAUSE_FIRST_MS = 200
const PAUSE_MAX_MS = 1_000

export class Dialer {
  readonly #o: DialerOptions
  #at = 0
  /** URLs tried since one was welcomed. */
  #tries = 0
  #transport: LinkTransport | undefined
  #welcomed = false
  /** When to dial next, or since when it is being dialled. */
  #due = 0
  #closed = true

  constructor(options: DialerOptions) {
    this.#o = options
  }

  start(): void {
    this.#closed = false
    this.#dial()
  }

  /** A few times a second. */
  tick(now: number): void {
    if (this.#closed || this.#welcomed) return
    if (this.#transport === undefined) {
      if (now >= this.#due) this.#dial()
    } else if (now - this.#due > DIAL_TIMEOUT_MS) this.#end(CLOSE_NORMAL, `No answer in ${DIAL_TIMEOUT_MS} ms`)
  }

  /** Ends the connection there is; another one is tried. */
  drop(code: number, detail: string): void {
    this.#end(code, detail)
  }

  close(): void {
    this.#closed = true
    this.#end(CLOSE_NORMAL, 'Good-bye')
  }

  #dial(): void {
    const url = this.#o.cores[this.#at]!
    this.#due = this.#o.now()
    const mine = (): boolean => this.#transport === transport
    const transport: LinkTransport = this.#o.connect(
      url,
      () => {
        if (mine()) transport.send(encodeHello(this.#o.hello()))
      },
      {
        message: bytes => {
          if (!mine()) return
          if (this.#welcomed) this.#o.frame(bytes)
          else this.#answered(bytes, transport, url)
        },
        closed: detail => {
          if (mine()) this.#gone(detail)
        },
      },
    )
    this.#transport = transport
  }

  #answered(bytes: Uint8Array, transport: LinkTransport, url: string): void {
    try {
      const answer = decodeAnswer(bytes)
      if (answer.is === 'refused') {
        this.#o.stats.refused++
        return this.#end(CLOSE_NORMAL, `Refused (${answer.why}): ${answer.detail}`)
      }
      this.#welcomed = true
      if (this.#o.welcomed(answer, transport, url)) {
        this.#tries = 0
        return
      }
      this.#welcomed = false
      this.#end(CLOSE_DAMAGED, 'Core and edge do not fit together')
    } catch (error) {
      this.#end(CLOSE_DAMAGED, error instanceof Error ? error.message : String(error))
    }
  }

  #end(code: number, detail: string): void {
    const transport = this.#transport
    if (transport === undefined) return
    transport.close(code, detail.slice(0, 100))
    if (this.#transport === transport) this.#gone(detail)
  }

  #gone(detail: string): void {
    const { cores, now, random, stats } = this.#o
    const url = cores[this.#at]!
    this.#transport = undefined
    if (this.#welcomed) {
      // The same core first, and at once: it goes on where it was, unless it has died.
      this.#welcomed = false
      this.#due = now()
      stats.broken++
      return this.#o.down(detail)
    }
    if (this.#closed) return
    this.#at = (this.#at + 1) % cores.length
    const round = Math.floor(++this.#tries / cores.length)
    const within = this.#tries % cores.length !== 0
    const pause = within ? 0 : Math.min(PAUSE_FIRST_MS * 2 ** (round - 1), PAUSE_MAX_MS) * (0.5 + random())
    this.#due = now() + pause
    this.#o.failed(url, detail, Math.round(pause))
  }
}
