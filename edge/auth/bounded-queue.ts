/** Runs slow tasks a few at a time, in order, with a bound on how many wait. */

export class BoundedQueue {
  readonly #concurrency: number
  readonly #maxWaiting: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(concurrency: number, maxWaiting: number) {
    this.#concurrency = concurrency
    this.#maxWaiting = maxWaiting
  }

  /** The task's result, or undefined at once if too many wait. */
  run<T>(task: () => Promise<T>): Promise<T> | undefined {
    if (this.#running < this.#concurrency) {
      this.#running++
      return this.#finish(task)
    }
    if (this.#waiting.length >= this.#maxWaiting) return undefined
    return new Promise<void>(go => this.#waiting.push(go)).then(() => this.#finish(task))
  }

  /** Runs the task, then hands its place to the next that waits. */
  async #finish<T>(task: () => Promise<T>): Promise<T> {
    try {
      return await task()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#running--
    }
  }
}
