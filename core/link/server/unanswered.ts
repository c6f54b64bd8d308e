/** Messages of QoS ≥ 1 that were handed to one edge and not answered, by delivery number. Owns the numbering. */
import type { Handed } from '../../contract/link.ts'
import type { Message } from '../../contract/message.ts'

const NOTHING: readonly Message[] = []

export class Unanswered {
  /** What `slots[head]` is numbered; answered ones leave a hole until all before them are answered too. */
  #slots: (Handed | undefined)[] = []
  #head = 0
  #first = 1
  #count = 0
  /** Compacted up to this number, and up to which the next time. */
  #compact = 1
  #nextCompact = 1
  #unseen: readonly Message[] = NOTHING
  #unseenAfter = -1
  #unseenAt = -1

  get count(): number {
    return this.#count
  }

  /** Number of the oldest that is not answered; behind `last` if all are. */
  get first(): number {
    return this.#first
  }

  /** Number of the last one. */
  get last(): number {
    return this.#first + this.#slots.length - this.#head - 1
  }

  add(handed: Handed): void {
    this.#slots.push(handed)
    this.#count++
  }

  get(n: number): Message | undefined {
    return this.#slots[this.#head + n - this.#first]?.message
  }

  /** Takes it out. Throws RangeError if it is not there. */
  answer(n: number): Message {
    const at = this.#head + n - this.#first
    const handed = this.#slots[at]
    if (handed === undefined) throw new RangeError(`Delivery ${n} is answered, or never was`)
    this.#slots[at] = undefined
    this.#count--
    if (at === this.#head) this.#advance()
    return handed.message
  }

  /** Those behind number `seen`, oldest first, without those that are for shared groups only. */
  after(seen: number): readonly Message[] {
    const { last } = this
    if (seen >= last) return NOTHING
    // Many sessions of one edge leave at once: they share the list.
    if (this.#unseenAfter === seen && this.#unseenAt === last) return this.#unseen
    const list: Message[] = []
    for (const { message, only } of this.values(seen)) if (!only) list.push(message)
    this.#unseen = list
    this.#unseenAfter = seen
    this.#unseenAt = last
    return list
  }

  /** Those behind number `since`, oldest first. */
  *values(since: number): Generator<Handed> {
    for (let i = Math.max(this.#head, this.#head + since + 1 - this.#first); i < this.#slots.length; i++) {
      const handed = this.#slots[i]
      if (handed !== undefined) yield handed
    }
  }

  /** Now and then: what has been here since the last time holds on to no frame any more. */
  compact(): void {
    const until = this.#nextCompact
    for (let n = Math.max(this.#compact, this.#first); n < until; n++) this.get(n)?.compact()
    this.#compact = Math.max(this.#compact, until)
    this.#nextCompact = this.last + 1
    this.#unseen = NOTHING
    this.#unseenAfter = -1
  }

  #advance(): void {
    while (this.#head < this.#slots.length && this.#slots[this.#head] === undefined) {
      this.#head++
      this.#first++
    }
    if (this.#head === this.#slots.length) {
      this.#slots = []
      this.#head = 0
    } else if (this.#head > 1024 && this.#head * 2 > this.#slots.length) {
      this.#slots = this.#slots.slice(this.#head)
      this.#head = 0
    }
  }
}
