/** Remembers for a while which passwords were right, so that a reconnect storm does not cost a scrypt each. Holds neither passwords nor anything that outlives the process. */
import { createHmac, randomBytes } from 'node:crypto'

export class VerifiedCache {
  readonly #maxEntries: number
  /** Known to nobody: what is remembered cannot be tested against guesses from outside. */
  readonly #key = randomBytes(32)
  readonly #known = new Set<string>()

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries
  }

  /** `entry` is the user's line in the file: after a change of the password nothing old is found. */
  mark(user: string, entry: string, password: Uint8Array): string {
    return createHmac('sha256', this.#key).update(`${user.length}:${user}${entry}\n`).update(password).digest('base64')
  }

  has(mark: string): boolean {
    if (!this.#known.delete(mark)) return false
    this.#known.add(mark)
    return true
  }

  /** Adds a mark; the one not seen for longest goes if there are too many. */
  add(mark: string): void {
    if (this.#known.size >= this.#maxEntries) this.#known.delete(this.#known.values().next().value!)
    this.#known.add(mark)
  }
}
