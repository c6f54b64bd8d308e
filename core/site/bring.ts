/** Brings one session from one other site: claims it there as an edge would, or, if that site does not answer, goes on from its record. Decides not which. */
import { type ClientKey, tenantOf } from '../contract/ids.ts'
import type { ClaimReply } from '../contract/link.ts'
import { type Message, messageKey } from '../contract/message.ts'
import { EXPIRY_NEVER, type SessionState } from '../contract/session.ts'
import type { Turn } from '../link/turn.ts'
import type { Inboxes } from '../session/inbox.ts'
import type { Session } from '../session/session.ts'
import { OVERTAKEN, type Sessions } from '../session/sessions.ts'
import { wants } from '../session/wants.ts'
import type { CoreEvents, CoreStats } from '../stats.ts'
import { filtersOf, unrelayed, withoutTwice } from './copies.ts'
import type { Fetch } from './fetch.ts'
import type { Owed } from './owed.ts'
import type { Peer } from './peer.ts'
import type { Peers } from './peers.ts'
import type { Directory, Foreign, SiteName } from './port.ts'
import type { Recalled } from './recalled.ts'
import type { Recent } from './recent.ts'
import type { Republished } from './republished.ts'
import type { Residence } from './residence.ts'
import type { Sift } from './sift.ts'

export interface BringOptions {
  readonly directory: Pick<Directory, 'find' | 'read'>
  readonly peers: Peers
  readonly sessions: Sessions
  readonly residence: Residence
  readonly inboxes: Inboxes
  readonly owed: Owed
  readonly turn: Turn
  readonly recent: Recent
  readonly republished: Republished
  readonly recalled: Recalled
  readonly fetch: Fetch
  readonly stats: CoreStats
  readonly events: CoreEvents
  readonly now: () => number
  /** What waits here for a site that is away and matches. */
  readonly sift: Sift['find']
}

export type Refused = Extract<ClaimReply, { ok: false }>
type Granted = Extract<ClaimReply, { ok: true }>

/** A session on its way here. */
export interface Bringing {
  readonly client: ClientKey
  readonly epoch: number
  /** Somebody has claimed it since, at another site. */
  overtaken: boolean
  /** Of `Recent`: when the session began here, if it was not here before. */
  since: number | undefined
  /** Claims here that wait for it. */
  readonly waits: ((refused: Refused | undefined) => void)[]
}

type IsHad = (message: Message) => boolean

/** That site has no session to go on with. */
export const NOTHING = 'nothing'

/** The session is here, or why it cannot be had. */
export type Brought = (result?: Refused | typeof NOTHING) => void

export const UNAVAILABLE: Refused = {
  ok: false,
  why: 'unavailable',
  detail: 'It cannot be told where the session lives',
}

export const CLOSING: Refused = { ok: false, why: 'unavailable', detail: 'The core is shutting down' }

export class Bring {
  readonly #o: BringOptions
  /** What came with them is being made durable. */
  readonly #writing = new Set<ClientKey>()

  constructor(options: BringOptions) {
    this.#o = options
  }

  /** What has come with it is not durable yet. */
  isWritten(client: ClientKey): boolean {
    return this.#writing.has(client)
  }

  /** `done` once: with nothing when the session is here, offline; what follows later is owed. */
  from(bringing: Bringing, site: SiteName, done: Brought): void {
    const peer = this.#o.peers.get(site)
    if (peer === undefined) this.#from(bringing, site, peer, done)
    else peer.back(() => this.#from(bringing, site, peer, done))
  }

  #from(bringing: Bringing, site: SiteName, peer: Peer | undefined, done: Brought): void {
    const { directory, peers, turn } = this.#o
    const { client, epoch } = bringing
    const tenant = tenantOf(client)
    directory.read(site, client, found => {
      if (found === undefined) return done(UNAVAILABLE)
      const filters = found === 'none' ? [] : found.subscriptions.map(s => s.filter)
      // What is published elsewhere from now on comes here too, also while the session does not live here yet.
      for (const filter of filters) peers.exports.add(tenant, filter)
      const close = () => {
        for (const filter of filters) peers.exports.remove(tenant, filter)
      }
      const end: Brought = result => {
        close()
        done(result)
      }
      const unanswered = () => {
        if (peer?.returning !== true) return this.#takeRecord(bringing, site, found, end)
        close()
        this.from(bringing, site, done)
      }
      peers.settle(() => {
        if (bringing.overtaken) return end(OVERTAKEN)
        if (peer?.linked !== true) return unanswered()
        peer.claim(client, epoch, false, reply =>
          turn.call(() => {
            if (bringing.overtaken) return end(OVERTAKEN)
            if (reply === undefined) unanswered()
            else if (reply.ok) this.#take(bringing, peer, found, reply, end)
            else this.#refused(bringing, site, found, reply, end)
          }),
        )
      })
    })
  }

  /** Somebody else may have claimed it; or that site cannot write its state, which need not keep the client. */
  #refused(bringing: Bringing, site: SiteName, found: Foreign | 'none', refused: Refused, done: Brought): void {
    const { directory, peers, turn } = this.#o
    directory.find(bringing.client, at =>
      turn.call(() => {
        if (at === peers.site && !bringing.overtaken) this.#takeRecord(bringing, site, found, done)
        else done(refused)
      }),
    )
  }

  /** That site has given it up to us, and answers from here on for nothing of it but what waits in its inbox. */
  #take(bringing: Bringing, peer: Peer, record: Foreign | 'none', reply: Granted, done: Brought): void {
    const { sessions, fetch, owed } = this.#o
    const { client } = bringing
    if (!reply.present) {
      owed.settle(client, peer, reply.epoch)
      return done(NOTHING)
    }
    const lived = hasLived(record, sessions.get(client))
    // Before it is here: what comes from there meanwhile would be behind what comes with it.
    fetch.seek(peer, client, reply.state, lived, found => {
      if (bringing.overtaken) done(OVERTAKEN)
      else this.#begin(bringing, peer, reply, found, done)
    })
  }

  /** `found`: there, and told to be had when it comes. */
  #begin(bringing: Bringing, peer: Peer, reply: Granted, found: readonly Message[] | undefined, done: Brought): void {
    const { sessions, residence, recent, republished, owed, stats } = this.#o
    const { client, epoch } = bringing
    const { site } = peer
    republished.anew(client)
    const before = sessions.get(client)
    const isNew = before === undefined
    const isHad = hadBy(before)
    const s = residence.settle({ client, site, epoch, state: reply.state, expirySec: EXPIRY_NEVER, offlineAt: 0 })
    stats.sessionsBrought++
    const inflight = reply.state.inflight.map(f => f.packetId)
    const since = recent.begin()
    if (isNew) bringing.since = since
    const abort = () => {
      recent.end()
      // Where it came from it still is; what was here before waits for who has it now.
      if (isNew && s.presence === 'offline') {
        residence.leave(s)
        sessions.end(s)
      }
      done(OVERTAKEN)
    }
    const all = (messages: readonly Message[], isAll: boolean) => {
      const news = messages.filter(m => !republished.had(m, since, client))
      for (const message of news) recent.noteFor(client, message)
      const taken = isAll ? owed.take(client, peer, reply.epoch) : undefined
      this.#durably(s, site, news, () => taken?.(true))
      recent.end()
      done()
    }
    // What we routed to that site before the session began here is in its inbox there once it has answered.
    residence.whenAnswered(site, () =>
      this.#unread(s, site, isHad, unread =>
        this.#fetch(bringing, peer, reply.epoch, found, messages =>
          this.#elsewhere(s, site, elsewhere => {
            if (bringing.overtaken) return abort()
            // If it does not answer everything is there still.
            if (messages === undefined) owed.follows(client, site, since, inflight)
            all(withoutTwice([...(messages ?? []), ...unread, ...elsewhere]), messages !== undefined)
          }),
        ),
      ),
    )
  }

  /** All that waits there: if another core has it by then, what was claimed is void, and it is claimed once more. Undefined: that site does not answer. */
  #fetch(
    bringing: Bringing,
    peer: Peer,
    epoch: number,
    found: readonly Message[] | undefined,
    done: (messages: readonly Message[] | undefined) => void,
  ): void {
    const { fetch, peers, turn } = this.#o
    const { client } = bringing
    const again = () =>
      peers.settle(() => {
        if (bringing.overtaken || peer.has(client, epoch)) return done(undefined)
        peer.claim(client, bringing.epoch, false, reply =>
          turn.call(() => {
            if (reply?.ok === true) this.#fetch(bringing, peer, reply.epoch, found, done)
            else done(undefined)
          }),
        )
      })
    fetch.all(peer, client, epoch, found, messages => {
      if (messages === undefined && (peer.returning || !peer.has(client, epoch))) peer.back(again)
      else done(messages)
    })
  }

  /** What that site has not read at others, and is for this session. After its inbox there is read: what it has read before is in that. */
  #elsewhere(s: Session, site: SiteName, done: (unread: readonly Message[]) => void): void {
    const { peers, fetch, turn } = this.#o
    const filters = filtersOf(s.subscriptions.values())
    const others = [...peers.all()].filter(peer => peer.site !== site)
    const found: Message[] = []
    let left = others.length + 1
    const one = () => {
      if (--left === 0) turn.call(() => done(found))
    }
    for (const peer of others)
      peer.sift(tenantOf(s.client), site, filters, (messages = []) => {
        const unread = messages.filter(m => wants(s, m))
        // What it was asked for since is sent to us as well.
        fetch.note(peer, s.client, unread)
        found.push(...unread)
        one()
      })
    one()
  }

  /** What that site has not read, and is for this session. Before its inbox there is read: what is not here any more then is there. */
  #unread(s: Session, site: SiteName, isHad: IsHad, done: (unread: readonly Message[]) => void): void {
    const { residence, republished, turn } = this.#o
    if (!residence.isBehind(site)) return done([])
    const filters = filtersOf(s.subscriptions.values())
    const take = (found: readonly Message[]) =>
      done(found.filter(m => wants(s, m) && !isHad(m) && !republished.wasFirst(m, site)))
    this.#o.sift(tenantOf(s.client), site, filters, found => turn.call(() => take(found)), s.client)
  }

  /** That site does not answer: what it has written is enough to go on with. */
  #takeRecord(bringing: Bringing, site: SiteName, found: Foreign | 'none', done: Brought): void {
    const { residence, recent, republished, recalled, owed, turn, now, stats, events, peers } = this.#o
    if (peers.isClosing) return done(CLOSING)
    const { client, epoch } = bringing
    const debt = owed.add(client, site)
    if (found === 'none') return done(NOTHING)
    const { record, subscriptions } = found
    debt.epoch = record.epoch
    if (
      record.offlineAt > 0 &&
      record.expirySec !== EXPIRY_NEVER &&
      record.offlineAt + record.expirySec * 1000 <= now()
    )
      return done(NOTHING)
    // It ends with its connection.
    if (record.expirySec === 0) return done(NOTHING)
    stats.sessionsTaken++
    events({ is: 'session-taken', client, site })
    const inflight = recalled.inflight(client, record.epoch, record.inflight)
    const state: SessionState = { subscriptions, inflight, received: record.received, queued: false }
    const { expirySec, offlineAt } = record
    const before = this.#o.sessions.get(client)
    const isHad = hadBy(before)
    const s = residence.settle({ client, site, epoch, state, expirySec, offlineAt })
    republished.begin(client, site, record.received)
    const begun = recent.begin()
    if (before === undefined) bringing.since = begun
    const known = [...record.inflight, ...inflight].map(f => f.packetId)
    const since = owed.follows(client, site, begun, known).since ?? begun
    recent.end()
    const begin = (messages: readonly Message[]) =>
      turn.call(() => {
        // Whoever has it now gets that from the site itself.
        if (bringing.overtaken) return done(OVERTAKEN)
        const news = messages.filter(m => !recent.has(m, since, client))
        for (const message of news) recent.noteFor(client, message)
        const { waiting, sent } = recalled.sort(client, record.epoch, inflight, news)
        residence.goOn(s, sent, () => {})
        this.#durably(s, site, waiting, () => {})
        done()
      })
    this.waiting(s, site, begin, isHad)
  }

  /** What waits for that site, here and at those that answer, and is for this session. `isHad`: of what waits here. */
  waiting(s: Session, dead: SiteName, done: (messages: readonly Message[]) => void, isHad: IsHad = () => false): void {
    const filters = filtersOf(s.subscriptions.values())
    if (filters.length === 0) return done([])
    const others = [...this.#o.peers.all()].filter(peer => peer.site !== dead)
    const found: Message[] = []
    let left = others.length + 1
    const one = (messages: readonly Message[] | undefined) => {
      for (const m of messages ?? []) if (wants(s, m)) found.push(m)
      if (--left === 0) done(withoutTwice(found))
    }
    const tenant = tenantOf(s.client)
    const own = (messages: readonly Message[]) => {
      for (const m of messages) if (isHad(m)) this.#o.recent.noteFor(s.client, m)
      one(messages.filter(m => !isHad(m)))
    }
    this.#o.sift(tenant, dead, filters, own, s.client)
    for (const peer of others) peer.sift(tenant, dead, filters, one)
  }

  /** In front of what has come since it lives here; `then` once that, and the session itself, is durable. */
  #durably(s: Session, from: SiteName, messages: readonly Message[], then: () => void): void {
    const { inboxes, turn, sessions, residence } = this.#o
    this.#writing.add(s.client)
    let left = 1
    const one = () => {
      if (--left > 0) return
      turn.call(() => {
        this.#writing.delete(s.client)
        residence.complete(s, from)
        then()
      })
    }
    inboxes.handBack(s, messages.map(unrelayed), () => {
      left++
      return one
    })
    sessions.mark(s)
    turn.afterCommit(one)
  }
}

/** At that site the session has had what waited there for us. If it was here as well, the record must tell that: it may have come there just now. */
const hasLived = (there: Foreign | 'none', here: Session | undefined): boolean =>
  here === undefined || (there !== 'none' && there.record.comesFrom === '' && there.record.epoch > here.epoch)

/**
 * What was published here for another site also went to a session that has lived here since before it left, or to its inbox. Not if
 * it left before it had all of what it came for; and of what was in flight it cannot be told. That it left need not be known here.
 */
function hadBy(s: Session | undefined): IsHad {
  if (s === undefined || s.comesFrom !== '') return () => false
  const here = { client: s.client, site: s.site, subscriptions: new Map(s.subscriptions) }
  const inflight = new Set([...(s.inflight?.values() ?? [])].flatMap(f => (f.message ? [messageKey(f.message)] : [])))
  return m => wants(here, m) && !inflight.has(messageKey(m))
}
