/** What is said again and again while something is away: once when it begins, then every 30 s with how often it was left out. */

const AGAIN_MS = 30_000
/** Said no more for so long: it is over. */
const OVER_MS = 15_000
/** More causes at once than that are not told apart from new ones. */
const CAUSES = 1_000

interface Cause {
  readonly since: number
  said: number
  last: number
  times: number
  leftOut: number
}

export interface Ceased {
  readonly cause: string
  readonly times: number
  readonly forMs: number
}

export class Repeats {
  readonly #now: () => number
  readonly #causes = new Map<string, Cause>()

  /** `now`: ms since the epoch. */
  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /** How often it was left out since it was last said, if it is to be said now. */
  take(cause: string): number | undefined {
    const now = this.#now()
    const known = this.#causes.get(cause)
    if (known === undefined) {
      if (this.#causes.size < CAUSES)
        this.#causes.set(cause, { since: now, said: now, last: now, times: 1, leftOut: 0 })
      return 0
    }
    known.times++
    known.last = now
    if (now - known.said < AGAIN_MS) {
      known.leftOut++
      return undefined
    }
    const { leftOut } = known
    known.said = now
    known.leftOut = 0
    return leftOut
  }

  /** Forgets what begins with this: the next time is the first one. */
  over(start: string): void {
    for (const cause of this.#causes.keys()) if (cause.startsWith(start)) this.#causes.delete(cause)
  }

  /** Call every second. What came more than once and has not come for 15 s; it is forgotten. */
  ceased(): Ceased[] {
    const now = this.#now()
    const ceased: Ceased[] = []
    for (const [cause, { since, last, times }] of this.#causes) {
      if (now - last < OVER_MS) continue
      this.#causes.delete(cause)
      if (times > 1) ceased.push({ cause, times, forMs: last - since })
    }
    return ceased
  }
}
