/** What other sites still have of sessions that live here: which sites, and since when the session has gone on without it. Fetches nothing. */
import type { ClientKey } from '../contract/ids.ts'
import { EXPIRY_NEVER } from '../contract/session.ts'
import type { Peer } from './peer.ts'
import type { Directory, SiteName } from './port.ts'
import type { Recent } from './recent.ts'

/** What other sites have of one session, not here yet. */
export interface Debt {
  readonly sites: Set<SiteName>
  /** Of `Recent`, while it is begun for this session. */
  since: number | undefined
  /** Packet ids that were in flight when the session went on here: not known late. */
  known: ReadonlySet<number>
  /** In which its client was connected last where the record comes from that it goes on from here; 0: not known. */
  epoch: number
  /** The session has ended here since, or was never wanted: there is only something to be removed. */
  void: boolean
  /** It is being fetched. */
  busy: boolean
}

export interface OwedOptions {
  readonly directory: Pick<Directory, 'owed' | 'settled'>
  readonly recent: Recent
}

const NONE: ReadonlySet<number> = new Set()

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
  /** All that a site has of a client is here, and is being made durable. */
  readonly #taken = new Set<string>()

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
      this.#debts.set(
        client,
        (debt = { sites: new Set(), since: undefined, known: NONE, epoch: 0, void: false, busy: false }),
      )
    if (!debt.sites.has(site)) this.#count(site, 1)
    debt.sites.add(site)
    return debt
  }

  /** The session has begun here without what that site has. `since`: of `Recent`, still begun. `inflight`: packet ids it has begun with. */
  follows(client: ClientKey, site: SiteName, since: number, inflight: Iterable<number>): Debt {
    const debt = this.add(client, site)
    if (debt.since === undefined) {
      this.#o.recent.begin()
      debt.since = since
    }
    debt.known = new Set([...debt.known, ...inflight])
    debt.void = false
    return debt
  }

  /** The session begins here, and nothing of it was here: what came when it was here before is not what it has had. */
  anew(client: ClientKey): void {
    const debt = this.#debts.get(client)
    if (debt?.since === undefined) return
    this.#o.recent.end()
    debt.since = undefined
    debt.known = NONE
  }

  /** The session ends here: what follows of it is wanted no more. */
  void(client: ClientKey): void {
    const debt = this.#debts.get(client)
    if (debt !== undefined) debt.void = true
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

  /** All that the site has of it is here: it does not get it back. The result is told once that is durable, or that it was not to be. */
  take(client: ClientKey, peer: Peer, epoch: number): (isDurable: boolean) => void {
    const key = keyOf(peer.site, client)
    this.#taken.add(key)
    return isDurable => {
      this.#taken.delete(key)
      if (isDurable) this.settle(client, peer, epoch)
      else peer.release(client, epoch, EXPIRY_NEVER)
    }
  }

  isTaken(client: ClientKey, { site }: Peer): boolean {
    return this.#taken.has(keyOf(site, client))
  }

  /** `done` once that site owes nothing, or after `until`. ms since the epoch. */
  whenPaid(site: SiteName, until: number, done: () => void): void {
    if (this.owes(site)) this.#waiting.push({ site, until, done })
    else done()
  }

  /** A few times a second. ms since the epoch. */
  tick(now: number): void {
    for (const one of this.#waiting.splice(0))
      if (one.until <= now || !this.owes(one.site)) one.done()
      else this.#waiting.push(one)
  }

  /** That site has something of sessions that live here. */
  owes(site: SiteName): boolean {
    return (this.#owing.get(site) ?? 0) > 0
  }

  #count(site: SiteName, by: 1 | -1): void {
    this.#owing.set(site, (this.#owing.get(site) ?? 0) + by)
  }
}

const keyOf = (site: SiteName, client: ClientKey): string => `${site} ${client}`
