/**
 * Drains an edge: takes nobody in any more, and sends those who are here elsewhere, so many per second. Owns the pace and where
 * they are sent; the edge closes, and the core holds their wills back for a while (`Release.sentAway`).
 */
import type { Limits } from '../core/contract/limits.ts'
import { TokenBucket } from './listen/accept-limit.ts'
import type { Peer } from './listen/transport.ts'
import type { Regions } from './region/regions.ts'
import { Reason } from './wire/reason.ts'

export interface Away {
  /** Use another server (0x9C), or Server moved (0x9D) [MQTT5 4.11]. Said only with a place to go. */
  readonly reason: number
  /** Undefined: nobody knows where. */
  readonly serverReference: string | undefined
}

/** What this client is told. */
export type SendAway = (peer: Peer) => Away

export interface DrainOptions {
  readonly edge: {
    readonly clients: number
    sendAway(how: SendAway | undefined): void
    dismiss(most: number): void
  }
  readonly regions: Regions
  readonly limits: Pick<Limits, 'drainClientsPerSec' | 'drainMs'>
  /** ms since the epoch. */
  readonly now: () => number
}

const STEP_MS = 50
/** A busy loop is made up for, but not for longer than this. */
const BURST_SEC = 0.2

export class Drain {
  readonly #o: DrainOptions
  #timer: ReturnType<typeof setInterval> | undefined
  #on = false
  #moved = false
  #whenEmpty: (() => void)[] = []

  constructor(options: DrainOptions) {
    this.#o = options
  }

  /** From `begin` to `undo`, also when all clients have gone. */
  get on(): boolean {
    return this.#on
  }

  /** `moved`: for good (0x9D); else as before. Of a drain that goes on only that changes. */
  begin(moved = this.#moved): void {
    const { edge, regions, limits, now } = this.#o
    this.#moved = moved
    const reason = moved ? Reason.ServerMoved : Reason.UseAnotherServer
    edge.sendAway(peer => ({ reason, serverReference: regions.elsewhere(peer) }))
    if (this.#on) return
    this.#on = true
    const { clients } = edge
    const perSecond = Math.max(limits.drainClientsPerSec, (clients * 1000) / limits.drainMs)
    const bucket = new TokenBucket(perSecond, perSecond * BURST_SEC, now())
    const until = now() + limits.drainMs
    this.#timer = setInterval(() => this.#step(bucket, until), STEP_MS)
  }

  /** Clients are let in again; those who have been sent away are not called back. */
  undo(): void {
    clearInterval(this.#timer)
    this.#on = false
    this.#moved = false
    this.#o.edge.sendAway(undefined)
    this.#empty()
  }

  /** Begins, and resolves when nobody is left, or after `limits.drainMs`. */
  finish(): Promise<void> {
    if (!this.#on) this.begin()
    if (this.#o.edge.clients === 0) return Promise.resolve()
    return new Promise(resolve => this.#whenEmpty.push(resolve))
  }

  /** Sends nobody away any more, but lets nobody in either: the process ends. */
  close(): void {
    clearInterval(this.#timer)
  }

  #step(bucket: TokenBucket, until: number): void {
    const now = this.#o.now()
    const late = now >= until
    let most = late ? Number.POSITIVE_INFINITY : 0
    while (!late && bucket.take(now)) most++
    this.#o.edge.dismiss(most)
    if (late || this.#o.edge.clients === 0) this.#empty()
  }

  #empty(): void {
    for (const done of this.#whenEmpty.splice(0)) done()
  }
}
