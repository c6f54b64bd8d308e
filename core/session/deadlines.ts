/** What is due when, in buckets of one second: sessions, wills, retained messages. Reads no clock; does nothing with what is due. */

export class Deadlines<T> {
  readonly #buckets = new Map<number, Set<T>>()
  readonly #second = new Map<T, number>()
  #next = 0

  get size(): number {
    return this.#second.size
  }

  /** Sets or moves the one deadline of `item`; Infinity removes it. ms since the epoch. */
  set(item: T, at: number): void {
    const second = Math.ceil(at / 1000)
    const known = this.#second.get(item)
    if (known === second) return
    if (known !== undefined) this.delete(item)
    if (at === Number.POSITIVE_INFINITY) return
    this.#second.set(item, second)
    const bucket = this.#buckets.get(second)
    if (bucket === undefined) this.#buckets.set(second, new Set([item]))
    else bucket.add(item)
    if (second < this.#next) this.#next = second
  }

  delete(item: T): void {
    const second = this.#second.get(item)
    if (second === undefined) return
    this.#second.delete(item)
    const bucket = this.#buckets.get(second)!
    bucket.delete(item)
    if (bucket.size === 0) this.#buckets.delete(second)
  }

  /** Removes and returns all that is due at `now`, earliest first. */
  due(now: number): T[] {
    const last = Math.floor(now / 1000)
    const due: T[] = []
    const take = (second: number) => {
      for (const item of this.#buckets.get(second) ?? []) {
        this.#second.delete(item)
        due.push(item)
      }
      this.#buckets.delete(second)
    }
    if (last - this.#next <= this.#buckets.size) for (let s = this.#next; s <= last; s++) take(s)
    else for (const s of [...this.#buckets.keys()].filter(s => s <= last).sort((a, b) => a - b)) take(s)
    this.#next = Math.max(this.#next, last + 1)
    return due
  }
}
