/** One page's way through the levels that agree with a filter, depth first, and the cursor it can resume from. Changes nothing. */
import type { Level } from './level.ts'

const CURSOR_RADIX = 36

/** No recursion: a topic may have as many levels as the limits allow. The index must not change while a walk is in use. */
export class Walk<V> {
  readonly #filter: readonly string[]
  /** Where '#' stands in the filter; Infinity without one. */
  readonly #hashAt: number
  /** From the root to the level visited last. */
  readonly #path: Level<V>[]
  /** Per level of the path, the place of the child to visit next. A literal has one child: 0 before, 1 after it. */
  readonly #places: number[] = [0]

  constructor(root: Level<V>, filter: readonly string[]) {
    this.#filter = filter
    this.#hashAt = filter.at(-1) === '#' ? filter.length - 1 : Number.POSITIVE_INFINITY
    this.#path = [root]
  }

  /** Whether the level that `next` returned is a whole match (or just on the way to one). */
  get matched(): boolean {
    const depth = this.#path.length - 1
    return depth === this.#filter.length || depth >= this.#hashAt
  }

  /** The next level that agrees with the filter, parents before children; undefined at the end. */
  next(): Level<V> | undefined {
    while (this.#path.length > 0) {
      const child = this.#nextChild(this.#path.length - 1)
      if (child !== undefined) {
        this.#enter(child)
        return child
      }
      this.#path.pop()
      this.#places.pop()
    }
    return undefined
  }

  /** Names the level that `next` returned last. */
  cursor(): string {
    return this.#path.map(level => level.number.toString(CURSOR_RADIX)).join('.')
  }

  /** Goes to where the cursor was taken, or to the first level behind it that is still there. Called before `next`. */
  resume(cursor: string): void {
    const [, ...numbers] = cursor.split('.')
    for (const text of numbers) {
      const number = Number.parseInt(text, CURSOR_RADIX)
      const depth = this.#path.length - 1
      const parent = this.#path[depth]!
      const pattern = this.#pattern(depth)
      if (pattern === undefined) return
      const wildcard = isWildcard(pattern)
      const place = wildcard ? parent.placeOf(number) : 0
      const child = wildcard ? parent.at(place) : parent.child(pattern)
      const there = child?.number === number
      this.#places[depth] = there ? place + 1 : place
      if (!there) return
      this.#enter(child)
    }
  }

  #enter(child: Level<V>): void {
    this.#path.push(child)
    this.#places.push(0)
  }

  #nextChild(depth: number): Level<V> | undefined {
    const pattern = this.#pattern(depth)
    if (pattern === undefined) return undefined
    const parent = this.#path[depth]!
    const place = this.#places[depth]!
    if (!isWildcard(pattern)) {
      this.#places[depth] = 1
      return place === 0 ? parent.child(pattern) : undefined
    }
    let next = place
    let child = parent.at(next++)
    // A leading wildcard does not match a topic that starts with '$' [MQTT-4.7.2-1].
    if (depth === 0) while (child?.text.startsWith('$')) child = parent.at(next++)
    this.#places[depth] = next
    return child
  }

  /** What the children of a level at this depth must agree with; undefined if the filter ends here. */
  #pattern(depth: number): string | undefined {
    return this.#filter[Math.min(depth, this.#hashAt)]
  }
}

const isWildcard = (pattern: string): boolean => pattern === '+' || pattern === '#'
