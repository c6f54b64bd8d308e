/** Which offset of a lite topic an envelope is at, at most: where reading may begin. Bounded: old knowledge becomes coarse, never wrong. */
const MAX_HINTS = 16_384

export class Offsets {
  #positions: number[] = []
  #offsets: number[] = []

  get size(): number {
    return this.#positions.length
  }

  /** In order of both. */
  add(position: number, offset: number): void {
    this.#positions.push(position)
    this.#offsets.push(offset)
    if (this.#positions.length <= MAX_HINTS) return
    this.#positions = this.#positions.filter((_, i) => i % 2 === 0)
    this.#offsets = this.#offsets.filter((_, i) => i % 2 === 0)
  }

  /** Where to begin for all envelopes from `position` on; `otherwise` if nothing is known of earlier ones. Forgets what is before. */
  trim(position: number, otherwise: number): number {
    let at = 0
    while (at < this.#positions.length && this.#positions[at]! <= position) at++
    if (at === 0) return otherwise
    const offset = this.#offsets[at - 1]!
    this.#positions.splice(0, at - 1)
    this.#offsets.splice(0, at - 1)
    return offset
  }
}
