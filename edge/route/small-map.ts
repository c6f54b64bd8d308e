/** A map that mostly holds one pair: kept inline, because an own `Map` for each of very many filters costs 200 bytes more. */
export class SmallMap<K extends object, V> {
  #key: K | undefined
  #value: V | undefined
  #all: Map<K, V> | undefined

  get size(): number {
    if (this.#all !== undefined) return this.#all.size
    return this.#key === undefined ? 0 : 1
  }

  set(key: K, value: V): void {
    if (this.#all !== undefined) {
      this.#all.set(key, value)
      return
    }
    if (this.#key !== undefined && this.#key !== key) {
      this.#all = new Map([[this.#key, this.#value as V]])
      this.#all.set(key, value)
      this.#key = undefined
      this.#value = undefined
      return
    }
    this.#key = key
    this.#value = value
  }

  delete(key: K): void {
    if (this.#all !== undefined) this.#all.delete(key)
    else if (this.#key === key) {
      this.#key = undefined
      this.#value = undefined
    }
  }

  forEach(visit: (value: V, key: K) => void): void {
    if (this.#all !== undefined) this.#all.forEach(visit)
    else if (this.#key !== undefined) visit(this.#value as V, this.#key)
  }
}
