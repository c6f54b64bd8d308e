/** A bounded memory of what was computed per topic, so that a busy topic is matched once. Knows no filters' payloads; who changes a filter must invalidate. */
import { hasWildcard } from './validate.ts'

/**
 * Topics live in two generations of `maxTopics / 2` each. A topic asked for moves to the young one; when that is full the
 * old one is dropped as a whole, so that what is asked for often stays and eviction costs nothing per entry.
 */
export class MatchCache<V extends NonNullable<unknown>> {
  readonly #perGeneration: number
  #young = new Map<string, V>()
  #old = new Map<string, V>()

  /** `maxTopics`: entries held at most; below 2 nothing is kept. */
  constructor(maxTopics: number) {
    this.#perGeneration = Math.floor(maxTopics / 2)
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
    if (this.#young.size >= this.#perGeneration && !this.#young.has(topic)) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(topic, value)
  }

  /** Forgets everything, in constant time. */
  invalidate(): void {
    if (this.#young.size > 0) this.#young = new Map()
    if (this.#old.size > 0) this.#old = new Map()
  }

  /** Call it when the filter (without `$share/{group}/`) came, went or changed. A filter with wildcards forgets everything, any other only its topic. */
  invalidateFilter(filter: string): void {
    if (hasWildcard(filter)) this.invalidate()
    else {
      this.#young.delete(filter)
      this.#old.delete(filter)
    }
  }
}
