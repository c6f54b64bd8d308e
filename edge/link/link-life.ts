/**
 * The life of an edge's link session: begun with WELCOME, carried over broken connections, given up when the core is another
 * one or too long away. Owns session and connection and the decision to begin anew; knows no records.
 *
 *     no session ──WELCOME──▶ linked ◀──resumed──▶ down ──other core, or too long──▶ begin anew: all connections are closed
 */
import type { Incarnation } from '../../core/contract/ids.ts'
import type { Limits } from '../../core/contract/limits.ts'
import { type Hello, LINK_VERSION, type Welcome } from '../../core/contract/link/hello.ts'
import { LinkSession } from '../../core/contract/link/session.ts'
import type { LinkStats } from '../../core/contract/link/stats.ts'
import {
  CLOSE_DAMAGED,
  CLOSE_NORMAL,
  type LinkConnector,
  type LinkTransport,
} from '../../core/contract/link/transport.ts'
import { Dialer } from './dialer.ts'

export type LinkEvent =
  | { readonly is: 'linked'; readonly core: string; readonly url: string; readonly resumed: boolean }
  | { readonly is: 'link-down'; readonly detail: string }
  | { readonly is: 'link-failed'; readonly url: string; readonly detail: string; readonly retryMs: number }
  | { readonly is: 'core-lost'; readonly detail: string }

export interface LinkLifeOptions {
  /** Of this process, never used before. */
  readonly incarnation: Incarnation
  readonly id: string
  readonly region: string
  /** `ws://` and `wss://` URLs of cores, tried in turn. */
  readonly cores: readonly string[]
  /** Empty for none. */
  readonly token: string
  readonly limits: Limits
  readonly stats: LinkStats
  readonly connect: LinkConnector
  /** ms since the epoch. */
  readonly now: () => number
  /** From 0 to below 1. */
  readonly random: () => number
  readonly events?: (event: LinkEvent) => void
}

export interface LinkLifeEvents {
  /** Records came. Throws RangeError if they are damaged. */
  read(records: Uint8Array): void
  /** Everything that was under way with the core is lost. */
  lost(): void
  /** The core may have given the sessions to others; or it is certain again that it has not. */
  suspend(on: boolean): void
  /** The connection came or went, or something was acknowledged. */
  changed(): void
}

const NO_CORE = 'No core is linked'

export class LinkLife {
  /** Undefined while the core knows nothing of this edge. */
  session: LinkSession | undefined
  suspended = false
  readonly #o: LinkLifeOptions
  readonly #on: LinkLifeEvents
  readonly #dialer: Dialer
  #sessionId = 1
  /** Incarnation and name of the core that has the session. */
  #core = ''
  #coreName = ''
  #trouble = NO_CORE
  #downAt = 0
  /** Called when everything is said and acknowledged, or nothing can be said any more. */
  #closing: (() => void) | undefined

  constructor(options: LinkLifeOptions, on: LinkLifeEvents) {
    this.#o = options
    this.#on = on
    const { cores, connect, stats, now, random } = options
    this.#dialer = new Dialer({
      cores,
      connect,
      stats,
      now,
      random,
      hello: () => this.#hello(),
      welcomed: (welcome, transport, url) => this.#welcomed(welcome, transport, url),
      frame: bytes => this.#frame(bytes),
      down: detail => this.#down(detail),
      failed: (url, detail, retryMs) => {
        this.#trouble = `${NO_CORE}: ${url}: ${detail}`
        this.#event({ is: 'link-failed', url, detail, retryMs })
      },
    })
  }

  get linked(): boolean {
    return this.session?.up === true
  }

  /** One line for people. */
  get state(): string {
    return this.linked ? `Linked to core '${this.#coreName}'` : this.#trouble
  }

  start(): void {
    this.#dialer.start()
  }

  tick(now: number): void {
    const { limits, stats } = this.#o
    if (this.session?.tick(now) === false) {
      stats.silent++
      this.#dialer.drop(CLOSE_NORMAL, 'Nothing was heard for three heartbeats')
    }
    if (this.session?.up === false) {
      const down = now - this.#downAt
      // Half the time after which the core gives this edge's sessions to others.
      if (down >= limits.linkGraceMs / 2) this.#suspend(true)
      if (down >= limits.linkLostMs) this.#lost(`No link for ${down} ms`)
    }
    this.#dialer.tick(now)
  }

  /** Ends the link once what was sent is acknowledged, or cannot be any more: calls `done` then. */
  close(done: () => void): void {
    this.#closing = done
    if (!this.linked || this.session!.idle) this.cut()
  }

  /** Ends the link now. */
  cut(): void {
    const done = this.#closing
    this.#closing = undefined
    this.#dialer.close()
    done?.()
  }

  #hello(): Hello {
    const { id, region, token, incarnation } = this.#o
    return {
      is: 'hello',
      version: LINK_VERSION,
      edge: id,
      region,
      incarnation,
      session: String(this.#sessionId),
      token,
      received: this.session?.received ?? 0,
      probe: false,
    }
  }

  #welcomed(welcome: Welcome, transport: LinkTransport, url: string): boolean {
    const { stats, now, limits } = this.#o
    const resumes = welcome.resumed && welcome.incarnation === this.#core
    if (!resumes)
      this.#lost(
        `Core '${welcome.core}' has taken over, or had given this edge up: its devices have to come back`,
        true,
      )
    this.session ??= new LinkSession({ limits, stats, read: records => this.#on.read(records) })
    this.#core = welcome.incarnation
    this.#coreName = welcome.core
    if (!this.session.connect(transport, welcome.received, now())) {
      this.#lost(`Core '${welcome.core}' has ${welcome.received} frames, which cannot be`)
      return false
    }
    if (resumes) stats.resumed++
    else stats.opened++
    stats.nowLinks++
    this.#event({ is: 'linked', core: welcome.core, url, resumed: resumes })
    this.#suspend(false)
    this.#on.changed()
    return true
  }

  #frame(bytes: Uint8Array): void {
    const { session } = this
    if (session === undefined) return
    try {
      session.frame(bytes, this.#o.now())
    } catch (error) {
      this.#o.stats.damaged++
      const detail = error instanceof Error ? error.message : String(error)
      this.#lost(detail)
      return this.#dialer.drop(CLOSE_DAMAGED, detail)
    }
    this.#on.changed()
    if (this.#closing !== undefined && session.idle) this.cut()
  }

  #down(detail: string): void {
    this.session?.disconnect()
    this.#downAt = this.#o.now()
    this.#trouble = `${NO_CORE}: ${detail}`
    this.#o.stats.nowLinks--
    this.#event({ is: 'link-down', detail })
    this.#on.changed()
    if (this.#closing !== undefined) this.cut()
    else this.#dialer.tick(this.#o.now())
  }

  #suspend(on: boolean): void {
    if (on === this.suspended) return
    this.suspended = on
    this.#on.suspend(on)
  }

  /** `same`: the core has begun the session that HELLO named. */
  #lost(detail: string, same = false): void {
    if (this.session === undefined) return
    this.#o.stats.lost++
    this.session.end()
    this.session = undefined
    if (!same) this.#sessionId++
    this.#core = ''
    this.#event({ is: 'core-lost', detail })
    this.#on.lost()
    this.#suspend(false)
    this.#on.changed()
  }

  #event(event: LinkEvent): void {
    this.#o.events?.(event)
  }
}
