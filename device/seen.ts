/** Message ids that came already, the newest of them. Holds ids, no messages. */

/** What is longer is no id of this SDK, and is not remembered: the bound is one on memory too. */
const MOST_CHARACTERS = 1024

export class Seen {
  readonly #max: number
  readonly #ids = new Set<string>()

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#ids.size
  }

  /** Whether the id is new; it is known from then on, and the oldest is forgotten for it. */
  isNew(id: string): boolean {
    if (id.length > MOST_CHARACTERS) return true
    const known = this.#ids.delete(id)
    this.#ids.add(id)
    if (this.#ids.size > this.#max) {
      for (const oldest of this.#ids) {
        this.#ids.delete(oldest)
        break
      }
    }
    return !known
  }
}
