/** Decides when which publisher owes a message: message n of the whole run is due at begin + n × step, whatever happened before. */
import { nowMs } from './clock.ts'
import type { Publisher } from './publisher.ts'

export interface Pace {
  readonly beginMs: number
  /** Milliseconds between two messages of the whole run. */
  readonly stepMs: number
  /** Messages of the whole run. */
  readonly total: number
}

/**
 * Looks at the clock after every turn of the loop in which something arrived, and by a timer (1 ms at best) when nothing
 * does: as exact as the load makes it, without spinning. The lateness is measured and is part of every latency.
 */
export class Pacer {
  readonly #pace: Pace
  /** By publisher number; empty where another worker has it. */
  readonly #publishers: readonly (Publisher | undefined)[]
  readonly #dirty: Publisher[] = []
  #next = 0
  #running = true
  #timer = false
  #woken = false

  constructor(pace: Pace, publishers: readonly (Publisher | undefined)[]) {
    this.#pace = pace
    this.#publishers = publishers
    this.#publishDue()
  }

  /** Something arrived: look at the clock once this turn is over. */
  readonly wake = (): void => {
    if (this.#woken || !this.#running) return
    this.#woken = true
    setImmediate(() => {
      this.#woken = false
      this.#publishDue()
    })
  }

  stop(): void {
    this.#running = false
    for (const publisher of this.#publishers) publisher?.stop()
  }

  #publishDue(): void {
    const { beginMs, stepMs, total } = this.#pace
    if (!this.#running || this.#next >= total) return
    const due = Math.min(total, Math.floor((nowMs() - beginMs) / stepMs) + 1)
    for (; this.#next < due; this.#next++) {
      const publisher = this.#publishers[this.#next % this.#publishers.length]
      if (publisher?.owe()) this.#dirty.push(publisher)
    }
    for (const publisher of this.#dirty) publisher.flush()
    this.#dirty.length = 0
    this.#arm(beginMs + this.#next * stepMs - nowMs())
  }

  #arm(waitMs: number): void {
    if (this.#timer) return
    this.#timer = true
    setTimeout(
      () => {
        this.#timer = false
        this.#publishDue()
      },
      Math.max(1, waitMs),
    )
  }
}
