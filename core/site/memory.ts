/** The directory of several sites in memory, for simulations: they share one `Globe`. Nothing in it survives the process. */
import type { ClientKey } from '../contract/ids.ts'
import type { Message } from '../contract/message.ts'
import type { SessionRecord, State, StateVisitor, StoredSubscription } from '../state/port.ts'
import {
  type Claimed,
  type Directory,
  type Foreign,
  type Seen,
  type SessionEpoch,
  type SiteName,
  type SiteWatch,
  TAKEN_KEPT_MS,
} from './port.ts'

interface Owner {
  epoch: number
  /** '' if only a will was ever asked for. */
  site: SiteName
  over: boolean
  from: readonly SiteName[]
  /** The last epoch whose will was taken. */
  willed: number
  taker: MemoryDirectory | undefined
  /** Something may be left elsewhere by which an old site could take the session for alive: kept for a while when it is over. */
  traced: boolean
  /** When it is forgotten; Infinity while the session lives. By the clock of the globe. */
  until: number
}

interface Place {
  state: Pick<State, 'load'> | undefined
  /** Lease, and how far the site's clock was ahead when it was renewed. ms. */
  until: number
  aheadMs: number
  /** Whom other sites have claimed lately, the how manieth it was, and when. */
  taken: { readonly client: ClientKey; readonly n: number; readonly at: number }[]
}

const LEASE_MS = 5_000
const KEPT_MS = 7 * 24 * 3600 * 1000

/** What is global. Its clock is that of the leases. */
export class Globe {
  readonly now: () => number
  readonly #owners = new Map<ClientKey, Owner>()
  readonly #places = new Map<SiteName, Place>()

  constructor({ now }: { readonly now: () => number }) {
    this.now = now
  }

  /** Whose records others can read; again when the site opens its state again. */
  place(site: SiteName, state: Pick<State, 'load'>): void {
    this.at(site).state = state
  }

  /** The site is alive at `now`, ms since the epoch by its own clock. */
  renew(site: SiteName, now: number): void {
    const place = this.at(site)
    place.until = this.now() + LEASE_MS
    place.aheadMs = now - this.now()
  }

  /** It has ended in order. */
  release(site: SiteName): void {
    this.at(site).until = this.now()
  }

  at(site: SiteName): Place {
    let place = this.#places.get(site)
    if (place === undefined) this.#places.set(site, (place = { state: undefined, until: 0, aheadMs: 0, taken: [] }))
    return place
  }

  /** How many clients it knows anything about. */
  get size(): number {
    return this.#owners.size
  }

  owner(client: ClientKey): Owner | undefined {
    const o = this.#owners.get(client)
    if (o === undefined || o.until > this.now()) return o
    this.#owners.delete(client)
    return undefined
  }

  owners(): [ClientKey, Owner][] {
    return [...this.#owners]
  }

  keep(client: ClientKey, owner: Owner): Owner {
    this.#owners.set(client, owner)
    return owner
  }

  /** Another site claims it from `site`. */
  take(site: SiteName, client: ClientKey): void {
    const place = this.at(site)
    const now = this.now()
    const n = (place.taken.at(-1)?.n ?? 0) + 1
    place.taken = [...place.taken.filter(({ at }) => at > now - TAKEN_KEPT_MS), { client, n, at: now }]
  }

  over(client: ClientKey, o: Owner): void {
    o.over = true
    if (o.traced) o.until = this.now() + KEPT_MS
    else this.#owners.delete(client)
  }
}

const newOwner = (epoch: number, site: SiteName): Owner => ({
  epoch,
  site,
  over: false,
  from: [],
  willed: 0,
  taker: undefined,
  traced: false,
  until: Number.POSITIVE_INFINITY,
})

const UNREACHABLE = 'The directory in memory is out of reach'

export class MemoryDirectory implements Directory {
  readonly #globe: Globe
  readonly #site: SiteName
  readonly #later: (fn: () => void) => void
  #reachable = true
  /** Who was taken up to here has been named. */
  #named = 0
  /** What is tried again. */
  #waiting: (() => void)[] = []

  /** `later`: runs what is answered; default: a microtask. */
  constructor(globe: Globe, site: SiteName, later: (fn: () => void) => void = queueMicrotask) {
    this.#globe = globe
    this.#site = site
    this.#later = later
  }

  get reachable(): boolean {
    return this.#reachable
  }

  set reachable(on: boolean) {
    this.#reachable = on
    if (!on) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const fn of waiting) fn()
  }

  claim(client: ClientKey, atLeast: number, done: (claimed: Claimed | undefined) => void): void {
    this.#ask(() => {
      const known = this.#globe.owner(client)
      if (known !== undefined && known.site !== this.#site && !known.over) this.#globe.take(known.site, client)
      const before = known === undefined || known.over ? '' : known.site
      const { epoch, from } = this.#take(client, Math.max(known?.epoch ?? 0, atLeast) + 1)
      return { epoch, from, before }
    }, done)
  }

  settled(client: ClientKey, from: SiteName): void {
    this.#insist(() => {
      const o = this.#globe.owner(client)
      if (o?.site === this.#site) o.from = o.from.filter(site => site !== from)
    })
  }

  forget(client: ClientKey, epoch: number): void {
    this.#insist(() => {
      const o = this.#globe.owner(client)
      if (o !== undefined && o.site === this.#site && o.epoch <= epoch) this.#globe.over(client, o)
    })
  }

  find(client: ClientKey, done: (site: SiteName | undefined) => void): void {
    this.#ask(() => {
      const o = this.#globe.owner(client)
      return o === undefined || o.over ? '' : o.site
    }, done)
  }

  takeWill(client: ClientKey, epoch: number, done: (mine: boolean | undefined) => void, of = this.#site): void {
    this.#insist(() => {
      const mine = this.#takeWill(client, epoch, of)
      this.#later(() => done(mine))
    })
  }

  read(site: SiteName, client: ClientKey, done: (found: Foreign | 'none' | undefined) => void): void {
    this.#ask(() => {
      const { records, subscriptions } = contents(this.#globe, site)
      const record = records.find(r => r.client === client)
      return record === undefined ? 'none' : { record, subscriptions: subscriptions.get(client) ?? [] }
    }, done)
  }

  async elsewhere(sessions: readonly SessionEpoch[]): Promise<ReadonlyMap<ClientKey, boolean>> {
    this.#check()
    const found = new Map<ClientKey, boolean>()
    for (const { client, epoch } of sessions) {
      const o = this.#globe.owner(client)
      if (o === undefined || o.site === '' || o.site === this.#site || o.epoch < epoch) continue
      found.set(client, o.from.includes(this.#site))
    }
    return found
  }

  async taken(): Promise<readonly ClientKey[]> {
    this.#check()
    const oldest = this.#globe.now() - TAKEN_KEPT_MS
    const taken = this.#globe.at(this.#site).taken.filter(({ n, at }) => n > this.#named && at > oldest)
    this.#named = taken.at(-1)?.n ?? this.#named
    return taken.map(({ client }) => client)
  }

  async restore(sessions: Iterable<SessionEpoch>): Promise<ReadonlySet<ClientKey>> {
    this.#check()
    const theirs = new Set<ClientKey>()
    for (const { client, epoch } of sessions) {
      const o = this.#globe.owner(client)
      if (o === undefined || o.site === '' || o.site === this.#site || o.epoch < epoch) {
        this.#take(client, Math.max(o?.epoch ?? 0, epoch))
        continue
      }
      theirs.add(client)
      if (o.over) continue
      o.from = [this.#site, ...o.from.filter(site => site !== this.#site)]
      o.traced = true
    }
    return theirs
  }

  async owed(): Promise<ReadonlyMap<ClientKey, readonly SiteName[]>> {
    this.#check()
    return new Map(
      this.#globe
        .owners()
        .filter(([client, o]) => o.site === this.#site && o.from.length > 0 && this.#globe.owner(client) === o)
        .map(([client, o]) => [client, o.from]),
    )
  }

  #take(client: ClientKey, epoch: number): Owner {
    const o = this.#globe.owner(client) ?? this.#globe.keep(client, newOwner(epoch, ''))
    const moved = o.site !== '' && o.site !== this.#site
    const from = moved && !o.over ? [o.site, ...o.from] : o.from
    o.from = [...new Set(from)].filter(site => site !== this.#site)
    o.epoch = epoch
    o.site = this.#site
    o.over = false
    o.until = Number.POSITIVE_INFINITY
    if (moved) o.traced = true
    return o
  }

  #takeWill(client: ClientKey, epoch: number, of: SiteName): boolean {
    let o = this.#globe.owner(client)
    if (o === undefined) {
      o = this.#globe.keep(client, { ...newOwner(epoch, ''), traced: true })
      this.#globe.over(client, o)
    }
    const hasDied = o.willed === epoch && o.taker !== undefined && o.taker.#site === of && o.taker !== this
    if (o.epoch > epoch || (o.willed >= epoch && !hasDied)) return false
    o.epoch = epoch
    o.willed = epoch
    o.taker = this
    o.traced = true
    return true
  }

  #ask<T>(answer: () => T, done: (answer: T | undefined) => void): void {
    const value = this.#reachable ? answer() : undefined
    this.#later(() => done(value))
  }

  #insist(fn: () => void): void {
    if (this.#reachable) fn()
    else this.#waiting.push(fn)
  }

  #check(): void {
    if (!this.#reachable) throw new Error(UNREACHABLE)
  }
}

/** Reads what other sites have left behind, as their cores would from the state that all share. */
export class MemoryWatch implements SiteWatch {
  reachable = true
  readonly #globe: Globe
  readonly #sites: readonly SiteName[]
  readonly #now: () => number

  /** `sites`: the others. `now`: the clock of whoever watches, ms since the epoch. */
  constructor(globe: Globe, sites: readonly SiteName[], now: () => number) {
    this.#globe = globe
    this.#sites = sites
    this.#now = now
  }

  async look(): Promise<readonly Seen[]> {
    this.#check()
    const now = this.#globe.now()
    return this.#sites.map(site => {
      const { until, aheadMs } = this.#globe.at(site)
      const expiredMs = until === 0 || until > now ? undefined : now - until
      return { site, expiredMs, aheadMs: aheadMs - (this.#now() - now) }
    })
  }

  async *willed(site: SiteName): AsyncGenerator<SessionRecord> {
    this.#check()
    for (const record of contents(this.#globe, site).records) if (record.will !== undefined) yield record
  }

  async *retained(site: SiteName): AsyncGenerator<Message> {
    this.#check()
    yield* contents(this.#globe, site).retained
  }

  #check(): void {
    if (!this.reachable) throw new Error(UNREACHABLE)
  }
}

interface Contents {
  readonly records: SessionRecord[]
  readonly subscriptions: Map<ClientKey, StoredSubscription[]>
  readonly retained: Message[]
}

/** Of a state that loads at once. */
function contents(globe: Globe, site: SiteName): Contents {
  const all: Contents = { records: [], subscriptions: new Map(), retained: [] }
  const visitor: StateVisitor = {
    session: record => void all.records.push(record),
    subscription(client, subscription) {
      all.subscriptions.set(client, [...(all.subscriptions.get(client) ?? []), subscription])
    },
    retained: message => void all.retained.push(message),
  }
  void globe.at(site).state?.load(visitor)
  return all
}
