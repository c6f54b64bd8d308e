/** Decides when which publisher owes a message: message n of the whole run is due at begin + n × step, whatever happened before. */
import { nowMs } from './clock.ts'
import type { Publisher } from './publisher.ts'

/** Node's timers may be this late; when the next message is due sooner, the loop is polled instead. */
const TIMER_MS = Number(process.env.T ?? 1.2)

export interface Pace {
  readonly beginMs: number
  /** Milliseconds between two messages of the whole run. */
  readonly stepMs: number
  /** Messages of the whole run. */
  readonly total: number
}

export class Pacer {
  readonly #pace: Pace
  /** By publisher number; empty where another worker has it. */
  readonly #publishers: readonly (Publisher | undefined)[]
  readonly #dirty: Publisher[] = []
  #next = 0
  #running = true

  constructor(pace: Pace, publishers: readonly (Publisher | undefined)[]) {
    this.#pace = pace
    this.#publishers = publishers
    this.#tick()
  }

  stop(): void {
    this.#running = false
    for (const publisher of this.#publishers) publisher?.stop()
  }

  readonly #tick = (): void => {
    if (!this.#running) return
    const { beginMs, stepMs, total } = this.#pace
    const due = Math.min(total, Math.floor((nowMs() - beginMs) / stepMs) + 1)
    for (; this.#next < due; this.#next++) {
      const publisher = this.#publishers[this.#next % this.#publishers.length]
      if (publisher?.owe()) this.#dirty.push(publisher)
    }
    for (const publisher of this.#dirty) publisher.flush()
    this.#dirty.length = 0
    if (this.#next >= total) return
    const waitMs = beginMs + this.#next * stepMs - nowMs()
    if (waitMs > TIMER_MS) setTimeout(this.#tick, waitMs - TIMER_MS)
    else setImmediate(this.#tick)
  }
}
