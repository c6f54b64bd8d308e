/** The identities of messages that came from other sites: what comes again is known. Keeps a bounded number, the latest. */
import type { Incarnation } from '../contract/ids.ts'
import type { Message, Relayed } from '../contract/message.ts'
import { copyId, isForClient } from './copies.ts'

export type Identity = Pick<Message, 'origin' | 'seq'>

const NOT_RELAYED: Relayed = { groups: [], only: false }

export class RelayedIds {
  readonly #bound: number
  /** Sequence numbers by origin. */
  readonly #seqs = new Map<Incarnation, Set<number>>()
  /** In the order they came, the oldest at `#next` once it is full. */
  readonly #ring: { readonly origin: Incarnation; readonly seq: number }[] = []
  #next = 0

  /** `bound`: identities kept at most. */
  constructor(bound: number) {
    this.#bound = bound
  }

  get size(): number {
    return this.#ring.length
  }

  has({ origin, seq }: Identity): boolean {
    return this.#seqs.get(origin)?.has(seq) === true
  }

  /** False if it is known already. */
  add({ origin, seq }: Identity): boolean {
    let seqs = this.#seqs.get(origin)
    if (seqs === undefined) this.#seqs.set(origin, (seqs = new Set()))
    if (seqs.has(seq)) return false
    seqs.add(seq)
    const entry = { origin, seq }
    if (this.#ring.length < this.#bound) this.#ring.push(entry)
    else {
      const oldest = this.#ring[this.#next]!
      this.#ring[this.#next] = entry
      this.#next = (this.#next + 1) % this.#bound
      this.#remove(oldest.origin, oldest.seq)
    }
    return true
  }

  /** The same of a message with the copies for groups that came with it: each may come once more by itself. What is for one client alone, and followed it, is never known. */
  remember(message: Message): boolean {
    if (isForClient(message)) return true
    if (!this.add(message)) return false
    const { groups, only } = message.relayed ?? NOT_RELAYED
    if (!only) for (const group of groups) this.add(copyId(message, group))
    return true
  }

  /** It was not kept here after all: it may come again. */
  forget({ origin, seq }: Identity): void {
    this.#remove(origin, seq)
  }

  #remove(origin: Incarnation, seq: number): void {
    const seqs = this.#seqs.get(origin)
    if (seqs?.delete(seq) === true && seqs.size === 0) this.#seqs.delete(origin)
  }
}
