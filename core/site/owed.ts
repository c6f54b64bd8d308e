/** What other sites still have of sessions that live here: which sites, and since when the session has gone on without it. Fetches nothing. */
import type { ClientKey } from '../contract/ids.ts'
import type { Peer } from './peer.ts'
import type { Directory, SiteName } from './port.ts'
import type { Recent } from './recent.ts'

/** What other sites have of one session, not here yet. */
export interface Debt {
  readonly sites: Set<SiteName>
  /** Of `Recent`, while it is begun for this session. */
  since: number | undefined
  /** Packet ids that the record named when the session was gone on with from it. */
  known: ReadonlySet<number>
  /** It is being fetched. */
  busy: boolean
}

export interface OwedOptions {
  readonly directory: Pick<Directory, 'owed' | 'settled'>
  readonly recent: Recent
}

interface Waiting {
  readonly site: SiteName
  readonly until: number
  readonly done: () => void
}

export class Owed {
  readonly #o: OwedOptions
  readonly #debts = new Map<ClientKey, Debt>()
  /** How many sessions a site owes something of; and who waits until it owes nothing. */
  readonly #owing = new Map<SiteName, number>()
  readonly #waiting: Waiting[] = []
  /** All of it is here, and is being made durable. */
  readonly #taken = new Set<ClientKey>()

  constructor(options: OwedOptions) {
    this.#o = options
  }

  /** Sessions. */
  get size(): number {
    return this.#debts.size
  }

  get(client: ClientKey): Debt | undefined {
    return this.#debts.get(client)
  }

  all(): IterableIterator<[ClientKey, Debt]> {
    return this.#debts.entries()
  }

  /** At start. Rejects if the directory cannot be read. */
  async load(): Promise<void> {
    for (const [client, sites] of await this.#o.directory.owed()) for (const site of sites) this.add(client, site)
  }

  add(client: ClientKey, site: SiteName): Debt {
    let debt = this.#debts.get(client)
    if (debt === undefined)
      this.#debts.set(client, (debt = { sites: new Set(), since: undefined, known: new Set(), busy: false }))
    if (!debt.sites.has(site)) this.#count(site, 1)
    debt.sites.add(site)
    return debt
  }

  /** The site has nothing of it that is wanted here. */
  drop(client: ClientKey, site: SiteName): void {
    const debt = this.#debts.get(client)
    if (debt?.sites.delete(site) === true) this.#count(site, -1)
    if (debt === undefined || debt.sites.size > 0) return
    if (debt.since !== undefined) this.#o.recent.end()
    this.#debts.delete(client)
  }

  /** The same, and the directory is told; the site forgets what we have claimed there. */
  settle(client: ClientKey, peer: Peer, epoch: number): void {
    peer.release(client, epoch, 0)
    this.#o.directory.settled(client, peer.site)
    this.drop(client, peer.site)
  }

  /** All that the site has of it is here: it does not get it back. The result settles it, once that is durable. */
  take(client: ClientKey, peer: Peer, epoch: number): () => void {
    this.#taken.add(client)
    return () => {
      this.#taken.delete(client)
      this.settle(client, peer, epoch)
    }
  }

  isTaken(client: ClientKey): boolean {
    return this.#taken.has(client)
  }

  /** `done` once that site owes nothing, or after `until`. ms since the epoch. */
  whenPaid(site: SiteName, until: number, done: () => void): void {
    if (this.#owes(site)) this.#waiting.push({ site, until, done })
    else done()
  }

  /** A few times a second. ms since the epoch. */
  tick(now: number): void {
    for (const one of this.#waiting.splice(0))
      if (one.until <= now || !this.#owes(one.site)) one.done()
      else this.#waiting.push(one)
  }

  #owes(site: SiteName): boolean {
    return (this.#owing.get(site) ?? 0) > 0
  }

  #count(site: SiteName, by: 1 | -1): void {
    this.#owing.set(site, (this.#owing.get(site) ?? 0) + by)
  }
}
