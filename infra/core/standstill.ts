/** Keeps a process that stood still (stopped, swapped out) from acting before it knows that it is still its turn. Owns what has to wait; asks nobody itself. */

const LOOK_AGAIN_MS = 5

export class Standstill {
  readonly #mayBeStale: (now: number) => boolean
  #waiting: (() => void)[] = []

  /** `mayBeStale`: asked with ms since the epoch before anything happens. */
  constructor(mayBeStale: (now: number) => boolean) {
    this.#mayBeStale = mayBeStale
  }

  /** Runs it at once, or, in the order of the calls, when it is known that it may happen: never, if another has taken over. */
  readonly run = (fn: () => void): void => {
    if (this.#waiting.length > 0) this.#waiting.push(fn)
    else if (this.#mayBeStale(Date.now())) {
      this.#waiting.push(fn)
      this.#lookAgain()
    } else fn()
  }

  #lookAgain(): void {
    setTimeout(() => {
      if (this.#mayBeStale(Date.now())) return this.#lookAgain()
      const waiting = this.#waiting
      this.#waiting = []
      for (const fn of waiting) fn()
    }, LOOK_AGAIN_MS)
  }
}
