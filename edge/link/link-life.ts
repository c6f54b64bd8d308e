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
import type { Seen, SiteView } from './sites.ts'

export type LinkEvent =
  | {
      readonly is: 'linked'
      readonly core: string
      readonly site: string
      readonly url: string
      readonly resumed: boolean
    }
  | { readonly is: 'link-down'; readonly detail: string }
  | { readonly is: 'link-failed'; readonly url: string; readonly detail: string; readonly retryMs: number }
  | { readonly is: 'core-lost'; readonly detail: string }
  /** Another core than the one in use is something else than before. */
  | {
      readonly is: 'core-seen'
      readonly url: string
      readonly seen: Exclude<Seen['is'], 'unfit'>
      readonly detail: string
    }
  /** A core cannot be linked to before somebody changes something: its version of the link, its token, its bounds. */
  | { readonly is: 'core-unfit'; readonly url: string; readonly detail: string }
  /** No core that is named is of the preferred site. */
  | { readonly is: 'site-missing'; readonly site: string; readonly sites: readonly string[] }
  /** Another site is better and has been so for long enough: the link goes there. */
  | { readonly is: 'site-move'; readonly from: string; readonly to: string; readonly url: string }

/** How an edge sends its devices away before its link goes to another site: they lose their connections at a rate, and nothing else. */
export interface Departure {
  /** Who connects has to wait; `gone` when nobody is left. */
  begin(gone: () => void): void
  /** The link is there, or stays where it was: nobody has to wait any more. */
  end(): void
}

interface Move {
  /** Of a core of the other site. */
  readonly url: string
  /** When the core that is left was told, once no device is left. */
  byeAt: number | undefined
}

export interface LinkLifeOptions {
  /** Of this process, never used before. */
  readonly incarnation: Incarnation
  readonly id: string
  readonly region: string
  /** `ws://` and `wss://` URLs of cores, of one site or of several. */
  readonly cores: readonly string[]
  /** The site that is linked to whenever one of its cores is active; empty: the nearest. */
  readonly prefer: string
  /** Of a core that links to another site as a peer: its own, the other one, and its term (`Hello`). */
  readonly peer?: { readonly site: string; readonly to: string; readonly term: number }
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
  /** A session has begun: what is said now comes first. */
  begun(session: LinkSession): void
  /** Everything that was under way with the core is lost. */
  lost(): void
  /** The core may have given the sessions to others; or it is certain again that it has not. */
  suspend(on: boolean): void
  /** The connection came or went, or something was acknowledged. */
  changed(): void
  /** Says good-bye to the core, as the last thing that is said. */
  bye(): void
}

const NO_CORE = 'No core is linked'
/** A core that is left has so long to take what was said to it last. */
const BYE_MS = 2_000
/** Devices that connect wait so long for the core that the link goes to. */
const ARRIVE_MS = 3_000

export class LinkLife {
  /** Undefined while the core knows nothing of this edge. */
  session: LinkSession | undefined
  suspended = false
  /** Without it all devices lose their connections at once when the link goes to another site. */
  departure: Departure | undefined
  readonly #o: LinkLifeOptions
  readonly #on: LinkLifeEvents
  readonly #dialer: Dialer
  #sessionId = 1
  /** Incarnation and name of the core that has the session. */
  #core = ''
  #coreName = ''
  #site = ''
  #trouble = NO_CORE
  #downAt = 0
  /** Called when everything is said and acknowledged, or nothing can be said any more. */
  #closing: (() => void) | undefined
  #move: Move | undefined

  constructor(options: LinkLifeOptions, on: LinkLifeEvents) {
    this.#o = options
    this.#on = on
    const { cores, prefer, connect, limits, stats, now, random } = options
    this.#dialer = new Dialer({
      cores,
      prefer,
      connect,
      limits,
      stats,
      now,
      random,
      hello: probe => this.#hello(probe),
      welcomed: (welcome, transport, url) => this.#welcomed(welcome, transport, url),
      frame: bytes => this.#frame(bytes),
      down: detail => this.#down(detail),
      failed: (url, detail, retryMs) => {
        this.#trouble = `${NO_CORE}: ${url}: ${detail}`
        this.#event({ is: 'link-failed', url, detail, retryMs })
      },
      seen: (url, seen) => {
        const detail = seen.is === 'active' ? '' : seen.detail
        if (seen.is === 'unfit') this.#event({ is: 'core-unfit', url, detail })
        else this.#event({ is: 'core-seen', url, seen: seen.is, detail })
      },
      missing: () => this.#event({ is: 'site-missing', site: prefer, sites: this.sites.map(one => one.site) }),
      better: url => this.#better(url),
    })
  }

  get linked(): boolean {
    return this.session?.up === true
  }

  /** One line for people. */
  get state(): string {
    return this.linked ? `Linked to core '${this.#coreName}' of site '${this.#site}'` : this.#trouble
  }

  /** It is about to go to another site: new devices are better served elsewhere. */
  get moving(): boolean {
    return this.#move !== undefined
  }

  /** The sites that are known. */
  get sites(): SiteView[] {
    return this.#dialer.sites.views(this.#dialer.linkedTo)
  }

  start(): void {
    this.#dialer.start()
  }

  /** A core is known to be there: nothing is waited for any more that has not answered. */
  retry(): void {
    this.#dialer.retry()
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
    this.#hasten(now)
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

  #hello(probe: boolean): Hello {
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
      probe,
      site: this.#o.peer?.site ?? '',
      to: this.#o.peer?.to ?? '',
      term: this.#o.peer?.term ?? 0,
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
    if (this.#site !== '' && this.#site !== welcome.site) stats.switches++
    this.#site = welcome.site
    if (!this.session.connect(transport, welcome.received, now())) {
      this.#lost(`Core '${welcome.core}' has ${welcome.received} frames, which cannot be`)
      return false
    }
    if (resumes) stats.resumed++
    else {
      stats.opened++
      this.#on.begun(this.session)
    }
    stats.nowLinks++
    this.#event({ is: 'linked', core: welcome.core, site: welcome.site, url, resumed: resumes })
    this.#suspend(false)
    this.#on.changed()
    this.#stay()
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

  #down(detail: string): string | undefined {
    this.session?.disconnect()
    this.#downAt = this.#o.now()
    this.#trouble = `${NO_CORE}: ${detail}`
    this.#o.stats.nowLinks--
    this.#event({ is: 'link-down', detail })
    this.#on.changed()
    const next = this.#move?.byeAt === undefined ? undefined : this.#move.url
    if (next === undefined) this.#stay()
    else this.#lost(`The link goes to ${next}`)
    if (this.#closing !== undefined) this.cut()
    return next
  }

  /** Devices go first, then the link; until they have gone it may still be thought better of. */
  #better(url: string | undefined): void {
    if (this.#closing !== undefined || (url === undefined) === (this.#move === undefined)) return
    if (url === undefined) {
      if (this.#move?.byeAt === undefined) this.#stay()
      return
    }
    const move: Move = { url, byeAt: undefined }
    this.#move = move
    this.#event({ is: 'site-move', from: this.#site, to: this.#dialer.sites.siteOf(url), url })
    const gone = (): void => {
      if (this.#move !== move || !this.linked) return
      move.byeAt = this.#o.now()
      this.#on.bye()
    }
    if (this.departure === undefined) gone()
    else this.departure.begin(gone)
  }

  /** Neither the core that is left nor the one that does not come holds up a move. */
  #hasten(now: number): void {
    if (this.#move?.byeAt === undefined) return
    const passed = now - this.#move.byeAt
    if (this.linked && passed > BYE_MS) this.#dialer.drop(CLOSE_NORMAL, 'Goes to another site')
    else if (!this.linked && passed > BYE_MS + ARRIVE_MS) this.#stay()
  }

  #stay(): void {
    if (this.#move === undefined) return
    this.#move = undefined
    this.departure?.end()
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
