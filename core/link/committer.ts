/** The commits of one store: one at a time, tried again with growing pauses while they fail. Knows nothing of what is committed. */
import type { Commits } from '../log/port.ts'
import type { CoreEvents, CoreStats } from '../stats.ts'

export interface CommitterOptions {
  readonly stats: CoreStats
  readonly events: CoreEvents
  readonly now: () => number
}

const RETRY_FIRST_MS = 1_000
const RETRY_MAX_MS = 4_000

export class Committer {
  readonly commits: Commits
  /** A commit is under way, or waits to be tried again. */
  busy = false
  /** The last try failed. */
  failing = false
  readonly #o: CommitterOptions
  #then: (() => void) | undefined = undefined
  #trying = false
  #retryAt = 0
  #retryMs = RETRY_FIRST_MS

  constructor(commits: Commits, options: CommitterOptions) {
    this.commits = commits
    this.#o = options
  }

  /** Commits what was written up to now; `then` once it is durable. Only while not `busy`. */
  start(then: () => void): void {
    this.busy = true
    this.#then = then
    this.#try()
  }

  /** Tries again if it is time. ms since the epoch. */
  tick(now: number): void {
    if (this.busy && !this.#trying && now >= this.#retryAt) this.#try()
  }

  #try(): void {
    this.#trying = true
    this.commits.commit(error => {
      this.#trying = false
      if (error === undefined) this.#succeeded()
      else this.#failed(error)
    })
  }

  #succeeded(): void {
    this.#o.stats.commits++
    if (this.failing) {
      this.failing = false
      this.#o.events({ is: 'commit-recovered' })
    }
    this.busy = false
    const then = this.#then
    this.#then = undefined
    then?.()
  }

  #failed(error: Error): void {
    const { stats, events, now } = this.#o
    stats.commitFailures++
    this.#retryMs = this.failing ? Math.min(this.#retryMs * 2, RETRY_MAX_MS) : RETRY_FIRST_MS
    this.failing = true
    this.#retryAt = now() + this.#retryMs
    events({ is: 'commit-failed', detail: error.message, retryMs: this.#retryMs })
  }
}
