/** All sessions: who owns which, and when they end. Raises epochs and refuses old ones; routes no messages. */
import type { ClientKey, TopicFilter } from '../contract/ids.ts'
import type { Limits } from '../contract/limits.ts'
import type { ClaimReply, ClaimRequest, EdgePort, Handed, Release } from '../contract/link.ts'
import { type Message, type MessageInit, messageKey } from '../contract/message.ts'
import type { InboxStore } from '../inbox/port.ts'
import type { Turn } from '../link/turn.ts'
import type { Routes } from '../route/routes.ts'
import type { Exports } from '../site/exports.ts'
import { siteOf } from '../site/name.ts'
import type { Directory } from '../site/port.ts'
import type { Identity } from '../site/relayed-ids.ts'
import type { SessionRecord, State } from '../state/port.ts'
import type { CoreEvents, CoreStats } from '../stats.ts'
import { endsAt, ownWill, willDueAt } from '../will/will.ts'
import { Deadlines } from './deadlines.ts'
import type { Flights } from './flights.ts'
import type { Durably, Inboxes } from './inbox.ts'
import { Orphans } from './orphans.ts'
import { part } from './parting.ts'
import { recordOf, restored } from './record.ts'
import { Session } from './session.ts'
import { Subscriptions } from './subscriptions.ts'
import { wants } from './wants.ts'
import { Wills } from './wills.ts'

export interface SessionsOptions {
  readonly state: State
  readonly store: InboxStore
  readonly turn: Turn
  readonly inboxes: Inboxes
  readonly flights: Flights
  readonly limits: Limits
  readonly stats: CoreStats
  readonly events: CoreEvents
  readonly now: () => number
  readonly routes: (client: ClientKey) => Routes
  readonly publish: (init: MessageInit, id: Identity, done?: () => void) => void
  readonly durably: Durably
  /** Where sites share clients. */
  readonly directory?: Directory | undefined
  /** The sessions of other sites: kept up to date. */
  readonly sites: Set<Session>
  /** As `CoreOptions.edgesMs`. */
  readonly edgesMs: number
  /** What other sites are asked for. */
  readonly exports?: Exports | undefined
}

/** MQTT 5 reason code of a takeover [MQTT-3.1.4-3]. */
const SESSION_TAKEN_OVER = 0x8e
/** The directory gave it to somebody else later. */
export const OVERTAKEN: Extract<ClaimReply, { ok: false }> = {
  ok: false,
  why: 'unavailable',
  detail: 'The session was claimed at another site since',
}
/** An owner that does not give a session up by then loses it. */
const KICK_MS = 2_000

export class Sessions {
  readonly subscriptions: Subscriptions
  readonly orphans: Orphans
  readonly #o: SessionsOptions
  readonly #wills: Wills
  readonly #sessions = new Map<ClientKey, Session>()
  readonly #deadlines = new Deadlines<Session>()
  readonly #contended = new Set<Session>()
  /** Until when another site may keep what is wanted back. ms since the epoch. */
  readonly #reclaimed = new Map<Session, number>()
  /** Ended sessions with claims that waited for that: these come before newer ones. */
  readonly #heirs = new Map<ClientKey, Session>()
  #dirty: Session[] = []
  #epoch: number

  constructor(options: SessionsOptions) {
    this.#o = options
    this.subscriptions = new Subscriptions({ ...options, session: client => this.#sessions.get(client) })
    this.orphans = new Orphans(options, this)
    this.#wills = new Wills({ ...options, mark: s => this.mark(s), session: client => this.#sessions.get(client) })
    // Above every epoch of an earlier life of this core, as long as it made fewer than one per millisecond.
    this.#epoch = Math.floor(options.now())
  }

  get(client: ClientKey): Session | undefined {
    return this.#sessions.get(client)
  }

  values(): IterableIterator<Session> {
    return this.#sessions.values()
  }

  /** The session if this edge owns it in this epoch. */
  owned(port: EdgePort, client: ClientKey, epoch: number): Session | undefined {
    const s = this.#sessions.get(client)
    return s !== undefined && s.epoch === epoch && s.port === port && s.presence === 'online' ? s : undefined
  }

  /** A group's copy of a message that an edge has not answered is with a member: taken, or safe for it, as it is in no other way. */
  hasTaken(group: TopicFilter, message: Message): boolean {
    const { settled } = message
    if (settled === undefined || settled.has(group)) return settled !== undefined
    for (const who of settled) if (this.isCopyOf(group, message, who as ClientKey)) return true
    return false
  }

  /** What this client has of the message can only be the group's copy. */
  isCopyOf(group: TopicFilter, message: Message, client: ClientKey): boolean {
    const s = this.#sessions.get(client)
    return s?.subscriptions.has(group) === true && !wants(s, message)
  }

  /** Above every epoch that was given here. */
  nextEpoch(): number {
    return ++this.#epoch
  }

  /**
   * In its place in the queue. `done` is called once the claim is durable and the old owner has given the session up.
   * `epoch`: of the directory, where sites share clients.
   */
  claim(port: EdgePort, request: ClaimRequest, done: (reply: ClaimReply) => void, epoch?: number): void {
    const s = this.#sessions.get(request.client) ?? this.#heirs.get(request.client)
    if (s !== undefined && epoch !== undefined && epoch < s.epoch) return done(OVERTAKEN)
    if (s === undefined || (s.presence === 'offline' && s.waiting === undefined))
      return this.#grant(port, request, done, epoch)
    s.waiting ??= []
    s.waiting.push({ port, request, done, epoch, until: this.#o.now() + KICK_MS })
    this.#contended.add(s)
    if (s.waiting.length === 1) this.#kick(s)
  }

  /** At the call: what is routed from now on finds the session offline. */
  release(s: Session, release: Release): void {
    const port = s.routedTo
    const goesOn = this.part(s, release, this.#o.now())
    if (goesOn) {
      this.#o.flights.takeAll(s, release.outbound)
      if (port !== undefined) this.subscriptions.goOffline(s, port)
      s.presence = 'offline'
      s.port = undefined
      this.#o.stats.nowOnline--
      for (const message of s.parked ? [] : (release.unseen ?? []))
        if (!message.settled?.has(s.client) && wants(s, message))
          this.#o.inboxes.append(s, message, this.#o.durably(message))
      s.parked = false
      s.late?.()
      this.settle(s, s.offlineAt)
      this.mark(s)
      this.#o.turn.urge()
    }
    for (const freed of s.freed.splice(0)) this.#o.turn.call(freed)
    if (s.waiting === undefined) return
    if (!goesOn) this.#heirs.set(s.client, s)
    this.#o.turn.call(() => this.#wake(s))
  }

  /** Its connection ended at that time. False if the session has ended with it. ms since the epoch. */
  part(s: Session, release: Release, at: number): boolean {
    part(s, release, at, this.#o.limits.drainWillHoldMs)
    if (s.heldUntil > 0) this.#o.stats.willsHeld++
    if (s.persistent) return true
    if (s.heldUntil > 0 && s.waiting === undefined) this.#keepWill(s)
    else this.end(s)
    return false
  }

  /** Its edge is gone. */
  forsake(s: Session): void {
    if (s.presence === 'online') return this.lose(s)
    // The claim is not durable yet, so this comes after it.
    const { epoch } = s
    this.#o.turn.afterCommit(() => {
      if (s.epoch === epoch && s.presence === 'online') this.lose(s)
    })
  }

  /** The edge does not answer for the session any more: what it was handed and nobody has safe goes to the inbox. */
  lose(s: Session): void {
    const inflight = this.#o.flights.inflight(s)
    const flying = new Set(inflight.flatMap(f => (f.message === undefined ? [] : [messageKey(f.message)])))
    const lost: Handed[] = []
    for (const one of s.routedTo?.unanswered?.(s.handed) ?? []) {
      const { message, only } = one
      if (!only && !message.settled?.has(s.client) && !flying.has(messageKey(message)) && wants(s, message))
        lost.push(one)
    }
    this.release(s, { will: true, expirySec: s.expirySec, outbound: { inflight, queue: [] } })
    if (s.presence === 'offline') this.#o.inboxes.takeLost(s, lost, this.#o.durably)
  }

  /** Publishes what is due of an offline session and ends it if it is over; otherwise sets its next deadline. */
  settle(s: Session, now: number): void {
    if (s.presence !== 'offline' || s.moved) return
    const held = s.will !== undefined && s.heldUntil > now
    if (endsAt(s) <= now && held) return s.persistent ? this.#keepWill(s) : this.#deadlines.set(s, s.heldUntil)
    if (endsAt(s) <= now) {
      this.#o.stats.sessionsExpired++
      this.#o.events({ is: 'session-expired', client: s.client })
      this.end(s)
      return
    }
    if (willDueAt(s) <= now) this.#wills.fire(s, true)
    this.#deadlines.set(s, Math.min(endsAt(s), willDueAt(s)))
  }

  /**
   * Removes a session and everything of it; a will that waits, and is not held, is published first [MQTT-3.1.3-9 of 5.0].
   * `wholly`: not even its will is left.
   */
  end(s: Session, wholly = true): void {
    const { state, stats, flights, inboxes, turn } = this.#o
    if (s.will !== undefined && s.offlineAt > 0 && s.heldUntil <= this.#o.now()) this.#wills.fire(s, false)
    this.subscriptions.drop(s)
    stats.nowSessions--
    if (s.presence === 'online') stats.nowOnline--
    flights.drop(s)
    inboxes.drop(s)
    if (s.stored) {
      state.deleteSession(s.client)
      // Until it is published, or somebody else's.
      if (s.willAsked) state.putSession(recordOf(s, this.#o))
      turn.urge()
    }
    this.#sessions.delete(s.client)
    this.#o.sites.delete(s)
    this.#deadlines.delete(s)
    s.presence = 'ended'
    s.port = undefined
    s.late?.()
    for (const freed of s.freed.splice(0)) turn.call(freed)
    if (wholly && !s.moved && siteOf(s.client) === undefined) this.#o.directory?.forget(s.client, s.epoch)
  }

  /** A session that is not there yet, offline. */
  make(client: ClientKey): Session {
    const s = new Session(client, this.#o.turn.next)
    this.#sessions.set(client, s)
    if (s.site !== undefined) this.#o.sites.add(s)
    this.#o.stats.nowSessions++
    return s
  }

  /** Another site is taking it over, and is to say whether it has it: `then` once it is offline here, or over. */
  reclaim(s: Session, then: () => void): void {
    s.freed.push(then)
    this.#reclaimed.set(s, this.#o.now() + KICK_MS)
    if (s.presence === 'online') s.port!.kick(s.client, s.epoch, SESSION_TAKEN_OVER)
  }

  /** It neither ends nor publishes its will by itself. */
  rest(s: Session): void {
    this.#deadlines.delete(s)
  }

  /** Of a site that reads its inbox: nothing is left there that it has not read, so from now on it gets messages as they come. */
  caughtUp(s: Session): void {
    if (!s.parked || s.site === undefined) return
    s.parked = false
    this.subscriptions.goOnline(s)
  }

  /** Its record is written with the next commit. */
  mark(s: Session): void {
    if (s.dirty || !s.stored) return
    s.dirty = true
    this.#dirty.push(s)
  }

  /** Writes the records that have changed, as they are before this commit. */
  stage(): void {
    const dirty = this.#dirty
    if (dirty.length === 0) return
    this.#dirty = []
    for (const s of dirty) {
      s.dirty = false
      if (s.presence === 'ended') continue
      this.#o.flights.written(s)
      this.#o.state.putSession(recordOf(s, this.#o))
    }
  }

  tick(now: number): void {
    this.orphans.tick(now)
    for (const s of this.#deadlines.due(now)) this.settle(s, now)
    for (const s of this.#o.flights.overdue(now - this.#o.limits.watermarkHoldMs)) {
      this.#o.stats.heldTooLong++
      this.mark(s)
      this.#o.turn.urge()
    }
    for (const [s, until] of this.#reclaimed) {
      if (s.freed.length === 0) this.#reclaimed.delete(s)
      else if (until <= now && s.presence === 'online') this.lose(s)
    }
    for (const s of this.#contended) {
      const first = s.waiting?.[0]
      if (first === undefined || s.presence === 'ended') this.#contended.delete(s)
      else if (first.until <= now && s.presence === 'online') this.lose(s)
    }
  }

  /** A session as the state has it: offline until somebody claims it. */
  load(record: SessionRecord): Session {
    const s = restored(record)
    this.#epoch = Math.max(this.#epoch, record.epoch)
    this.#sessions.set(s.client, s)
    if (s.site !== undefined) this.#o.sites.add(s)
    this.#o.stats.nowSessions++
    return s
  }

  #grant(port: EdgePort, request: ClaimRequest, done: (reply: ClaimReply) => void, epoch?: number): void {
    const { turn, stats, limits, now } = this.#o
    const { client, expirySec } = request
    let s = this.#sessions.get(client)
    if (s !== undefined && (request.cleanStart || (endsAt(s) <= now() && !s.moved))) {
      s.claimed = true
      this.end(s)
      s = undefined
    }
    const present = s !== undefined
    if (s === undefined) {
      if (this.#sessions.size >= limits.sessions) {
        stats.claimsRefused++
        return turn.answer(() => done({ ok: false, why: 'quota', detail: `All ${limits.sessions} sessions are taken` }))
      }
      s = this.make(client)
    }
    stats.claims++
    const claimed = s
    s.epoch = epoch ?? ++this.#epoch
    this.#epoch = Math.max(this.#epoch, s.epoch)
    s.port = port
    s.presence = 'claiming'
    // Another site asks for it without knowing for how long.
    if (!present || !port.site || s.site !== undefined) s.expirySec = expirySec
    s.offlineAt = 0
    s.will = request.will === undefined ? undefined : ownWill(request.will)
    s.willAsked = false
    s.heldUntil = 0
    this.#deadlines.delete(s)
    if (s.persistent || s.will !== undefined) s.stored = true
    this.mark(s)
    this.#answer(s.stored, () => this.#granted(claimed, present, done))
  }

  #granted(s: Session, present: boolean, done: (reply: ClaimReply) => void): void {
    const { inflight, received, inbox } = s
    const queued = inbox !== undefined && (inbox.count > 0 || inbox.isEstimate)
    if (s.presence === 'ended')
      return done({ ok: false, why: 'unavailable', detail: 'The session has ended meanwhile' })
    s.presence = 'online'
    s.parked = s.port!.site !== undefined && (s.site === undefined || queued)
    this.subscriptions.goOnline(s)
    if (inbox !== undefined) inbox.spools = []
    this.#o.stats.nowOnline++
    const state = {
      subscriptions: [...s.subscriptions.values()],
      inflight: inflight === undefined ? [] : this.#o.flights.inflight(s),
      received: received === undefined ? [] : [...received.keys()],
      queued,
    }
    done({ ok: true, epoch: s.epoch, present, state })
    if (s.waiting !== undefined) this.#o.turn.call(() => this.#kick(s))
    if (s.freed.length > 0) s.port?.kick(s.client, s.epoch, SESSION_TAKEN_OVER)
  }

  #kick(s: Session): void {
    if (s.presence !== 'online' || s.waiting === undefined) return
    this.#o.stats.takeovers++
    s.port!.kick(s.client, s.epoch, SESSION_TAKEN_OVER)
  }

  /** The session was given up: those who wait for it go on, in order. */
  #wake(s: Session): void {
    const waiting = s.waiting ?? []
    s.waiting = undefined
    this.#contended.delete(s)
    if (this.#heirs.get(s.client) === s) this.#heirs.delete(s.client)
    for (const { port, request, done, epoch } of waiting) this.claim(port, request, done, epoch)
  }

  #answer(staged: boolean, fn: () => void): void {
    if (staged) this.#o.turn.afterCommit(fn)
    else this.#o.turn.answer(fn)
  }

  /** It ends, but for its will: that waits for the client in an empty session, which nobody can resume. */
  #keepWill(s: Session): void {
    const { epoch, will, offlineAt, heldUntil } = s
    // The directory remembers it: another site that claims the client must be heard of here.
    this.end(s, false)
    const rest = Object.assign(this.make(s.client), { epoch, will, offlineAt, heldUntil, stored: true })
    this.#deadlines.set(rest, heldUntil)
    this.mark(rest)
    this.#o.turn.urge()
  }
}
