/** A bounded memory of what was computed per topic, so that a busy topic is matched once. Knows no filters' payloads; who changes a filter must invalidate. */
import { hasWildcard } from './validate.ts'

/**
 * Topics live in two generations of `maxTopics / 2` each. A topic asked for moves to the young one; when that is full the
 * old one is dropped as a whole, so that what is asked for often stays and eviction costs nothing per entry.
 */
export class MatchCache<V extends NonNullable<unknown>> {
  readonly #perGeneration: number
  readonly #resized: (by: number) => void
  #young = new Map<string, V>()
  #old = new Map<string, V>()

  /** `maxTopics`: entries held at most; below 2 nothing is kept. `resized` hears of every change of `size`. */
  constructor(maxTopics: number, resized: (by: number) => void = () => {}) {
    this.#perGeneration = Math.floor(maxTopics / 2)
    this.#resized = resized
  }

  /** Entries held, a topic that was promoted counts twice until its old generation goes. At most `maxTopics`. */
  get size(): number {
    return this.#young.size + this.#old.size
  }

  get(topic: string): V | undefined {
    const young = this.#young.get(topic)
    if (young !== undefined || this.#old.size === 0) return young
    const old = this.#old.get(topic)
    if (old !== undefined) this.set(topic, old)
    return old
  }

  set(topic: string, value: V): void {
    if (this.#perGeneration === 0) return
    const before = this.size
    if (this.#young.size >= this.#perGeneration && !this.#young.has(topic)) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(topic, value)
    this.#tell(before)
  }

  /** Forgets everything, in constant time. */
  invalidate(): void {
    const before = this.size
    if (this.#young.size > 0) this.#young = new Map()
    if (this.#old.size > 0) this.#old = new Map()
    this.#tell(before)
  }

  /** Call it when the filter (without `$share/{group}/`) came, went or changed. A filter with wildcards forgets everything, any other only its topic. */
  invalidateFilter(filter: string): void {
    if (hasWildcard(filter)) this.invalidate()
    else {
      const before = this.size
      this.#young.delete(filter)
      this.#old.delete(filter)
      this.#tell(before)
    }
  }

  #tell(before: number): void {
    const by = this.size - before
    if (by !== 0) this.#resized(by)
  }
}
