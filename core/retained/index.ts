/** Which topics hold a retained message, by level, in memory: set, get, delete and paged wildcard matching. Owns no storage, no expiry and no bound: its user counts `size` against the limits before it adds. */
import { Level } from './level.ts'
import { Walk } from './walk.ts'

export interface Page<V> {
  /** At most `limit`. May be fewer, even none, while `next` is set: a page also ends after a bounded number of visits. */
  readonly values: V[]
  /** Pass it with the same filter to go on; undefined after the last page. Means nothing to another index, or after `clear`. */
  readonly next: string | undefined
}

/** Levels a page may visit per value it may hold: what a page costs at most when nearly nothing matches. */
const VISITS_PER_VALUE = 64

/**
 * Topics as a tree of levels. Every level gets a number when it is made, and children are kept in the order of their
 * numbers, so a cursor is the path of numbers to the last level visited and a page resumes with one binary search per level.
 *
 *     #1 a ─┬─ #2 b {value}      filter a/#: visits 1, 1.2, 1.4, 1.4.5
 *           └─ #4 c ── #5 d      cursor after a/c: "1.4"
 *
 * Changes between pages: a topic that is there for the whole walk is returned exactly once, with the value it has when it
 * is visited. A topic that comes or goes meanwhile may or may not be returned; one that is deleted and set again meanwhile
 * may be returned once more, as it may get a new place.
 *
 * Memory: one `Level` per distinct topic prefix, plus its text. Topics are expected to be valid names, filters valid and not shared.
 */
export class RetainedIndex<V extends NonNullable<unknown>> {
  #root = new Level<V>('', 0)
  #size = 0
  #lastNumber = 0

  /** Topics held. */
  get size(): number {
    return this.#size
  }

  get(topic: string): V | undefined {
    let at: Level<V> | undefined = this.#root
    for (const level of topic.split('/')) {
      at = at.child(level)
      if (at === undefined) return undefined
    }
    return at.value
  }

  /** Returns the value it replaces. A topic keeps its place in the order when its value is replaced. */
  set(topic: string, value: V): V | undefined {
    let at = this.#root
    for (const level of topic.split('/')) {
      let child = at.child(level)
      if (child === undefined) {
        child = new Level<V>(level, ++this.#lastNumber)
        at.add(child)
      }
      at = child
    }
    const previous = at.value
    at.value = value
    if (previous === undefined) this.#size++
    return previous
  }

  /** Returns the value it removes. */
  delete(topic: string): V | undefined {
    const path = [this.#root]
    for (const level of topic.split('/')) {
      const child = path[path.length - 1]?.child(level)
      if (child === undefined) return undefined
      path.push(child)
    }
    const last = path[path.length - 1]!
    const removed = last.value
    if (removed === undefined) return undefined
    last.value = undefined
    this.#size--
    for (let i = path.length - 1; i > 0 && path[i]!.isEmpty(); i--) path[i - 1]!.remove(path[i]!)
    return removed
  }

  /**
   * The next page of the values whose topics match `filter`. A leading wildcard matches no topic that starts with '$'
   * [MQTT-4.7.2-1]; '#' matches its parent level too. Only levels that agree with the filter are visited. `limit` ≥ 1.
   */
  match(filter: string, cursor: string | undefined, limit: number): Page<V> {
    const walk = new Walk(this.#root, filter.split('/'))
    if (cursor !== undefined) walk.resume(cursor)
    const values: V[] = []
    for (let visits = limit * VISITS_PER_VALUE; visits > 0; visits--) {
      const at = walk.next()
      if (at === undefined) return { values, next: undefined }
      if (at.value !== undefined && walk.matched && values.push(at.value) >= limit) break
    }
    return { values, next: walk.cursor() }
  }

  /** All of them, in no order. */
  values(): V[] {
    const values: V[] = []
    for (const levels = [this.#root]; levels.length > 0; ) {
      const level = levels.pop()!
      if (level.value !== undefined) values.push(level.value)
      for (let place = 0, child = level.at(0); child !== undefined; child = level.at(++place)) levels.push(child)
    }
    return values
  }

  clear(): void {
    this.#root = new Level('', 0)
    this.#size = 0
  }
}
