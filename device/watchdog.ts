/** Says when to ping and when a connection is dead. Reads no clock and sends nothing: `tick` is told the time. */

/** 'suspect' is said once, half-way to 'dead'. */
export type Verdict = 'fine' | 'ping' | 'suspect' | 'dead'

/** Times are milliseconds of one monotonic clock. */
export class Watchdog {
  readonly #intervalMs: number
  readonly #timeoutMs: number
  #nextPing: number
  /** When the unanswered PINGREQ was sent. */
  #pingedAt: number | undefined
  /** Silence is counted from then on. */
  #silentSince: number
  #tickedAt: number
  #isExcused = false
  #isSuspect = false

  constructor(now: number, intervalMs: number, timeoutMs: number) {
    this.#intervalMs = intervalMs
    this.#timeoutMs = timeoutMs
    this.#nextPing = now + intervalMs
    this.#silentSince = now
    this.#tickedAt = now
  }

  /** How often `tick` wants to be called. */
  get tickMs(): number {
    return Math.max(10, Math.min(this.#intervalMs, this.#timeoutMs) / 5)
  }

  /** Any byte is a sign of life: a long message may be in the way of the PINGRESP. */
  heard(now: number): void {
    this.#silentSince = now
  }

  /** PINGRESP came; the round trip in milliseconds, undefined if nobody asked. */
  answered(now: number): number | undefined {
    if (this.#pingedAt === undefined) return undefined
    const rttMs = now - this.#pingedAt
    this.#pingedAt = undefined
    this.#nextPing = now + this.#intervalMs
    return rttMs
  }

  /** After 'ping' a PINGREQ must go out. `moreMs`: what our own messages need to get there before it. */
  tick(now: number, moreMs: number): Verdict {
    const isLate = now - this.#tickedAt > this.#timeoutMs / 2
    this.#tickedAt = now
    // A process that was held up, or a page in the background, reads what has come before it judges: once per PINGREQ.
    if (isLate && !this.#isExcused) {
      this.#isExcused = true
      this.#silentSince = now
    }
    if (this.#pingedAt !== undefined) return this.#judge(now - this.#silentSince, this.#timeoutMs + moreMs)
    if (now < this.#nextPing) return 'fine'
    this.#pingedAt = now
    this.#silentSince = now
    this.#isExcused = false
    this.#isSuspect = false
    return 'ping'
  }

  #judge(silentMs: number, timeoutMs: number): Verdict {
    if (silentMs >= timeoutMs) return 'dead'
    if (silentMs < timeoutMs / 2 || this.#isSuspect) return 'fine'
    this.#isSuspect = true
    return 'suspect'
  }
}
