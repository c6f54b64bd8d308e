/** How fast and how many connections are let in: a token bucket, a ceiling and a bounded line between them. Must not know sockets. */
import type { Limits } from '../../core/contract/limits.ts'
import type { EdgeStats } from '../stats.ts'

/** Accepted but not yet let in, at most; beyond it connections are closed at once. A waiting one costs a descriptor and a few KiB. */
export const MAX_WAITING = 4096
const REFILL_MS = 10

/** Tokens that come at `perSecond` up to `burst`. Time is passed in, in milliseconds, and never goes backwards for the bucket. */
export class TokenBucket {
  readonly perSecond: number
  readonly burst: number
  private tokens: number
  private at: number

  constructor(perSecond: number, burst: number, nowMs: number) {
    this.perSecond = perSecond
    this.burst = Math.max(1, burst)
    this.tokens = this.burst
    this.at = nowMs
  }

  /** Takes a token if there is one. */
  take(nowMs: number): boolean {
    if (nowMs > this.at) {
      this.tokens = Math.min(this.burst, this.tokens + ((nowMs - this.at) * this.perSecond) / 1000)
      this.at = nowMs
    }
    if (this.tokens < 1) return false
    this.tokens -= 1
    return true
  }
}

/** A connection in line. `enter` returns false if it has gone meanwhile (no token is spent); `refuse` closes it. */
export interface Waiting {
  enter(): boolean
  refuse(): void
}

/** What to do with a connection that just arrived. */
export type Admission = 'enter' | 'wait' | 'refuse'

export type AcceptLimits = Pick<Limits, 'acceptPerSecond' | 'acceptBurst' | 'maxConnections'>
export type AcceptStats = Pick<EdgeStats, 'accepted' | 'acceptDelayed' | 'acceptRefused' | 'nowConnections'>

/**
 * One gate for all listeners of a process. `arrive` decides; `enter` must be followed by one `leave` when the
 * connection is over, `wait` by `queue`. Counts `accepted`, `acceptDelayed`, `acceptRefused` and `nowConnections`.
 */
export class AcceptGate {
  private readonly limits: AcceptLimits
  private readonly stats: AcceptStats
  private readonly now: () => number
  private readonly bucket: TokenBucket
  private readonly maxWaiting: number
  private line: Waiting[] = []
  private open = 0
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(limits: AcceptLimits, stats: AcceptStats, now: () => number = Date.now, maxWaiting = MAX_WAITING) {
    this.limits = limits
    this.stats = stats
    this.now = now
    this.maxWaiting = maxWaiting
    this.bucket = new TokenBucket(limits.acceptPerSecond, limits.acceptBurst, now())
  }

  /** Connections in line. */
  get waiting(): number {
    return this.line.length
  }

  arrive(): Admission {
    if (this.open >= this.limits.maxConnections) return this.refused()
    if (this.line.length === 0 && this.bucket.take(this.now())) {
      this.count()
      return 'enter'
    }
    return this.line.length < this.maxWaiting ? 'wait' : this.refused()
  }

  /** Puts a connection in line after `arrive` said `wait`. */
  queue(waiting: Waiting): void {
    this.stats.acceptDelayed += 1
    this.line.push(waiting)
    this.timer ??= setTimeout(this.advance, REFILL_MS)
  }

  /** `arrive` and `queue` as one wait: true once in (then `leave` when over), false if refused. */
  admit(): Promise<boolean> {
    const admission = this.arrive()
    if (admission !== 'wait') return Promise.resolve(admission === 'enter')
    return new Promise(resolve => {
      const enter = (): boolean => {
        resolve(true)
        return true
      }
      this.queue({ enter, refuse: () => resolve(false) })
    })
  }

  /** A connection that had entered is over. */
  leave(): void {
    this.open -= 1
    this.stats.nowConnections -= 1
  }

  /** Refuses everybody in line: the process stops. */
  clear(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    const line = this.line
    this.line = []
    for (const one of line) one.refuse()
  }

  private refused(): 'refuse' {
    this.stats.acceptRefused += 1
    return 'refuse'
  }

  private count(): void {
    this.open += 1
    this.stats.accepted += 1
    this.stats.nowConnections += 1
  }

  private readonly advance = (): void => {
    this.timer = undefined
    const now = this.now()
    let token = false
    let done = 0
    for (; done < this.line.length; done++) {
      token = token || this.bucket.take(now)
      if (!token) break
      const one = this.line[done] as Waiting
      if (this.open >= this.limits.maxConnections) {
        this.refused()
        one.refuse()
      } else if (one.enter()) {
        this.count()
        token = false
      }
    }
    this.line = this.line.slice(done)
    if (this.line.length > 0) this.timer = setTimeout(this.advance, REFILL_MS)
  }
}
