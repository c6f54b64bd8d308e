/** All links of a core: who may link, which link goes on with which session, when an edge counts as dead. Owns no socket and sets no timer: `accept` is given connections, `tick` the time. */
import type { Incarnation } from '../../contract/ids.ts'
import type { Limits } from '../../contract/limits.ts'
import {
  decodeHello,
  encodeHello,
  type Hello,
  LINK_VERSION,
  type Refused,
  sameToken,
} from '../../contract/link/hello.ts'
import type { LinkStats } from '../../contract/link/stats.ts'
import {
  CLOSE_DAMAGED,
  CLOSE_GOING,
  CLOSE_NORMAL,
  CLOSE_REFUSED,
  type LinkSocketEvents,
  type LinkTransport,
} from '../../contract/link/transport.ts'
import type { CoreLink, EdgePort } from '../../contract/link.ts'
import { Calls } from './calls.ts'
import { RemotePort } from './remote-port.ts'

/** What a link is made to: the active core. */
export interface CoreHost {
  readonly congested: boolean
  attach(port: EdgePort, incarnation: Incarnation): CoreLink
  /** The edge is gone for good. */
  detach(port: EdgePort): void
}

export type LinkServerEvent =
  | {
      readonly is: 'edge-linked'
      readonly edge: string
      readonly region: string
      readonly address: string
      readonly resumed: boolean
    }
  | { readonly is: 'edge-unlinked'; readonly edge: string; readonly detail: string }
  | { readonly is: 'edge-lost'; readonly edge: string; readonly detail: string }
  | { readonly is: 'edge-left'; readonly edge: string }
  | { readonly is: 'edge-refused'; readonly address: string; readonly why: Refused['why']; readonly detail: string }

export interface LinkServerOptions {
  /** Of the core. */
  readonly id: string
  readonly site: string
  readonly incarnation: Incarnation
  /** Edges have to know it. Empty: none is asked for. */
  readonly token: string
  /** The active core, or why there is none. Asked for each link that is made. */
  readonly core: () => CoreHost | { readonly refuse: string }
  readonly limits: Limits
  readonly stats: LinkStats
  /** ms since the epoch. */
  readonly now: () => number
  /** Runs a function when the core has done the work of this turn. */
  readonly atTurnEnd: (flush: () => void) => void
  readonly events?: (event: LinkServerEvent) => void
  /** The core of another site has linked to us, or does so again. */
  readonly met?: (site: string) => void
}

export interface LinkedEdge {
  readonly id: string
  readonly region: string
  readonly address: string
  readonly linked: boolean
}

/** One edge, as long as the core counts on it. */
interface Edge {
  readonly hello: Hello
  readonly host: CoreHost
  readonly port: RemotePort
  address: string
  transport: LinkTransport | undefined
  /** Since when there is no connection, and since when too much waits for it. */
  downAt: number
  fullAt: number | undefined
  left: boolean
}

/** Connections that have not said HELLO. */
interface Stranger {
  readonly transport: LinkTransport
  readonly since: number
}

const MAX_STRANGERS = 256
/** An edge that is this much over the bound is not waited for. */
const FAR_TOO_MUCH = 4

export class LinkServer {
  readonly #o: LinkServerOptions
  readonly #events: (event: LinkServerEvent) => void
  /** By incarnation. */
  readonly #edges = new Map<string, Edge>()
  readonly #strangers = new Set<Stranger>()
  #touched: RemotePort[] = []
  #scheduled = false
  #pressed = false
  #closed = false

  constructor(options: LinkServerOptions) {
    this.#o = options
    this.#events = options.events ?? (() => {})
  }

  get edges(): LinkedEdge[] {
    return [...this.#edges.values()].map(({ hello, address, transport }) => ({
      id: hello.edge,
      region: hello.region,
      address,
      linked: transport !== undefined,
    }))
  }

  /** A connection came. `address`: of its other end, for logs. */
  accept(transport: LinkTransport, address: string): LinkSocketEvents {
    const stranger: Stranger = { transport, since: this.#o.now() }
    let edge: Edge | undefined
    if (this.#closed || this.#strangers.size >= MAX_STRANGERS)
      transport.close(CLOSE_GOING, 'No more links at the moment')
    else this.#strangers.add(stranger)
    return {
      message: bytes => {
        if (edge !== undefined) return this.#frame(edge, transport, bytes)
        if (this.#strangers.delete(stranger)) edge = this.#hello(transport, address, bytes)
      },
      closed: detail => {
        this.#strangers.delete(stranger)
        if (edge?.transport === transport) this.#down(edge, detail)
      },
    }
  }

  /** A few times a second. ms since the epoch. */
  tick(now: number): void {
    const { limits, stats } = this.#o
    for (const stranger of this.#strangers)
      if (now - stranger.since > limits.connectTimeoutMs) {
        this.#strangers.delete(stranger)
        stranger.transport.close(CLOSE_REFUSED, 'No HELLO in time')
      }
    for (const edge of this.#edges.values()) {
      edge.port.compact()
      if (edge.transport === undefined) {
        if (now - edge.downAt >= limits.linkGraceMs) this.#lost(edge, 'Its link did not come back')
      } else if (!edge.port.session.tick(now)) {
        stats.silent++
        edge.transport.close(CLOSE_GOING, 'Nothing was heard')
        this.#down(edge, 'Nothing was heard for three heartbeats')
      }
      this.#measure(edge, now)
    }
    this.#press()
  }

  /** Says good-bye to every edge; nothing is accepted after it. */
  close(): void {
    this.#closed = true
    for (const { transport } of this.#strangers) transport.close(CLOSE_GOING, 'Core is shutting down')
    this.#strangers.clear()
    for (const { port, transport } of this.#edges.values()) {
      port.bye()
      transport?.close(CLOSE_GOING, 'Core is shutting down')
    }
  }

  #hello(transport: LinkTransport, address: string, bytes: Uint8Array): Edge | undefined {
    const refuse = (why: Refused['why'], detail: string) => {
      // Who only asked has its answer.
      if (!(hello?.probe === true && (why === 'standby' || why === 'full'))) {
        this.#o.stats.refused++
        this.#events({ is: 'edge-refused', address, why, detail })
      }
      transport.send(encodeHello({ is: 'refused', version: LINK_VERSION, why, site: this.#o.site, detail }))
      transport.close(CLOSE_REFUSED, why)
      return undefined
    }
    let hello: Hello | undefined
    try {
      hello = decodeHello(bytes)
    } catch (error) {
      return refuse('malformed', textOf(error))
    }
    if (hello.version !== LINK_VERSION)
      return refuse('version', `Link version ${hello.version} is not spoken, only ${LINK_VERSION}`)
    if (this.#o.token !== '' && !sameToken(hello.token, this.#o.token))
      return refuse('token', `Link token of edge '${hello.edge}' is not right`)
    const host = this.#o.core()
    if (!('attach' in host)) return refuse('standby', host.refuse)
    const stranger = this.#mistaken(hello) ?? this.#outdated(hello)
    if (stranger !== undefined) return refuse('site', stranger)
    const known = this.#edges.get(hello.incarnation)
    if (known === undefined && this.#edges.size >= this.#o.limits.maxLinks)
      return refuse('full', `All ${this.#o.limits.maxLinks} links are taken`)
    if (hello.probe) return this.#present(transport)
    if (known?.hello.session === hello.session) return this.#resume(known, transport, address, hello)
    if (known !== undefined) this.#lost(known, 'It began anew')
    return this.#attach(host, transport, address, hello)
  }

  /** Why this is no peer of ours. */
  #mistaken({ edge, site, to }: Hello): string | undefined {
    const own = this.#o.site
    if (site === '') return undefined
    if (to !== own) return `Core '${edge}' of site '${site}' looks for site '${to}', but this is '${own}'`
    return site === own ? `Core '${edge}' is of site '${own}' as this one is, and no peer of it` : undefined
  }

  /** Why this is no longer the core of its site. */
  #outdated({ edge, site, term }: Hello): string | undefined {
    if (site === '' || term === 0) return undefined
    const later = [...this.#edges.values()].find(one => one.hello.site === site && one.hello.term > term)?.hello
    return later && `Core '${edge}' of site '${site}' was active before core '${later.edge}', which is known here`
  }

  #present(transport: LinkTransport): undefined {
    const { id: core, site, incarnation } = this.#o
    const version = LINK_VERSION
    transport.send(encodeHello({ is: 'welcome', version, core, site, incarnation, resumed: false, received: 0 }))
    transport.close(CLOSE_NORMAL, 'Seen')
  }

  #attach(host: CoreHost, transport: LinkTransport, address: string, hello: Hello): Edge {
    const { limits, stats, now } = this.#o
    let calls: Calls | undefined
    const port = new RemotePort({
      site: hello.site,
      limits,
      stats,
      touched: p => this.#touch(p),
      read: records => calls?.read(records),
    })
    const edge: Edge = {
      hello,
      host,
      port,
      address,
      transport: undefined,
      downAt: now(),
      fullAt: undefined,
      left: false,
    }
    this.#replace(hello)
    this.#edges.set(hello.incarnation, edge)
    const incarnation = hello.incarnation as Incarnation
    calls = new Calls(port, host.attach(port, incarnation), incarnation, () => {
      edge.left = true
    })
    if (host.congested) port.congested(true)
    if (this.#pressed) port.press(true)
    stats.opened++
    this.#welcome(edge, transport, address, 0, false)
    return edge
  }

  /** A site has one active core: another one that links in its name has taken over from it. */
  #replace({ site, incarnation }: Hello): void {
    for (const edge of [...this.#edges.values()])
      if (site !== '' && edge.hello.site === site && edge.hello.incarnation !== incarnation)
        this.#lost(edge, `Another core of site '${site}' has taken over`)
  }

  #resume(edge: Edge, transport: LinkTransport, address: string, hello: Hello): Edge | undefined {
    if (edge.transport !== undefined) {
      const old = edge.transport
      this.#down(edge, 'Replaced by a new connection')
      old.close(CLOSE_NORMAL, 'Replaced by a new connection')
    }
    this.#o.stats.resumed++
    if (this.#welcome(edge, transport, address, hello.received, true)) return edge
    this.#damaged(edge, transport, `Edge has ${hello.received} frames, which cannot be`)
    return undefined
  }

  #welcome(edge: Edge, transport: LinkTransport, address: string, received: number, resumed: boolean): boolean {
    const { id: core, site, incarnation, stats, now } = this.#o
    const { session } = edge.port
    const { received: has } = session
    transport.send(
      encodeHello({ is: 'welcome', version: LINK_VERSION, core, site, incarnation, resumed, received: has }),
    )
    edge.transport = transport
    edge.address = address
    stats.nowLinks++
    this.#events({ is: 'edge-linked', edge: edge.hello.edge, region: edge.hello.region, address, resumed })
    const fits = session.connect(transport, received, now())
    if (edge.hello.site !== '') this.#o.met?.(edge.hello.site)
    return fits
  }

  #frame(edge: Edge, transport: LinkTransport, bytes: Uint8Array): void {
    // What comes after our good-bye is not acknowledged: its edge asks another core.
    if (edge.transport !== transport || this.#closed) return
    try {
      edge.port.session.frame(bytes, this.#o.now())
    } catch (error) {
      return this.#damaged(edge, transport, textOf(error))
    }
    if (!edge.left) return
    this.#detach(edge)
    this.#events({ is: 'edge-left', edge: edge.hello.edge })
  }

  #damaged(edge: Edge, transport: LinkTransport, detail: string): void {
    this.#o.stats.damaged++
    transport.close(CLOSE_DAMAGED, detail.slice(0, 100))
    this.#lost(edge, detail)
  }

  #down(edge: Edge, detail: string): void {
    edge.transport = undefined
    edge.downAt = this.#o.now()
    edge.port.session.disconnect()
    this.#o.stats.nowLinks--
    this.#o.stats.broken++
    this.#events({ is: 'edge-unlinked', edge: edge.hello.edge, detail })
  }

  /** The edge counts as dead. */
  #lost(edge: Edge, detail: string): void {
    this.#o.stats.lost++
    this.#detach(edge)
    this.#events({ is: 'edge-lost', edge: edge.hello.edge, detail })
  }

  #detach(edge: Edge): void {
    if (edge.transport !== undefined) {
      this.#o.stats.nowLinks--
      edge.transport.close(CLOSE_NORMAL, 'Good-bye')
    }
    edge.transport = undefined
    this.#edges.delete(edge.hello.incarnation)
    edge.port.gone = true
    edge.host.detach(edge.port)
    edge.port.end()
  }

  // ── the turn

  #touch(port: RemotePort): void {
    port.touched = true
    this.#touched.push(port)
    if (this.#scheduled) return
    this.#scheduled = true
    this.#o.atTurnEnd(this.#flush)
  }

  readonly #flush = (): void => {
    this.#scheduled = false
    const touched = this.#touched
    this.#touched = []
    for (const port of touched) {
      port.touched = false
      if (!port.gone) port.flush()
    }
  }

  // ── pressure

  #measure(edge: Edge, now: number): void {
    const { limits, stats } = this.#o
    const bytes = edge.port.session.unackedBytes
    if (bytes <= limits.linkUnackedBytes) {
      edge.fullAt = undefined
      return
    }
    edge.fullAt ??= now
    if (now - edge.fullAt < limits.linkStalledMs && bytes < FAR_TOO_MUCH * limits.linkUnackedBytes) return
    stats.stalled++
    this.#lost(edge, `It does not keep up: ${bytes} bytes wait for it`)
  }

  /** While too much waits for one edge, all publishers wait: until it has caught up, or is given up. A peer is given up, and what it misses waits in its inbox. */
  #press(): void {
    let pressed = false
    for (const { fullAt, port } of this.#edges.values())
      if (fullAt !== undefined && port.site === undefined) pressed = true
    if (pressed === this.#pressed) return
    this.#pressed = pressed
    for (const { port } of this.#edges.values()) port.press(pressed)
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
