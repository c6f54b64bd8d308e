/** One level of retained topics and its children, in the order in which they came. Knows no filters. */

/** Children up to which a search through the list is as good as a map, and costs no memory. */
const LIST_CHILDREN = 8

export class Level<V> {
  readonly text: string
  /** Unique in its index and never used again: where a walk resumes. */
  readonly number: number
  value: V | undefined = undefined
  /** By ascending number. Once there is a map it may hold children that were removed: they have neither value nor children. */
  #children: Level<V>[] | undefined = undefined
  #byText: Map<string, Level<V>> | undefined = undefined

  constructor(text: string, number: number) {
    this.text = text
    this.number = number
  }

  child(text: string): Level<V> | undefined {
    if (this.#byText !== undefined) return this.#byText.get(text)
    return this.#children?.find(child => child.text === text)
  }

  /** `child` is new and has the highest number so far. */
  add(child: Level<V>): void {
    if (this.#children === undefined) this.#children = [child]
    else this.#children.push(child)
    if (this.#byText !== undefined) this.#byText.set(child.text, child)
    else if (this.#children.length > LIST_CHILDREN) {
      this.#byText = new Map(this.#children.map(each => [each.text, each]))
    }
  }

  /** `child` is empty. */
  remove(child: Level<V>): void {
    const children = this.#children
    if (children === undefined) return
    if (this.#byText === undefined) children.splice(children.indexOf(child), 1)
    else {
      this.#byText.delete(child.text)
      // Removed children stay in the list until they are the most of it: removing costs constant time on average.
      if (this.#byText.size * 2 < children.length) this.#children = [...this.#byText.values()]
    }
    if (this.#children?.length === 0) {
      this.#children = undefined
      this.#byText = undefined
    }
  }

  isEmpty(): boolean {
    return this.value === undefined && this.#children === undefined
  }

  /** The child at a place of the order; undefined past the last. The place may hold a removed child. */
  at(place: number): Level<V> | undefined {
    return this.#children?.[place]
  }

  /** The place of the first child with this number or a higher one. */
  placeOf(number: number): number {
    const children = this.#children ?? []
    let low = 0
    let high = children.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (children[middle]!.number < number) low = middle + 1
      else high = middle
    }
    return low
  }
}
