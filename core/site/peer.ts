/**
 * Our end of the link to one other site, where this site is a persistent client: claims that session, has what is wanted here
 * asked for (`filters.ts`) and what comes relayed (`relay.ts`). Owns no session of this site and routes nothing.
 *
 *     away ──link──▶ claiming ──▶ reading what waited there ──▶ live
 *      ▲                                                         │ link begins anew, or too much waits to be durable here
 *      └─────────────────────────────────────────────────────────┘
 */

import { type ClientKey, DEFAULT_TENANT, type Tenant, type TopicFilter } from '../contract/ids.ts'
import type { Limits } from '../contract/limits.ts'
import type { ClaimReply, CoreLink, EdgePort } from '../contract/link.ts'
import type { Message } from '../contract/message.ts'
import { EXPIRY_NEVER, type Inflight } from '../contract/session.ts'
import type { CoreStats } from '../stats.ts'
import { Answers } from './answers.ts'
import type { Exports, Importer } from './exports.ts'
import { Filters } from './filters.ts'
import { siteClient } from './name.ts'
import type { SiteName } from './port.ts'
import { Relay, type RelayTarget } from './relay.ts'

/** What a link asks of the one who uses it. */
export interface PeerEdge extends EdgePort {
  /** The other core knows nothing of us any more. */
  beginAnew(): void
  suspend(on: boolean): void
  /** The other core says good-bye. */
  left(): void
}

export interface PeerLink extends CoreLink {
  readonly linked: boolean
  /** When the other core was heard last. ms since the epoch. */
  readonly heardAt: number
  /** One line for people. */
  readonly state: string
  start(): void
  /** That core is there: without link it is dialled at once, unless it was just now. */
  retry(): void
  tick(now: number): void
  close(): Promise<void>
}

export type PeerDial = (edge: PeerEdge) => PeerLink

/** Our core. */
export interface Receiver extends RelayTarget {
  /** One of the other site's retained messages. */
  take(message: Message): void
  /** Before anything comes from another site that was away. False: not now, and it is asked again. */
  ready(done: (ok: boolean) => void): void
  /** Our session there is ours, and everything waits there: `done` before it is read. */
  fetched(peer: Peer, done: () => void): void
  /** A session that was claimed over this link is claimed by somebody else. */
  kicked(peer: Peer, client: ClientKey, epoch: number): void
}

export interface PeerOptions {
  readonly site: SiteName
  /** Our own. */
  readonly own: SiteName
  readonly dial: PeerDial
  readonly receiver: Receiver
  readonly exports: Exports
  readonly limits: Limits
  readonly stats: CoreStats
  readonly now: () => number
  readonly defer: (fn: () => void) => void
}

const AGAIN_MS = 1_000
const SILENT_HEARTBEATS = 2
/** A site that our session is paused at, or has more to read, is waited for so long where a session is to go on without loss. */
export const BEHIND_MS = 2_000
const NOTHING = { inflight: [], queue: [] }

export class Peer implements PeerEdge, Importer {
  readonly site: SiteName
  readonly #o: PeerOptions
  readonly #link: PeerLink
  readonly #client: ClientKey
  readonly #filters: Filters
  readonly #answers: Answers
  readonly #relay: Relay
  #phase: 'away' | 'claiming' | 'reading' | 'live' = 'away'
  #epoch = 0
  #suspended = false
  /** It was not heard for so long that it may be gone. */
  #silent = false
  /** Another core of this site has it. */
  #replaced = false
  #againAt = 0
  /** Grows whenever what was said before is void. */
  #life = 0
  readonly #atClaim = new Set<() => void>()
  readonly #atLive = new Set<() => void>()
  /** Until then a core of that site is expected, as the one before has said good-bye. ms since the epoch. */
  #backUntil = 0
  #atBack: (() => void)[] = []
  /** In flight in the sessions that were claimed there, for when they are given back. */
  readonly #claimed = new Map<ClientKey, { readonly epoch: number; readonly inflight: readonly Inflight[] }>()

  constructor(options: PeerOptions) {
    this.#o = options
    this.site = options.site
    this.#client = siteClient(options.own)
    this.#answers = new Answers(options.now)
    this.#link = options.dial(this)
    this.#filters = new Filters(this.#link, this.#client, options.exports)
    this.#relay = new Relay({ ...options, link: this.#link, client: this.#client, target: options.receiver })
  }

  /** Our session there is ours, and can be spoken of. */
  get linked(): boolean {
    return this.#isClaimed && this.#isReached
  }

  /** What waited there has been read. */
  get live(): boolean {
    return this.#phase === 'live'
  }

  /** One line for people. */
  get state(): string {
    return this.#phase === 'reading' ? `${this.#link.state}, reading what waited` : this.#link.state
  }

  start(): void {
    this.#link.start()
  }

  /** Its core has linked to us: what keeps us from it is over. */
  met(): void {
    this.#link.retry()
  }

  /** A few times a second. ms since the epoch. */
  tick(now: number): void {
    this.#link.tick(now)
    this.#answers.tick(now)
    // It need not be dead yet, but nobody waits for it.
    this.#silent = now - this.#link.heardAt > SILENT_HEARTBEATS * this.#o.limits.linkHeartbeatMs
    if (this.#silent) this.#answers.clear()
    this.#begin(now)
    this.#relay.tick(now, this.linked && this.#phase === 'live')
    if (this.#atBack.length > 0 && !this.returning) for (const ask of this.#atBack.splice(0)) ask()
  }

  close(): Promise<void> {
    return this.#link.close()
  }

  // ── for other parts of the core

  /** Its core has said good-bye and the next one is not linked yet: for `limits.peerReturnMs` at most. */
  get returning(): boolean {
    return !this.linked && this.#o.now() < this.#backUntil
  }

  /** `done` once it is not `returning`. */
  back(done: () => void): void {
    if (this.returning) this.#atBack.push(done)
    else done()
  }

  /** As an edge claims, in an epoch of the directory. Undefined: it does not answer. Without will; what is granted too late is given back. `cleanStart`: only until `release`, or the end of the link. */
  claim(client: ClientKey, epoch: number, cleanStart: boolean, done: (reply: ClaimReply | undefined) => void): void {
    const { limits, defer } = this.#o
    if (!this.linked) return defer(() => done(undefined))
    const answer = this.#answers.within<ClaimReply>(limits.peerCallMs, done)
    const expirySec = cleanStart ? 0 : EXPIRY_NEVER
    this.#link.claim({ client, epoch, cleanStart, expirySec, will: undefined }, reply => {
      if (reply.ok) this.#claimed.set(client, { epoch: reply.epoch, inflight: reply.state.inflight })
      if (!answer(reply) && reply.ok) this.release(client, reply.epoch, EXPIRY_NEVER)
    })
  }

  /** What was claimed there is ours: no other core has come since, and nobody has claimed it. */
  has(client: ClientKey, epoch: number): boolean {
    return this.#claimed.get(client)?.epoch === epoch
  }

  /** All that waits for a claimed session there, in order: it stays there until `release`. Undefined: it does not answer, or the claim is void. */
  drainAll(client: ClientKey, epoch: number, done: (messages: readonly Message[] | undefined) => void): void {
    const { limits, defer } = this.#o
    if (!this.linked || !this.has(client, epoch)) return defer(() => done(undefined))
    const all: Message[] = []
    // Before the first page that site waits for what others have for it.
    let ms = limits.peerCallMs + BEHIND_MS
    const more = (): void => {
      const answer = this.#answers.within<boolean>(ms, end => {
        if (end === undefined) done(undefined)
        else if (end) done(all)
        else more()
      })
      this.#link.drain(client, epoch, limits.peerPageMessages, page => {
        all.push(...page.messages)
        ms = limits.peerCallMs
        answer(page.end)
      })
    }
    more()
  }

  /** 0: it is here, and ends there with everything. EXPIRY_NEVER: it stays there as it was. No will. */
  release(client: ClientKey, epoch: number, expirySec: number): void {
    const claimed = this.#claimed.get(client)
    if (claimed?.epoch !== epoch) return
    this.#claimed.delete(client)
    const outbound = { inflight: claimed.inflight, queue: [] }
    this.#link.release(client, epoch, { will: false, expirySec, outbound: expirySec === 0 ? NOTHING : outbound })
  }

  /** `done` once everything the other site routed to us before is handed to our core, also what waited there; at once if it is away, after a bound at the latest. */
  barrier(done: () => void): void {
    if (!this.#isReached) return done()
    const { limits } = this.#o
    const answer = this.#answers.within<true>(this.live ? limits.peerSettleMs : BEHIND_MS, () => {
      this.#atLive.delete(ask)
      done()
    })
    const ask = () => this.#link.subscribe(this.#client, this.#epoch, [], () => answer(true))
    if (this.live) ask()
    else this.#atLive.add(ask)
  }

  /** What waits there for a site that is away, and matches. Undefined: it does not answer. */
  sift(
    tenant: Tenant,
    dead: SiteName,
    filters: readonly TopicFilter[],
    done: (messages: readonly Message[] | undefined) => void,
  ): void {
    const { limits, defer } = this.#o
    if (!this.#isReached) return defer(() => done(undefined))
    const answer = this.#answers.within<readonly Message[]>(limits.peerSiftMs, done)
    this.#link.sift(tenant, dead, filters, messages => answer(messages))
  }

  // ── Importer

  wanted(filter: TopicFilter): void {
    this.#filters.wanted(filter)
  }

  unwanted(filter: TopicFilter): void {
    this.#filters.unwanted(filter)
  }

  /** `pausedMs`: how long it is waited for while our session there is paused. */
  settle(done: () => void, pausedMs = this.#o.limits.peerSettleMs): void {
    if (!this.#isReached) return done()
    const answer = this.#answers.within<true>(this.#isClaimed ? this.#o.limits.peerSettleMs : pausedMs, () => {
      this.#atClaim.delete(ask)
      done()
    })
    const ask = () => this.#filters.settle(() => answer(true))
    if (this.#isClaimed) ask()
    else this.#atClaim.add(ask)
  }

  // ── PeerEdge

  deliver(message: Message, groups: readonly TopicFilter[] | undefined, only: boolean): boolean {
    const holds = this.#relay.live(message, groups, only)
    if (this.#relay.isFull && this.#isClaimed) this.#pause()
    return holds
  }

  receipt(): void {}

  kick(client: ClientKey, epoch: number): void {
    if (client !== this.#client) return this.#o.receiver.kicked(this, client, epoch)
    if (!this.#isClaimed || epoch !== this.#epoch) return
    this.#replaced = true
    this.#pause()
  }

  congested(): void {
    this.#begin(this.#o.now())
  }

  suspend(on: boolean): void {
    this.#suspended = on
  }

  left(): void {
    this.#backUntil = this.#o.now() + this.#o.limits.peerReturnMs
  }

  beginAnew(): void {
    this.#away()
    this.#relay.beginAnew()
    this.#life++
    this.#atClaim.clear()
    this.#atLive.clear()
    this.#replaced = false
    this.#againAt = 0
    this.#claimed.clear()
    this.#answers.clear()
  }

  // ── our session there

  get #isClaimed(): boolean {
    return this.#phase === 'reading' || this.#phase === 'live'
  }

  /** It is heard, though our session there may be paused. */
  get #isReached(): boolean {
    return this.#link.linked && !this.#suspended && !this.#silent && !this.#replaced
  }

  #begin(now: number): void {
    if (this.#phase !== 'away' || this.#replaced || this.#suspended || !this.#link.linked || now < this.#againAt) return
    // What was paused goes on when all of it is durable.
    if (!this.#relay.isIdle || this.#o.receiver.congested) return
    const life = this.#life
    this.#phase = 'claiming'
    this.#againAt = now + AGAIN_MS
    this.#o.receiver.ready(ok => {
      if (life !== this.#life) return
      if (ok) this.#claim(life)
      else this.#away()
    })
  }

  #claim(life: number): void {
    const request = { client: this.#client, cleanStart: false, expirySec: EXPIRY_NEVER, will: undefined }
    this.#link.claim(request, reply => {
      if (life !== this.#life) return
      if (!reply.ok) return this.#away()
      this.#epoch = reply.epoch
      this.#relay.begin(reply.epoch)
      this.#filters.begin(reply.epoch, reply.state.subscriptions)
      if (!reply.present) this.#takeRetained(undefined)
      this.#phase = 'reading'
      askAll(this.#atClaim)
      if (!reply.state.queued) return this.#live()
      this.#o.receiver.fetched(this, () => {
        if (life === this.#life && this.#phase === 'reading') this.#relay.read(() => this.#live())
      })
    })
  }

  /** Returns what the relay had of it. */
  #away(): readonly Message[] {
    this.#phase = 'away'
    this.#filters.end()
    return this.#relay.end()
  }

  /** The other site keeps everything from here on, and what is not durable here yet. */
  #pause(): void {
    const queue = this.#away()
    const outbound = { inflight: [], queue }
    this.#link.release(this.#client, this.#epoch, { will: false, expirySec: EXPIRY_NEVER, outbound })
  }

  #live(): void {
    this.#phase = 'live'
    askAll(this.#atLive)
  }

  // ── retained messages

  /** The other site did not know us: what is retained there is compared with what is here. */
  #takeRetained(cursor: string | undefined): void {
    const { limits, receiver } = this.#o
    const life = this.#life
    this.#link.retained(
      DEFAULT_TENANT,
      '#' as TopicFilter,
      cursor,
      limits.retainedPageMessages,
      ({ messages, next }) => {
        if (life !== this.#life) return
        for (const message of messages) receiver.take(message)
        if (next !== undefined) this.#takeRetained(next)
      },
    )
  }
}

function askAll(asks: Set<() => void>): void {
  const all = [...asks]
  asks.clear()
  for (const ask of all) ask()
}
