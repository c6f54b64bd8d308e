/** A first-in first-out queue on one array: `shift` is O(1). The caller bounds it. */
export class Fifo<T> {
  #items: (T | undefined)[] = []
  #head = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  push(item: T): void {
    this.#items.push(item)
  }

  peek(): T | undefined {
    return this.#items[this.#head]
  }

  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head++] = undefined
    if (this.#head === this.#items.length) {
      this.#items = []
      this.#head = 0
    } else if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  /** The first that `is` true of. */
  find(is: (item: T) => boolean): T | undefined {
    for (let i = this.#head; i < this.#items.length; i++) if (is(this.#items[i] as T)) return this.#items[i]
    return undefined
  }

  /** A copy of all, in order; they stay. */
  peekAll(): T[] {
    return this.#items.slice(this.#head) as T[]
  }

  /** Takes all, in order. */
  drain(): T[] {
    const all = this.#items.slice(this.#head) as T[]
    this.#items = []
    this.#head = 0
    return all
  }
}
