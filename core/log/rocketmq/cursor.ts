/** Where a reader of a lite topic stands: tells what comes next from what came before, and from a gap. Does no I/O and reads no clock. */

const FIRST_SILENCE_MS = 2_000
const MAX_SILENCE_MS = 30_000
/** Longer than a reader whose time is over goes on: what that acknowledges moves the group's offset on, again and again. */
const DELETED_AFTER_MS = 5_000

export class Cursor {
  /** The offset that is wanted next. */
  next: number
  /** Counts up with each beginning at a new offset. */
  epoch = 0
  seeking = false
  /** The least offset that came instead of `next`, and since when. */
  #probed = -1
  #probedAt = 0
  #silence = FIRST_SILENCE_MS
  #heardAt: number

  constructor(offset: number, now: number) {
    this.next = offset
    this.#heardAt = now
  }

  begin(offset: number, now: number): void {
    this.next = offset
    this.epoch++
    this.#probed = -1
    this.#silence = FIRST_SILENCE_MS
    this.#heardAt = now
  }

  /**
   * Offsets of a lite topic have no gaps. One that jumps ahead is asked for again: what is between was handed to another reader.
   * If the same jump still comes when there can be no other any more, RocketMQ has deleted what is between.
   */
  take(offset: number, now: number): 'deliver' | 'known' | 'gap' {
    if (offset < this.next) return 'known'
    if (offset > this.next && !this.#isDeletedBefore(offset, now)) return 'gap'
    this.next = offset + 1
    this.#probed = -1
    this.#silence = FIRST_SILENCE_MS
    this.#heardAt = now
    return 'deliver'
  }

  #isDeletedBefore(offset: number, now: number): boolean {
    const isOver = now - this.#probedAt >= DELETED_AFTER_MS
    if (offset === this.#probed) return isOver
    // Behind it in the same batch, or it has been deleted as well.
    if (this.#probed < 0 || offset < this.#probed || isOver) {
      this.#probed = offset
      this.#probedAt = now
    }
    return false
  }

  /** Another reader has it now: asked for again only after a long silence. */
  yield(now: number): void {
    this.#silence = MAX_SILENCE_MS
    this.#heardAt = now
  }

  /** Nothing came for so long that it should be asked for again. Each time twice as long. */
  silent(now: number): boolean {
    if (this.seeking || now - this.#heardAt < this.#silence) return false
    this.#silence = Math.min(this.#silence * 2, MAX_SILENCE_MS)
    this.#heardAt = now
    return true
  }
}
