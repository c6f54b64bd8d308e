/** All other sites, as this one is linked to them. Owns no link's life and no session. */
import type { Limits } from '../contract/limits.ts'
import type { Session } from '../session/session.ts'
import type { CoreStats } from '../stats.ts'
import { Exports } from './exports.ts'
import { BEHIND_MS, Peer, type PeerDial, type Receiver } from './peer.ts'
import type { SiteName } from './port.ts'

export interface PeersOptions {
  /** Our own name. */
  readonly site: SiteName
  readonly receiver: Receiver
  /** The sessions of other sites here. */
  readonly sites: Iterable<Session>
  readonly limits: Limits
  readonly stats: CoreStats
  readonly now: () => number
  readonly defer: (fn: () => void) => void
}

export class Peers {
  readonly site: SiteName
  readonly exports: Exports
  readonly #o: PeersOptions
  readonly #peers = new Map<SiteName, Peer>()
  #isClosing = false

  constructor(options: PeersOptions) {
    this.#o = options
    this.site = options.site
    this.exports = new Exports(options.stats)
  }

  /** Throws if there is one of this name, or it is our own. */
  add(site: SiteName, dial: PeerDial): Peer {
    if (site === this.site || this.#peers.has(site)) throw new Error(`Site '${site}' is there already`)
    const { exports } = this
    const peer = new Peer({ ...this.#o, site, own: this.site, dial, exports })
    this.#peers.set(site, peer)
    exports.tell(peer)
    return peer
  }

  get(site: SiteName): Peer | undefined {
    return this.#peers.get(site)
  }

  all(): IterableIterator<Peer> {
    return this.#peers.values()
  }

  /** Begins to link: once the core is open. */
  start(): void {
    for (const peer of this.#peers.values()) peer.start()
  }

  /** The core of another site has linked to us. */
  met(site: SiteName): void {
    this.#peers.get(site)?.met()
  }

  /** A few times a second. ms since the epoch. */
  tick(now: number): void {
    const { stats, sites } = this.#o
    let linked = 0
    for (const peer of this.#peers.values()) {
      peer.tick(now)
      if (peer.linked) linked++
    }
    let waiting = 0
    for (const { inbox } of sites) waiting += inbox?.count ?? 0
    stats.nowPeers = linked
    stats.nowWaitingForSites = waiting
  }

  /** `done` once every linked site sends what is wanted up to now, or does not answer. */
  settle(done: () => void): void {
    eachOf([...this.#peers.values()], (peer, one) => peer.settle(one, BEHIND_MS), done)
  }

  /** `done` once everything that the others than this one routed to us before is handed to our core, or they do not answer. */
  barrier(except: SiteName, done: () => void): void {
    const others = [...this.#peers.values()].filter(peer => peer.site !== except)
    eachOf(others, (peer, one) => peer.barrier(one), done)
  }

  /** This core ends: that a site does not answer says nothing of that site any more, and nobody goes on here without it. */
  get isClosing(): boolean {
    return this.#isClosing
  }

  /** Says good-bye to all. */
  async close(): Promise<void> {
    this.#isClosing = true
    await Promise.all([...this.#peers.values()].map(peer => peer.close()))
  }
}

/** `done` once all of them have called `one`. */
function eachOf(peers: readonly Peer[], ask: (peer: Peer, one: () => void) => void, done: () => void): void {
  let left = peers.length + 1
  const one = () => {
    if (--left === 0) done()
  }
  for (const peer of peers) ask(peer, one)
  one()
}
