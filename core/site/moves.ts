/**
 * Sessions between sites. A session lives where it was claimed last, and the directory says where that is: a CONNECT here
 * claims it there first, then brings over what other sites have of it.
 *
 *     directory.claim ─▶ nobody else has anything ─▶ claim here
 *                     └▶ another site has: exports its filters ─▶ claims it there, as an edge would ─▶ it begins here
 *                                          ─▶ its inbox comes over ─▶ claim here; released there once all of it is durable
 *                     └▶ that site does not answer: its record in the global state ─▶ claim here; the rest follows when it is back
 *
 * Owns which sessions are on their way here. Routes nothing and knows no link.
 */
import type { ClientKey } from '../contract/ids.ts'
import type { Limits } from '../contract/limits.ts'
import type { ClaimRequest } from '../contract/link.ts'
import { EXPIRY_NEVER } from '../contract/session.ts'
import type { Session } from '../session/session.ts'
import { Answers } from './answers.ts'
import { Bring, type Bringing, type BringOptions, CLOSING, NOTHING, type Refused, UNAVAILABLE } from './bring.ts'
import { Late, type LateOptions } from './late.ts'
import type { Left } from './left.ts'
import { siteOf } from './name.ts'
import { Owed } from './owed.ts'
import type { Peer } from './peer.ts'
import { type Claimed, type Directory, type SiteName, TAKEN_KEPT_MS } from './port.ts'

export interface MovesOptions
  extends Omit<BringOptions, 'owed'>,
    Omit<LateOptions, 'owed' | 'isBrought' | 'isWritten' | 'waiting'> {
  readonly directory: Directory
  readonly limits: Limits
  readonly left: Left
}

/** Before an edge gives a CONNECT up: one that has no answer takes a place in its line. */
const CLAIM_MS = 8_000

/** How often it is asked who was claimed by sites that are not linked. */
const LOOK_MS = 1_000

/** Asked for at once. */
const PAGE_SESSIONS = 20_000

/** Another site has claimed it here, and has not said that it has it. */
const isBrought = (s: Session): boolean =>
  s.site === undefined && s.port?.site !== undefined && (s.presence === 'online' || s.presence === 'claiming')

export class Moves {
  readonly #o: MovesOptions
  readonly #owed: Owed
  readonly #bring: Bring
  readonly #late: Late
  readonly #answers: Answers
  /** Claims that wait until the session is here. */
  readonly #bringing = new Map<ClientKey, Bringing>()
  /** Claimed by another site, and not looked at yet: of what is on its way here it cannot be told whose it will be. */
  readonly #named = new Set<ClientKey>()
  /** Whose inbox has all that was sent here before they were claimed, in this epoch, by another site. */
  readonly #routed = new WeakMap<Session, number>()
  #checking: Promise<void> = Promise.resolve()
  #nextPage: (() => void) | undefined
  /** Until when it is known whom other sites have claimed. ms since the epoch. */
  #knownAt = Number.NEGATIVE_INFINITY
  #looking = false
  #lookAt = 0

  constructor(options: MovesOptions) {
    this.#o = options
    this.#answers = new Answers(options.now)
    const owed = (this.#owed = new Owed(options))
    this.#bring = new Bring({ ...options, owed })
    this.#late = new Late({
      ...options,
      owed,
      isBrought: client => this.#bringing.has(client),
      isWritten: client => this.#bring.isWritten(client),
      waiting: (...args) => this.#bring.waiting(...args),
    })
  }

  /**
   * At start, after the sessions are loaded, and again when this site was cut off: what lives elsewhere by now is ours no more,
   * and ends if nothing of it is wanted there. Rejects if that cannot be told.
   */
  check(): Promise<void> {
    return this.#checkNext(() => this.#own().filter(s => s.moved))
  }

  /** One after the other. `also`: beside those who were claimed elsewhere since the last one. */
  #checkNext(also: () => readonly Session[]): Promise<void> {
    const checking = this.#checking.then(() => this.#checkNews(also))
    this.#checking = checking.catch(() => {})
    return checking
  }

  async #checkNews(also: () => readonly Session[]): Promise<void> {
    const { directory, sessions, now } = this.#o
    const begun = now()
    const taken = begun - this.#knownAt < TAKEN_KEPT_MS / 2 ? await directory.taken() : undefined
    for (const client of taken ?? this.#bringing.keys()) this.#named.add(client)
    if (taken === undefined) await this.#checkAll()
    else {
      const named = [...this.#named].filter(client => !this.#bringing.has(client))
      await this.#check([...named.flatMap(client => sessions.get(client) ?? []), ...also()])
      for (const client of named) this.#named.delete(client)
    }
    this.#knownAt = Math.max(this.#knownAt, begun)
  }

  /** A page per tick, for devices and the directory are busy; at start as fast as it goes. */
  async #checkAll(): Promise<void> {
    const isStart = this.#knownAt === Number.NEGATIVE_INFINITY
    const own = this.#own()
    for (let at = 0; at < own.length; at += PAGE_SESSIONS) {
      if (at > 0 && !isStart)
        await new Promise<void>(resolve => {
          this.#nextPage = resolve
        })
      await this.#check(own.slice(at, at + PAGE_SESSIONS))
    }
  }

  async #check(some: readonly Session[]): Promise<void> {
    const { directory, sessions, residence } = this.#o
    const asked = some.map(({ client, epoch }) => ({ client, epoch }))
    const found = await directory.elsewhere(asked)
    for (const { client, epoch } of asked) {
      const s = sessions.get(client)
      const isWanted = found.get(client)
      // It may have come back meanwhile, or be on its way to where it lives.
      if (isWanted === undefined || s?.epoch !== epoch || this.#bringing.has(client) || isBrought(s)) continue
      if (!s.moved) residence.leave(s)
      if (!isWanted && s.presence === 'offline') sessions.end(s)
    }
  }

  /** A site that is not linked cannot say whom it has claimed: the directory is asked, and their connections end here. */
  #lookForTaken(now: number): void {
    const areLinked = [...this.#o.peers.all()].every(peer => peer.linked)
    if (areLinked) this.#knownAt = now
    if (areLinked || this.#looking || now < this.#lookAt) return
    this.#looking = true
    this.#lookAt = now + LOOK_MS
    this.#checkNext(() => [])
      // Asked again.
      .catch(() => {})
      .finally(() => {
        this.#looking = false
      })
  }

  /** The global state has lost writes: it is told again what lives here. Rejects if it cannot be reached. */
  async restore(): Promise<void> {
    const { directory, sessions, residence } = this.#o
    for (const client of await directory.restore(this.#own().filter(s => !s.moved))) {
      const s = sessions.get(client)
      if (s !== undefined && !this.#bringing.has(client)) residence.leave(s)
    }
  }

  #own(): Session[] {
    return [...this.#o.sessions.values()].filter(s => siteOf(s.client) === undefined)
  }

  /** At start. Rejects if the directory cannot be read. */
  load(): Promise<void> {
    return this.#owed.load()
  }

  /** `done` once all that site owed is here: what waits there for this one comes behind it. After a bound at the latest. */
  whenFetched(site: SiteName, done: () => void): void {
    this.#owed.whenPaid(site, this.#o.now() + this.#o.limits.peerSiftMs, done)
  }

  /**
   * `done` with the epoch of the claim once everything that can be had of the session is here: it can be claimed. If that takes
   * too long the client is to come again; what was begun goes on.
   */
  claim(request: ClaimRequest, done: (result: number | Refused) => void): void {
    const answer = this.#answers.within<number | Refused>(CLAIM_MS, result => done(result ?? UNAVAILABLE))
    this.#claim(request, result => void answer(result))
  }

  #claim(request: ClaimRequest, done: (result: number | Refused) => void): void {
    const { directory, sessions, peers } = this.#o
    if (peers.isClosing) return done(CLOSING)
    directory.claim(request.client, sessions.nextEpoch(), claimed => {
      if (claimed === undefined) done(UNAVAILABLE)
      else this.#claimed(request, claimed, done)
    })
  }

  /** Another site that does not answer has something of this session, which has gone on here without it: of which epoch, if that is known, else 0. */
  owedOf(client: ClientKey): number | undefined {
    const debt = this.#owed.get(client)
    return debt?.void === false ? debt.epoch : undefined
  }

  /** Another site claims it: false if that was decided before a claim that is known here. What is being brought here stops. */
  overtakes({ client, epoch }: ClaimRequest): boolean {
    if (epoch === undefined) return true
    const bringing = this.#bringing.get(client)
    const known = Math.max(bringing?.epoch ?? 0, this.#o.sessions.get(client)?.epoch ?? 0)
    if (epoch < known) return false
    if (bringing !== undefined) bringing.overtaken = true
    return true
  }

  /** Another site has claimed it here: `done` once what the others had sent here before is routed, or that takes too long. */
  whenRouted(client: ClientKey, epoch: number, by: SiteName, done: () => void): void {
    const s = this.#o.sessions.get(client)
    if (s === undefined || this.#routed.get(s) === epoch) return done()
    this.#o.peers.barrier(by, () => {
      this.#routed.set(s, epoch)
      done()
    })
  }

  /** Another site, which has claimed it here, reads on in what waits for it. */
  read(s: Session): void {
    this.#o.left.note(s)
  }

  /** A few times a second: what was not to be had, and can be now. */
  tick(): void {
    const { stats, residence, left } = this.#o
    const now = this.#o.now()
    this.#answers.tick(now)
    residence.tick(now)
    left.tick()
    this.#owed.tick(now)
    this.#late.tick()
    this.#lookForTaken(now)
    this.#nextPage?.()
    this.#nextPage = undefined
    stats.nowSessionsBrought = this.#bringing.size
    stats.nowSessionsOwed = this.#owed.size
  }

  /** A session that we claimed at another site is wanted there: it is given back, unless all of it is here. */
  kicked(peer: Peer, client: ClientKey, epoch: number): void {
    if (this.#owed.isTaken(client, peer)) return
    const bringing = this.#bringing.get(client)
    if (bringing?.epoch === epoch) bringing.overtaken = true
    peer.release(client, epoch, EXPIRY_NEVER)
  }

  // ── bringing

  #claimed(request: ClaimRequest, claimed: Claimed, done: (result: number | Refused) => void): void {
    const { sessions } = this.#o
    const { client } = request
    const { epoch, from, before } = claimed
    const bringing = this.#bringing.get(client)
    if (bringing !== undefined) {
      bringing.waits.push(refused => {
        if (refused === undefined) done(epoch)
        else this.#claim(request, done)
      })
      return
    }
    const s = sessions.get(client)
    const isHeld = s?.presence === 'online' || s?.presence === 'claiming'
    // A connection that has outlived the claim of another site ends before anything of that comes over.
    if (s !== undefined && isHeld && (isBrought(s) || from.length > 0))
      return sessions.reclaim(s, () => this.#claimed(request, claimed, done))
    // It has begun here already with what was to be had: the rest follows. Unless it has gone on there since.
    const known = s === undefined || s.moved ? undefined : this.#owed.get(client)?.sites
    const sites = from.filter(site => site === before || known?.has(site) !== true)
    if (request.cleanStart) this.#owed.void(client)
    // It has ended elsewhere.
    if (s?.moved === true && from.length === 0) sessions.end(s)
    if (sites.length === 0) return done(epoch)
    this.#begin(request, epoch, sites, done)
  }

  #begin(
    request: ClaimRequest,
    epoch: number,
    sites: readonly SiteName[],
    done: (result: number | Refused) => void,
  ): void {
    const { sessions, turn } = this.#o
    const { client, cleanStart } = request
    const bringing: Bringing = { client, epoch, overtaken: false, since: undefined, waits: [] }
    if (sessions.get(client) === undefined) this.#owed.anew(client)
    this.#bringing.set(client, bringing)
    const end = (refused?: Refused) => {
      const s = sessions.get(client)
      // Who had claimed it has lost it before it was stored: it goes on as it is here.
      if (refused === undefined && s !== undefined) s.moved = false
      if (refused === undefined && (s === undefined || cleanStart)) this.#owed.void(client)
      this.#bringing.delete(client)
      done(refused ?? epoch)
      this.#late.hurry(client)
      for (const next of bringing.waits) turn.call(() => next(refused))
    }
    if (cleanStart) this.#discardAll(bringing, sites, end)
    else this.#bringAny(bringing, sites, end)
  }

  /** The session is with the first that has it; what the others have of it comes when it comes. */
  #bringAny(bringing: Bringing, sites: readonly SiteName[], done: (refused?: Refused) => void): void {
    const [first, ...others] = sites
    if (first === undefined) return done()
    const { recent, sessions } = this.#o
    const begun = recent.begin()
    this.#bring.from(bringing, first, result => {
      // What was routed here before that has not come to it.
      const { since = begun } = bringing
      if (result === undefined)
        for (const site of others) {
          this.#owed.follows(bringing.client, site, since, sessions.get(bringing.client)?.inflight?.keys() ?? [])
        }
      recent.end()
      if (result === NOTHING) this.#bringAny(bringing, others, done)
      else done(result)
    })
  }

  #discardAll(bringing: Bringing, sites: readonly SiteName[], done: () => void): void {
    let left = sites.length
    for (const site of sites)
      this.#discard(bringing, site, () => {
        if (--left === 0) done()
      })
  }

  /** Nobody wants what that site has: only its connection has to end. */
  #discard({ client, epoch }: Bringing, site: SiteName, done: () => void): void {
    const peer = this.#o.peers.get(site)
    const later = () => {
      this.#owed.add(client, site)
      done()
    }
    if (peer?.linked !== true) return later()
    peer.claim(client, epoch, true, reply => {
      if (reply?.ok !== true) return later()
      this.#owed.settle(client, peer, reply.epoch)
      done()
    })
  }
}
