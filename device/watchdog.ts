/** Says when to ping and when a connection is dead. Reads no clock and sends nothing: `tick` is told the time. */

export type Verdict = 'fine' | 'ping' | 'dead'

/** Times are milliseconds of one monotonic clock. */
export class Watchdog {
  readonly #intervalMs: number
  readonly #timeoutMs: number
  #nextPing: number
  /** When the unanswered PINGREQ was sent. */
  #pingedAt: number | undefined
  #deadline = 0
  #tickedAt: number

  constructor(now: number, intervalMs: number, timeoutMs: number) {
    this.#intervalMs = intervalMs
    this.#timeoutMs = timeoutMs
    this.#nextPing = now + intervalMs
    this.#tickedAt = now
  }

  /** How often `tick` wants to be called. */
  get tickMs(): number {
    return Math.max(10, Math.min(this.#intervalMs, this.#timeoutMs) / 10)
  }

  /** Any packet is a sign of life. */
  heard(now: number): void {
    this.#deadline = now + this.#timeoutMs
  }

  /** PINGRESP came; the round trip in milliseconds, undefined if nobody asked. */
  answered(now: number): number | undefined {
    if (this.#pingedAt === undefined) return undefined
    const rttMs = now - this.#pingedAt
    this.#pingedAt = undefined
    this.#nextPing = now + this.#intervalMs
    return rttMs
  }

  /** After 'ping' a PINGREQ must go out. A process that was stopped for a while (or a page in the background) reads what has come before it gives up. */
  tick(now: number): Verdict {
    const late = now - this.#tickedAt - 2 * this.tickMs
    this.#tickedAt = now
    if (late > 0) this.#deadline += late + this.#timeoutMs / 2
    if (this.#pingedAt !== undefined) return now >= this.#deadline ? 'dead' : 'fine'
    if (now < this.#nextPing) return 'fine'
    this.#pingedAt = now
    this.#deadline = now + this.#timeoutMs
    return 'ping'
  }
}
