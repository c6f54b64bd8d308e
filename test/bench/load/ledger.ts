/**
 * Accounts for every expected delivery with one bit, so that a duplicate can never hide a loss. A stream is one sequence
 * of a publisher as one receiver (or one shared group) must see it. Knows nothing of sockets or time.
 */

export interface LedgerCounts {
  /** Deliveries seen, duplicates included. */
  readonly seen: number
  readonly dup: number
  /** First deliveries that came after one with a higher sequence number. */
  readonly outOfOrder: number
  /** Deliveries of a stream or a sequence number that does not exist. */
  readonly stray: number
}

const WORD_BITS = 32
const wordsPer = (messages: number): number => Math.ceil(messages / WORD_BITS)

/** Memory for the bits of `streams` × `messages` deliveries, which several threads may share. */
export const ledgerBits = (streams: number, messages: number): SharedArrayBuffer =>
  new SharedArrayBuffer(Math.max(1, streams * wordsPer(messages)) * 4)

export class Ledger {
  seen = 0
  dup = 0
  outOfOrder = 0
  stray = 0
  readonly #bits: Int32Array
  readonly #last: Int32Array
  readonly #streams: number
  readonly #messages: number
  readonly #words: number
  readonly #ordered: boolean

  /** `messages` bounds the sequence numbers of each stream; `ordered` false for streams that several receivers share. */
  constructor(bits: SharedArrayBuffer, streams: number, messages: number, ordered: boolean) {
    this.#bits = new Int32Array(bits)
    this.#last = new Int32Array(streams).fill(-1)
    this.#streams = streams
    this.#messages = messages
    this.#words = wordsPer(messages)
    this.#ordered = ordered
  }

  record(stream: number, seq: number): void {
    this.seen++
    if (stream < 0 || stream >= this.#streams || seq >= this.#messages) {
      this.stray++
      return
    }
    const bit = 1 << (seq & 31)
    if ((Atomics.or(this.#bits, stream * this.#words + (seq >>> 5), bit) & bit) !== 0) {
      this.dup++
      return
    }
    if (seq > this.#last[stream]!) this.#last[stream] = seq
    else if (this.#ordered) this.outOfOrder++
  }

  counts(): LedgerCounts {
    return { seen: this.seen, dup: this.dup, outOfOrder: this.outOfOrder, stray: this.stray }
  }
}

/** Deliveries that never came: what was to come less what came at least once. */
export const lostOf = (expected: number, all: readonly LedgerCounts[]): number =>
  all.reduce((left, c) => left - (c.seen - c.dup - c.stray), expected)
