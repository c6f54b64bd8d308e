/**
 * Appends what is staged to one lite topic: one message at a time, so that their order is that of the calls, and the same bytes
 * again until RocketMQ has them. A message that came twice does no harm: positions tell.
 */
import type { Commits } from '../port.ts'
import { type Body, type Entry, frame } from './wal-frame.ts'
import type { WalStats } from './wal-stats.ts'

export interface AppenderOptions {
  readonly send: (body: Uint8Array) => Promise<void>
  /** False while another core may have taken over: nothing is appended then, not even again. */
  readonly may: () => boolean
  readonly bodyBytes: number
  /** So long a commit goes on trying. */
  readonly retryMs: number
  readonly stats: WalStats
  readonly warn: (text: string) => void
  /** The envelope at this position begins in the message with this number, counted from 0. */
  readonly appended: (position: number, count: number) => void
  readonly close: () => void
}

const RETRY_FIRST_MS = 50
const RETRY_MAX_MS = 500
const LOOK_AGAIN_MS = 20

export class Appender implements Commits {
  /** Messages that RocketMQ has acknowledged: with what came twice, the lite topic holds at least as many. */
  count = 0
  readonly #o: AppenderOptions
  #staged: Entry[] = []
  #stagedBytes = 0
  #bodies: Body[] = []
  #closed = false

  constructor(options: AppenderOptions) {
    this.#o = options
  }

  get dirty(): boolean {
    return this.#staged.length > 0 || this.#bodies.length > 0
  }

  get full(): boolean {
    return this.#stagedBytes >= this.#o.bodyBytes
  }

  add(entry: Entry): void {
    this.#staged.push(entry)
    this.#stagedBytes += entry.envelope.length
  }

  commit(done: (error: Error | undefined) => void): void {
    if (!this.dirty) return done(undefined)
    if (this.#staged.length > 0) {
      const fresh = frame(this.#staged, this.#o.bodyBytes)
      this.#bodies = this.#bodies.length === 0 ? fresh : this.#bodies.concat(fresh)
      for (const { bytes } of fresh) this.#o.stats.nowPendingBytes += bytes.length
      this.#staged = []
      this.#stagedBytes = 0
    }
    this.#sendAll().then(() => done(undefined), done)
  }

  close(): void {
    this.#closed = true
    this.#o.close()
  }

  async #sendAll(): Promise<void> {
    const { stats } = this.#o
    const end = Date.now() + this.#o.retryMs
    for (let body = this.#bodies[0]; body !== undefined; body = this.#bodies[0]) {
      await this.#send(body.bytes, end)
      this.#bodies.shift()
      stats.nowPendingBytes -= body.bytes.length
      stats.appends++
      stats.appendBytes += body.bytes.length
      for (const position of body.begins) this.#o.appended(position, this.count)
      this.count++
    }
  }

  async #send(bytes: Uint8Array, end: number): Promise<void> {
    const { stats } = this.#o
    for (let pause = RETRY_FIRST_MS; ; pause = Math.min(pause * 2, RETRY_MAX_MS)) {
      while (!this.#o.may()) {
        if (this.#closed) throw new Error('The log is closed, and another core may have taken over')
        await new Promise(resolve => setTimeout(resolve, LOOK_AGAIN_MS))
      }
      const begin = performance.now()
      try {
        await this.#o.send(bytes)
        stats.appendMs += performance.now() - begin
        return
      } catch (error) {
        if (this.#closed || Date.now() + pause > end) {
          stats.appendFailures++
          throw error
        }
        stats.appendRetries++
        this.#o.warn((error as Error).message)
        await new Promise(resolve => setTimeout(resolve, pause))
      }
    }
  }
}
