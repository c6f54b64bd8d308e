/** Which envelopes of the log something still waits for, and so how far the log may be trimmed. Knows no bytes. */

/** One turn's envelope: how many of its entries are open. */
export class Envelope {
  readonly position: number
  /** Entries somebody waits for; it starts with one for the routing of the turn itself. */
  open = 1
  /** The callback of `Turn.share`. */
  durable: (() => void) | undefined = undefined

  constructor(position: number) {
    this.position = position
  }
}

export class Watermark {
  #envelopes: Envelope[] = []
  #head = 0

  /** Envelopes between the oldest open one and the end. */
  get size(): number {
    return this.#envelopes.length - this.#head
  }

  /** In order of position. */
  add(envelope: Envelope): void {
    this.#envelopes.push(envelope)
  }

  /** Position of the oldest open envelope, or `end` if none is open. */
  low(end: number): number {
    const list = this.#envelopes
    while (this.#head < list.length && list[this.#head]!.open <= 0) this.#head++
    if (this.#head > 1024 && this.#head * 2 > list.length) {
      list.splice(0, this.#head)
      this.#head = 0
    }
    return list[this.#head]?.position ?? end
  }
}
