/**
 * Keeps one connection to the core that is to be linked to. With one URL it dials that; with several it asks all of them
 * first, dials the best, and goes on asking. Owns connections; what comes over the link, and what it means that it is gone,
 * is its user's.
 *
 *     pause ──▶ asking ──best──▶ dialling ──WELCOME──▶ linked ──broken──▶ dialling the same core, asking the others
 *       ▲──nobody──┘◀────refused───┘
 */

import type { Limits } from '../../core/contract/limits.ts'
import { decodeAnswer, encodeHello, type Hello, type Welcome } from '../../core/contract/link/hello.ts'
import type { LinkStats } from '../../core/contract/link/stats.ts'
import {
  CLOSE_DAMAGED,
  CLOSE_NORMAL,
  type LinkConnector,
  type LinkTransport,
} from '../../core/contract/link/transport.ts'
import { Prober, seenOf } from './prober.ts'
import { type Seen, Sites } from './sites.ts'

export interface DialerOptions {
  /** `ws://` and `wss://` URLs of cores. */
  readonly cores: readonly string[]
  /** Site that is preferred; empty: the nearest. */
  readonly prefer: string
  readonly connect: LinkConnector
  readonly limits: Pick<Limits, 'siteProbeMs' | 'siteFailbackMs' | 'linkLostMs' | 'linkHeartbeatMs'>
  readonly stats: LinkStats
  /** ms since the epoch. */
  readonly now: () => number
  /** From 0 to below 1. */
  readonly random: () => number
  readonly hello: (probe: boolean) => Hello
  /** The core is there: from here on everything that comes is given to `frame`. False: it cannot be used. */
  readonly welcomed: (welcome: Welcome, transport: LinkTransport, url: string) => boolean
  readonly frame: (bytes: Uint8Array) => void
  /** A connection that was welcomed is gone. Returns where to link to next; undefined: to the same core again. */
  readonly down: (detail: string) => string | undefined
  /** No core could be had this time: why this one could not. */
  readonly failed: (url: string, detail: string, retryMs: number) => void
  /** A core that was asked beside has something else to say than the time before. */
  readonly seen: (url: string, seen: Seen) => void
  /** No core is of the preferred site. Once. */
  readonly missing: () => void
  /** While linked, again and again: the core that has been better for long enough, or that there is none. */
  readonly better: (url: string | undefined) => void
}

/** Connection, TLS, HELLO and answer together. */
const DIAL_TIMEOUT_MS = 5_000
/** A core that hangs for so long is left for one that has answered. */
const HANG_MS = 1_000
/** Once one core has answered the others have this long from the question. */
const SETTLE_MS = 1_000
const PAUSE_FIRST_MS = 200
const PAUSE_MAX_MS = 1_000
const START_HEARTBEATS = 3

export class Dialer {
  readonly sites: Sites
  readonly #o: DialerOptions
  readonly #prober: Prober
  #closed = true
  /** Of the connection that is being made, or is there. */
  #transport: LinkTransport | undefined
  #url = ''
  #dialledAt = 0
  #welcomed = false
  /** The answers decide which core is dialled. */
  #choosing = false
  #askedAt = 0
  /** When to try again, or to ask again. */
  #due = 0
  /** Failed in a row. */
  #tries = 0
  /** Where the link was last, and since when there is none. */
  #lastSite = ''
  #unlinkedAt = 0
  #toldMissing = false

  constructor(options: DialerOptions) {
    this.#o = options
    const { cores, prefer, limits, random, connect, now, hello } = options
    this.sites = new Sites({ cores, prefer, limits, random })
    this.#prober = new Prober({
      connect,
      now,
      hello: () => hello(true),
      heard: (url, seen) => this.#heard(url, seen),
    })
  }

  /** URL of the core that is linked to. */
  get linkedTo(): string | undefined {
    return this.#welcomed ? this.#url : undefined
  }

  start(): void {
    this.#closed = false
    this.#unlinkedAt = this.#o.now()
    this.#begin()
  }

  /** A few times a second. */
  tick(now: number): void {
    if (this.#closed) return
    this.#prober.tick(now)
    if (this.#welcomed) return this.#lookAround(now)
    if (this.#transport === undefined) {
      if (this.#choosing) this.#choose(now)
      else if (now >= this.#due) this.#begin()
      return
    }
    const hangs = now - this.#dialledAt
    if (hangs > DIAL_TIMEOUT_MS) this.#end(CLOSE_NORMAL, `No answer in ${DIAL_TIMEOUT_MS} ms`)
    else if (hangs > HANG_MS && this.#choosing && this.#other() !== undefined)
      this.#end(CLOSE_NORMAL, `No answer in ${HANG_MS} ms, and another core has one`)
  }

  /** A core is known to be there: a pause is over, and what has hung for more than a second begins anew. */
  retry(): void {
    if (this.#closed || this.#welcomed) return
    const transport = this.#transport
    const since = transport !== undefined ? this.#dialledAt : this.#choosing ? this.#askedAt : 0
    if (this.#o.now() - since <= HANG_MS) return
    this.#prober.close()
    if (transport === undefined) return this.#begin()
    this.#transport = undefined
    transport.close(CLOSE_NORMAL, 'Dialled anew')
    this.#redial(this.#url)
  }

  /** Ends the connection there is; another one is tried. */
  drop(code: number, detail: string): void {
    this.#end(code, detail)
  }

  close(): void {
    this.#closed = true
    this.#prober.close()
    this.#end(CLOSE_NORMAL, 'Good-bye')
  }

  // ── which core

  #begin(): void {
    const { cores } = this.#o
    if (cores.length === 1) return this.#dial(cores[0]!)
    this.#choosing = true
    this.sites.forget()
    this.#ask()
  }

  #ask(): void {
    this.#askedAt = this.#o.now()
    for (const url of this.#o.cores) this.#prober.ask(url)
  }

  #heard(url: string, seen: Seen): void {
    const news = this.sites.note(url, seen)
    if (news && (this.#welcomed || seen.is === 'unfit')) this.#o.seen(url, seen)
    if (!this.#welcomed && this.#transport === undefined && this.#choosing) this.#choose(this.#o.now())
  }

  /** The best of those that have answered, once all had the time to. */
  #choose(now: number): void {
    const { prefer } = this.#o
    const best = this.sites.best()
    const wanted = best !== undefined && prefer !== '' && this.sites.siteOf(best) === prefer
    if (!wanted && this.#prober.pending > 0 && (best === undefined || now - this.#askedAt < SETTLE_MS)) return
    this.#choosing = false
    if (best === undefined || (!wanted && this.#waits(best, now))) return this.#pause()
    this.#dial(best)
  }

  /** A core of the preferred site, or of the one that was left, is about to be active: it is worth waiting for. */
  #waits(best: string, now: number): boolean {
    const { prefer, limits } = this.#o
    const passed = now - this.#unlinkedAt
    if (this.sites.siteOf(best) === this.#lastSite) return false
    if (this.sites.standsBy(prefer) || this.sites.standsBy(this.#lastSite)) return passed < limits.linkLostMs
    // Cores and edges of a region may start together.
    return this.#lastSite === '' && prefer !== '' && passed < START_HEARTBEATS * limits.linkHeartbeatMs
  }

  /** A core beside the one that hangs. */
  #other(): string | undefined {
    const best = this.sites.best()
    return best === this.#url ? undefined : best
  }

  #lookAround(now: number): void {
    if (!this.#toldMissing && this.sites.preferredIsMissing) {
      this.#toldMissing = true
      this.#o.missing()
    }
    if (!this.sites.several) return
    if (now >= this.#due) {
      this.#due = now + this.#o.limits.siteProbeMs * (0.75 + this.#o.random() / 2)
      this.#ask()
    }
    this.#o.better(this.sites.better(this.#url, now))
  }

  /** Nobody could be had: after a while it is tried again. */
  #pause(): void {
    const { cores, now, random, failed } = this.#o
    const pause = Math.min(PAUSE_FIRST_MS * 2 ** this.#tries++, PAUSE_MAX_MS) * (0.5 + random())
    this.#due = now() + pause
    for (const url of cores) {
      const seen = this.sites.seen(url)
      if (seen !== undefined && seen.is !== 'active') failed(url, seen.detail, Math.round(pause))
    }
  }

  // ── one connection

  #dial(url: string): void {
    const { connect, now, hello, frame } = this.#o
    this.#url = url
    this.#dialledAt = now()
    let saidAt = 0
    const mine = (): boolean => this.#transport === transport
    const transport: LinkTransport = connect(
      url,
      () => {
        if (!mine()) return
        saidAt = now()
        transport.send(encodeHello(hello(false)))
      },
      {
        message: bytes => {
          if (!mine()) return
          if (this.#welcomed) frame(bytes)
          else this.#answered(bytes, transport, now() - saidAt)
        },
        closed: detail => {
          if (mine()) this.#gone(detail, { is: 'silent', detail })
        },
      },
    )
    this.#transport = transport
  }

  #answered(bytes: Uint8Array, transport: LinkTransport, rttMs: number): void {
    try {
      const answer = decodeAnswer(bytes)
      const seen = seenOf(answer, rttMs)
      if (answer.is === 'refused') {
        this.#o.stats.refused++
        return this.#end(CLOSE_NORMAL, 'Refused', seen)
      }
      this.sites.note(this.#url, seen)
      this.#welcomed = true
      if (this.#o.welcomed(answer, transport, this.#url)) return this.#linked(answer.site)
      this.#welcomed = false
      this.#end(CLOSE_DAMAGED, 'Core and edge do not fit together')
    } catch (error) {
      this.#end(CLOSE_DAMAGED, error instanceof Error ? error.message : String(error))
    }
  }

  #linked(site: string): void {
    this.#lastSite = site
    this.#choosing = false
    this.#tries = 0
    this.#due = this.#o.now() + this.#o.limits.siteProbeMs * this.#o.random()
  }

  #end(code: number, detail: string, seen: Seen = { is: 'silent', detail }): void {
    const transport = this.#transport
    if (transport === undefined) return
    transport.close(code, detail.slice(0, 100))
    if (this.#transport === transport) this.#gone(detail, seen)
  }

  #gone(detail: string, seen: Seen): void {
    this.#transport = undefined
    if (this.#welcomed) return this.#broken(detail)
    if (this.#closed) return
    this.sites.note(this.#url, seen)
    if (this.#choosing) this.#choose(this.#o.now())
    else this.#pause()
  }

  /** The same core first, and at once: it goes on where it was, unless it has died. The others are asked meanwhile. */
  #broken(detail: string): void {
    const { now, stats, down } = this.#o
    this.#welcomed = false
    this.#unlinkedAt = now()
    const next = down(detail)
    if (next === undefined) stats.broken++
    if (!this.#closed) this.#redial(next ?? this.#url)
  }

  #redial(url: string): void {
    if (this.#o.cores.length > 1) {
      this.#choosing = true
      this.sites.forget()
      this.#ask()
    }
    this.#dial(url)
  }
}
