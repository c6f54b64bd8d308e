/** How many claims are under way at the core at once, and the bounded line of those that wait for one to end. Knows no session and no clock. */
import type { Limits } from '../../core/contract/limits.ts'
import { Fifo } from '../flow/fifo.ts'
import type { EdgeStats } from '../stats.ts'

/** Begins a claim, which calls `leave` when it was answered. False: its client has gone, and there is nothing to begin. */
export type BeginClaim = (leave: () => void) => boolean

type ClaimLimits = Pick<Limits, 'claimsInFlight' | 'claimsWaiting'>
type ClaimStats = Pick<EdgeStats, 'nowClaims' | 'nowClaimsWaiting' | 'claimsShed'>

export class ClaimLine {
  readonly #limits: ClaimLimits
  readonly #stats: ClaimStats
  #waiting = new Fifo<BeginClaim>()
  /** Nobody's turn comes. */
  #held = false
  /** Claims of earlier lives are not answered any more. */
  #life = 0

  constructor(limits: ClaimLimits, stats: ClaimStats) {
    this.#limits = limits
    this.#stats = stats
  }

  /** Begins now, or once there is room. False: too many wait already. */
  enter(begin: BeginClaim): boolean {
    if (this.#hasRoom) {
      this.#begin(begin)
      return true
    }
    if (this.#waiting.length >= this.#limits.claimsWaiting) {
      this.#stats.claimsShed++
      return false
    }
    this.#stats.nowClaimsWaiting++
    this.#waiting.push(begin)
    return true
  }

  /** While it is held everybody waits, also for whom there is room. */
  hold(on: boolean): void {
    this.#held = on
    this.#goOn()
  }

  get held(): boolean {
    return this.#held
  }

  /** Everything under way is lost. Nobody waits any more either, unless the line is held: then they wait for what comes. */
  clear(): void {
    this.#life++
    this.#stats.nowClaims = 0
    if (this.#held) return
    this.#waiting = new Fifo()
    this.#stats.nowClaimsWaiting = 0
  }

  get #hasRoom(): boolean {
    return !this.#held && this.#stats.nowClaims < this.#limits.claimsInFlight
  }

  #begin(begin: BeginClaim): void {
    const life = this.#life
    let inside = true
    const leave = (): void => {
      if (!inside || life !== this.#life) return
      inside = false
      this.#stats.nowClaims--
      this.#goOn()
    }
    this.#stats.nowClaims++
    if (begin(leave)) return
    inside = false
    this.#stats.nowClaims--
  }

  #goOn(): void {
    while (this.#hasRoom) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#stats.nowClaimsWaiting--
      this.#begin(next)
    }
  }
}
