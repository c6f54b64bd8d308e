/**
 * Which core of a site is active: an exclusive lease in Redis, by the clock of Redis. Takes it, renews it and says when it is
 * gone; what the holder does with it is not its business.
 *
 *     candidate ──taken──▶ holder ──taken by another──▶ lost
 *         ▲ asks each second   │ renews each second; goes on while Redis is away
 *         └────────────────────┴──release──▶ released
 */
import { numberOf, type Reply, textOf } from './driver.ts'
import type { Fence } from './fence.ts'

export interface LeaseOptions {
  /** Its key is the lease; gets the token. */
  readonly fence: Fence
  /** Of this process, never used before. */
  readonly holder: string
  /** ms since the epoch. */
  readonly now: () => number
  /** Somebody else has it; called once, after which nothing written through `fence` takes effect. */
  readonly onLost: (by: string) => void
  readonly onEvent?: (event: LeaseEvent) => void
  /** How long it holds without being renewed. Default 5,000. */
  readonly lifeMs?: number
  /** Default 1,000. */
  readonly renewMs?: number
  /** An expired lease is taken only if Redis has answered for so long without a break: its holder may have missed the same Redis. Default 3,000. */
  readonly graceMs?: number
}

export type LeaseEvent =
  | { readonly is: 'standby'; readonly holder: string }
  | { readonly is: 'unreachable'; readonly detail: string }
  | { readonly is: 'reachable' }

type Phase = 'candidate' | 'holder' | 'lost' | 'released'

const LIFE_MS = 5_000
const RENEW_MS = 1_000
const GRACE_MS = 3_000
/** So many renewals in a row were missed: this process, or the clock, stood still. */
const GAP_RENEWALS = 2

export class Lease {
  readonly #o: LeaseOptions
  readonly #lifeMs: number
  readonly #renewMs: number
  readonly #graceMs: number
  #phase: Phase = 'candidate'
  #timer: ReturnType<typeof setInterval> | undefined = undefined
  #taken: (() => void) | undefined = undefined
  #asking: Promise<void> | undefined = undefined
  /** The last answer, and the first of those without a break before it. */
  #answeredAt = 0
  #answeringSince = 0
  #reachable = true
  #standbyOf = ''
  /** Until then the holder has it, for all this process knows. */
  #takenUntil = 0
  /** When this process was last seen running. */
  #aliveAt = 0
  /** When the last renewal that succeeded was sent. */
  #renewedAt = 0
  /** How often it stood still, and what a renewal sent after the last time has confirmed. */
  #gaps = 0
  #gapsConfirmed = 0

  constructor(options: LeaseOptions) {
    this.#o = options
    this.#lifeMs = options.lifeMs ?? LIFE_MS
    this.#renewMs = options.renewMs ?? RENEW_MS
    this.#graceMs = options.graceMs ?? GRACE_MS
  }

  /** True once it was taken and until it is lost or released. */
  get held(): boolean {
    return this.#phase === 'holder'
  }

  /** Redis answered the last time it was asked. */
  get reachable(): boolean {
    return this.#reachable
  }

  /** Begins to ask. Resolves when the lease is ours, which may take as long as the holder lives. */
  start(): Promise<void> {
    const taken = new Promise<void>(resolve => {
      this.#taken = resolve
    })
    this.#timer = setInterval(() => this.#tick(), this.#renewMs)
    this.#tick()
    return taken
  }

  /**
   * To be asked before each turn: true while this process stood still for so long that another may have the lease, and Redis
   * has not been asked since. Nothing must happen then. `now`: ms since the epoch.
   */
  mayBeStale(now: number): boolean {
    if (this.#phase !== 'holder') return true
    const gap = now - this.#aliveAt
    this.#aliveAt = now
    if (gap >= this.#renewMs * GAP_RENEWALS && now - this.#renewedAt >= this.#lifeMs) {
      this.#gaps++
      this.#tick()
    }
    return this.#gaps > this.#gapsConfirmed
  }

  /** Gives it up, so that another takes it at once; what was not committed before is refused. Fails if Redis cannot be told: then it expires. */
  async release(): Promise<void> {
    clearInterval(this.#timer)
    if (this.#phase !== 'lost') this.#phase = 'released'
    await this.#asking
    if (this.#phase === 'released' && this.#o.fence.token > 0) await this.#run('release')
  }

  #tick(): void {
    if (this.#phase === 'holder') this.mayBeStale(this.#o.now())
    if (this.#asking !== undefined || this.#phase === 'lost' || this.#phase === 'released') return
    const gaps = this.#gaps
    this.#asking = this.#ask().then(() => {
      this.#asking = undefined
      // It stood still while the question was under way: the answer may be from before.
      if (this.#gaps > gaps) this.#tick()
    })
  }

  async #ask(): Promise<void> {
    const { fence, now, onEvent } = this.#o
    const sentAt = now()
    const gaps = this.#gaps
    let reply: readonly Reply[]
    try {
      reply = await this.#run(this.#phase === 'holder' ? 'renew' : 'take')
    } catch (error) {
      if (this.#reachable)
        onEvent?.({ is: 'unreachable', detail: error instanceof Error ? error.message : String(error) })
      this.#reachable = false
      // To be said again when Redis answers.
      this.#standbyOf = ''
      return
    }
    this.#answered(now())
    if (numberOf(reply[0]) === 0) return this.#refused(textOf(reply[1]), sentAt + numberOf(reply[2]))
    fence.token = numberOf(reply[1])
    this.#renewedAt = sentAt
    this.#gapsConfirmed = gaps
    if (this.#phase !== 'candidate') return
    this.#aliveAt = now()
    this.#phase = 'holder'
    this.#taken?.()
  }

  async #run(what: 'take' | 'renew' | 'release'): Promise<readonly Reply[]> {
    const { fence, holder } = this.#o
    const known = fence.writes
    const now = this.#o.now()
    const args = [what, holder, this.#lifeMs, fence.token, this.#mayTakeExpired(now) ? '1' : '0', Math.floor(now)]
    const reply = await fence.driver.run('lease', [fence.key], args)
    const writes = numberOf(reply[0])
    if (writes > 0) fence.carriedOut(writes, what === 'take' ? writes - 1 : known)
    return reply
  }

  /** Not what is good now but has expired when Redis reads the question: Redis stood still then, and its holder could not renew it. */
  #mayTakeExpired(now: number): boolean {
    return this.#unbroken(now) && now - this.#answeringSince >= this.#graceMs && now >= this.#takenUntil
  }

  /** Redis answered the last time, and that was just now. */
  #unbroken(now: number): boolean {
    return this.#reachable && now - this.#answeredAt <= this.#renewMs * GAP_RENEWALS
  }

  #answered(at: number): void {
    if (!this.#unbroken(at)) this.#answeringSince = at
    this.#answeredAt = at
    if (this.#reachable) return
    this.#reachable = true
    this.#o.onEvent?.({ is: 'reachable' })
  }

  #refused(by: string, takenUntil: number): void {
    this.#takenUntil = takenUntil
    if (this.#phase === 'holder') {
      this.#phase = 'lost'
      clearInterval(this.#timer)
      this.#o.onLost(by)
    } else if (this.#standbyOf !== by) {
      this.#standbyOf = by
      this.#o.onEvent?.({ is: 'standby', holder: by })
    }
  }
}
