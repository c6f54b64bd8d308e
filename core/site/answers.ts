/** Answers of another site that are waited for, each for so long at most. Owns nothing but their deadlines. */

interface Waiting {
  readonly until: number
  readonly giveUp: () => void
}

export class Answers {
  readonly #waiting = new Set<Waiting>()
  readonly #now: () => number

  /** `now`: ms since the epoch. */
  constructor(now: () => number) {
    this.#now = now
  }

  /**
   * `done` is called once: with what the result of this is given, or with undefined when that takes longer than `ms`. The
   * result says false if it was too late.
   */
  within<T>(ms: number, done: (answer: T | undefined) => void): (answer: T) => boolean {
    const waiting: Waiting = { until: this.#now() + ms, giveUp: () => done(undefined) }
    this.#waiting.add(waiting)
    return answer => {
      if (!this.#waiting.delete(waiting)) return false
      done(answer)
      return true
    }
  }

  tick(now: number): void {
    for (const waiting of this.#waiting) if (waiting.until <= now) this.#giveUp(waiting)
  }

  /** Nobody will answer. */
  clear(): void {
    for (const waiting of [...this.#waiting]) this.#giveUp(waiting)
  }

  #giveUp(waiting: Waiting): void {
    if (this.#waiting.delete(waiting)) waiting.giveUp()
  }
}
