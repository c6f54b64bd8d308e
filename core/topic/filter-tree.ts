/** The tree of topic filters, one payload each: who asks "which filters match this topic" asks here. Knows neither subscribers nor `$share`. */

const SCRATCH_NODES = 1024

/**
 * Filters by level. Memory: one node per distinct level prefix (72 bytes and the level's text); a node makes a map of
 * children only for its second child, and branches without a filter are cut at `delete`.
 *
 *     sport/tennis/+   sport/#
 *
 *     root ── sport {multi: payload of sport/#} ── tennis ── plus {payload}
 *
 * Cost of `match`: the topic is walked once, level by level, with the set of nodes that still match (at most two per node
 * of the level before: literal and '+'). So it never touches more nodes than min(2^level, nodes of that depth) per level:
 * many visits need as many stored filters that agree with the topic so far, whatever the pattern is. No recursion.
 *
 * Filters are expected to be valid and not shared (see `validate.ts`). Not to be changed while `entries` is read.
 */
export class FilterTree<P extends NonNullable<unknown>> {
  #root = new Node<P>('')
  #size = 0
  // The nodes that match so far, and those of the next level: kept so that a match allocates nothing but level texts.
  #now: Node<P>[] = []
  #next: Node<P>[] = []

  /** Filters held. */
  get size(): number {
    return this.#size
  }

  get(filter: string): P | undefined {
    let node: Node<P> | undefined = this.#root
    for (let start = 0; node !== undefined; ) {
      const end = levelEnd(filter, start)
      const level = filter.slice(start, end)
      if (level === '#') return node.multi
      node = node.child(level)
      if (end === filter.length) return node?.payload
      start = end + 1
    }
    return undefined
  }

  /** The payload of the filter, made by `make` if the filter is new. */
  getOrAdd(filter: string, make: () => P): P {
    let node = this.#root
    for (let start = 0; ; ) {
      const end = levelEnd(filter, start)
      const level = filter.slice(start, end)
      if (level === '#') return (node.multi ??= this.#added(make))
      node = node.childOrAdd(level)
      if (end === filter.length) return (node.payload ??= this.#added(make))
      start = end + 1
    }
  }

  /** False if the filter was not there. */
  delete(filter: string): boolean {
    const levels = filter.split('/')
    const multi = levels.at(-1) === '#'
    if (multi) levels.pop()
    const path = [this.#root]
    for (const level of levels) {
      const child = path[path.length - 1]?.child(level)
      if (child === undefined) return false
      path.push(child)
    }
    const last = path[path.length - 1]!
    if ((multi ? last.multi : last.payload) === undefined) return false
    if (multi) last.multi = undefined
    else last.payload = undefined
    this.#size--
    for (let i = path.length - 1; i > 0 && path[i]!.isEmpty(); i--) path[i - 1]!.remove(path[i]!)
    return true
  }

  /** Appends the payload of every filter that matches the topic name to `out`, each once, in no particular order. */
  match(topic: string, out: P[]): void {
    let now = this.#now
    let next = this.#next
    let count = 1
    let widest = 1
    now[0] = this.#root
    // A leading wildcard does not match a topic that starts with '$' [MQTT-4.7.2-1].
    let wildcards = topic.charCodeAt(0) !== 0x24
    for (let start = 0; count > 0; wildcards = true) {
      const end = levelEnd(topic, start)
      const level = topic.slice(start, end)
      let found = 0
      for (let i = 0; i < count; i++) {
        const node = now[i]!
        if (wildcards) {
          if (node.multi !== undefined) out.push(node.multi)
          if (node.plus !== undefined) next[found++] = node.plus
        }
        const child = node.literal(level)
        if (child !== undefined) next[found++] = child
      }
      const swap = now
      now = next
      next = swap
      count = found
      if (found > widest) widest = found
      if (end === topic.length) break
      start = end + 1
    }
    for (let i = 0; i < count; i++) {
      const node = now[i]!
      if (node.payload !== undefined) out.push(node.payload)
      // 'a/#' matches 'a' too.
      if (node.multi !== undefined) out.push(node.multi)
    }
    if (widest > SCRATCH_NODES) {
      this.#now = []
      this.#next = []
    }
  }

  clear(): void {
    this.#root = new Node('')
    this.#size = 0
    this.#now = []
    this.#next = []
  }

  /** Every filter with its payload, in no particular order. */
  *entries(): IterableIterator<[filter: string, payload: P]> {
    const open: [prefix: string, node: Node<P>][] = [['', this.#root]]
    for (let top = open.pop(); top !== undefined; top = open.pop()) {
      const [prefix, node] = top
      if (node.payload !== undefined) yield [prefix.slice(0, -1), node.payload]
      if (node.multi !== undefined) yield [`${prefix}#`, node.multi]
      for (const child of node.all()) open.push([`${prefix}${child.level}/`, child])
    }
  }

  /** Levels held, the root included: what the memory grows with. Walks the whole tree: for diagnostics. */
  countNodes(): number {
    let count = 0
    const open = [this.#root]
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      count++
      for (const child of node.all()) open.push(child)
    }
    return count
  }

  #added(make: () => P): P {
    const payload = make()
    this.#size++
    return payload
  }
}

/** One level of one or more filters. */
class Node<P> {
  readonly level: string
  /** Of the filter that ends here. */
  payload: P | undefined = undefined
  /** Of the filter that goes on from here with '#'. */
  multi: P | undefined = undefined
  plus: Node<P> | undefined = undefined
  /** Literal children: none, the only one, or by level. */
  #literals: Node<P> | Map<string, Node<P>> | undefined = undefined

  constructor(level: string) {
    this.level = level
  }

  literal(level: string): Node<P> | undefined {
    const literals = this.#literals
    if (literals === undefined) return undefined
    if (literals instanceof Node) return literals.level === level ? literals : undefined
    return literals.get(level)
  }

  child(level: string): Node<P> | undefined {
    return level === '+' ? this.plus : this.literal(level)
  }

  childOrAdd(level: string): Node<P> {
    if (level === '+') return (this.plus ??= new Node(level))
    const known = this.literal(level)
    if (known !== undefined) return known
    const child = new Node<P>(level)
    const literals = this.#literals
    if (literals === undefined) this.#literals = child
    else if (literals instanceof Node) this.#literals = new Map([literals, child].map(node => [node.level, node]))
    else literals.set(level, child)
    return child
  }

  remove(child: Node<P>): void {
    if (child === this.plus) this.plus = undefined
    else if (child === this.#literals) this.#literals = undefined
    else if (this.#literals instanceof Map) {
      this.#literals.delete(child.level)
      if (this.#literals.size === 0) this.#literals = undefined
    }
  }

  isEmpty(): boolean {
    return (
      this.payload === undefined && this.multi === undefined && this.plus === undefined && this.#literals === undefined
    )
  }

  *all(): IterableIterator<Node<P>> {
    if (this.plus !== undefined) yield this.plus
    if (this.#literals instanceof Node) yield this.#literals
    else if (this.#literals !== undefined) yield* this.#literals.values()
  }
}

function levelEnd(text: string, start: number): number {
  const end = text.indexOf('/', start)
  return end < 0 ? text.length : end
}
