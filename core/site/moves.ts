/**
 * Sessions between sites. A session lives where it was claimed last, and the directory says where that is: a CONNECT here
 * claims it there first, then brings over what other sites have of it.
 *
 *     directory.claim ─▶ nobody else has anything ─▶ claim here
 *                     └▶ another site has: exports its filters ─▶ claims it there, as an edge would ─▶ it begins here
 *                                          ─▶ its inbox comes over ─▶ claim here; released there once all of it is durable
 *                     └▶ that site does not answer: its record in the global state ─▶ claim here; the rest follows when it is back
 *
 * Owns which sessions others owe us something of. Routes nothing and knows no link.
 */
import { type ClientKey, tenantOf } from '../contract/ids.ts'
import type { Limits } from '../contract/limits.ts'
import type { ClaimReply, ClaimRequest } from '../contract/link.ts'
import { Message, messageKey } from '../contract/message.ts'
import { EXPIRY_NEVER, type SessionState, type Subscription } from '../contract/session.ts'
import type { Turn } from '../link/turn.ts'
import type { Inboxes } from '../session/inbox.ts'
import type { Session } from '../session/session.ts'
import type { Sessions } from '../session/sessions.ts'
import type { CoreEvents, CoreStats } from '../stats.ts'
import { matches, parseShare } from '../topic/validate.ts'
import { unrelayed } from './copies.ts'
import type { Had } from './had.ts'
import { siteOf } from './name.ts'
import type { Peer } from './peer.ts'
import type { Peers } from './peers.ts'
import type { Claimed, Directory, Foreign, SiteName } from './port.ts'
import type { Recent } from './recent.ts'
import type { Residence } from './residence.ts'

export interface MovesOptions {
  readonly directory: Directory
  readonly peers: Peers
  readonly sessions: Sessions
  readonly residence: Residence
  readonly inboxes: Inboxes
  readonly limits: Limits
  readonly turn: Turn
  readonly recent: Recent
  readonly had: Had
  readonly stats: CoreStats
  readonly events: CoreEvents
  readonly now: () => number
  /** What waits here for a site that is away and matches: `Peer.sift`, in our own core. */
  readonly sift: Peer['sift']
}

export type Refused = Extract<ClaimReply, { ok: false }>

/** What other sites have of one session, not here yet. */
interface Owed {
  readonly sites: Set<SiteName>
  /** Of `Recent`, while it is begun for this session. */
  since: number | undefined
  /** Packet ids that the record named when the session was gone on with from it. */
  known: ReadonlySet<number>
  busy: boolean
}

/** Another site has claimed it here, and has not said that it has it. */
const isBrought = (s: Session): boolean =>
  s.site === undefined && s.port?.site !== undefined && (s.presence === 'online' || s.presence === 'claiming')

/** A session on its way here. */
interface Bringing {
  readonly client: ClientKey
  readonly epoch: number
  /** Somebody has claimed it since, at another site. */
  overtaken: boolean
  /** Claims here that wait for it. */
  readonly waits: ((refused: Refused | undefined) => void)[]
}

/** That site has no session to go on with. */
const NOTHING = 'nothing'

/** The session is here, or why it cannot be had. */
type Brought = (result?: Refused | typeof NOTHING) => void
type Granted = Extract<ClaimReply, { ok: true }>

/** Sessions of which the rest is fetched at the same time. */
const FETCHES = 256
const OVERTAKEN: Refused = { ok: false, why: 'unavailable', detail: 'The session was claimed at another site since' }
const UNAVAILABLE: Refused = { ok: false, why: 'unavailable', detail: 'It cannot be told where the session lives' }

export class Moves {
  readonly #o: MovesOptions
  /** Claims that wait until the session is here. */
  readonly #bringing = new Map<ClientKey, Bringing>()
  /** All of it is here, and is being made durable: nobody there gets it back. */
  readonly #taken = new Set<ClientKey>()
  readonly #owed = new Map<ClientKey, Owed>()
  /** How many sessions a site owes something of; and who waits until it owes nothing. */
  readonly #owing = new Map<SiteName, number>()
  #fetched: { readonly site: SiteName; readonly until: number; readonly done: () => void }[] = []
  #fetching = 0

  constructor(options: MovesOptions) {
    this.#o = options
  }

  /** How many sessions other sites still have something of. */
  get owed(): number {
    return this.#owed.size
  }

  /** At start, after the sessions are loaded, and again when this site was cut off: what lives elsewhere by now is ours no more. Rejects if that cannot be told. */
  async check(): Promise<void> {
    this.#leave(await this.#o.directory.elsewhere(this.#ours().map(s => s.client)))
  }

  /** The global state has lost writes: it is told again what lives here. Rejects if it cannot be reached. */
  async restore(): Promise<void> {
    this.#leave(await this.#o.directory.restore(this.#ours()))
  }

  #ours(): Session[] {
    return [...this.#o.sessions.values()].filter(s => siteOf(s.client) === undefined && !s.moved)
  }

  #leave(clients: Iterable<ClientKey>): void {
    const { sessions, residence } = this.#o
    for (const client of clients) {
      const s = sessions.get(client)
      if (s !== undefined && !this.#bringing.has(client)) residence.leave(s)
    }
  }

  /** At start. Rejects if the directory cannot be read. */
  async load(): Promise<void> {
    for (const [client, sites] of await this.#o.directory.owed()) for (const site of sites) this.#owe(client, site)
  }

  /** `done` with the epoch of the claim once everything that can be had of the session is here: it can be claimed. */
  claim(request: ClaimRequest, done: (result: number | Refused) => void): void {
    const { directory, sessions } = this.#o
    const { client } = request
    directory.claim(client, sessions.nextEpoch(), claimed => {
      if (claimed === undefined) return done(UNAVAILABLE)
      const bringing = this.#bringing.get(client)
      if (bringing !== undefined) {
        bringing.waits.push(refused => {
          if (refused === undefined) done(claimed.epoch)
          else this.claim(request, done)
        })
        return
      }
      const s = sessions.get(client)
      const isHeld = s?.presence === 'online' || s?.presence === 'claiming'
      // A connection that has outlived the claim of another site ends before anything of that comes over.
      if (s !== undefined && isHeld && (isBrought(s) || claimed.from.length > 0))
        sessions.reclaim(s, () => this.#claimed(request, claimed, done))
      else this.#claimed(request, claimed, done)
    })
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

  /** A few times a second: what was not to be had, and can be now. */
  tick(): void {
    const now = this.#o.now()
    this.#o.residence.tick(now)
    for (const one of this.#fetched.splice(0))
      if (one.until <= now || (this.#owing.get(one.site) ?? 0) === 0) one.done()
      else this.#fetched.push(one)
    for (const [client, owed] of this.#owed) {
      if (this.#fetching >= FETCHES) return
      if (owed.busy || this.#bringing.has(client)) continue
      for (const site of owed.sites)
        if (this.#o.peers.get(site)?.linked === true) {
          this.#fetch(client, owed, site)
          break
        }
    }
  }

  /** A session that we claimed at another site is wanted there: it is given back, unless all of it is here. */
  kicked(peer: Peer, client: ClientKey, epoch: number): void {
    if (this.#taken.has(client)) return
    const bringing = this.#bringing.get(client)
    if (bringing?.epoch === epoch) bringing.overtaken = true
    peer.release(client, epoch, EXPIRY_NEVER)
  }

  // ── bringing

  #claimed(request: ClaimRequest, { epoch, from }: Claimed, done: (result: number | Refused) => void): void {
    const { sessions, turn } = this.#o
    const { client } = request
    const s = sessions.get(client)
    // It has begun here already with what was to be had: the rest follows.
    const known = s === undefined || s.moved ? undefined : this.#owed.get(client)?.sites
    const sites = from.filter(site => known?.has(site) !== true)
    // It has ended elsewhere.
    if (s?.moved === true && from.length === 0) sessions.end(s)
    if (sites.length === 0) return done(epoch)
    const bringing: Bringing = { client, epoch, overtaken: false, waits: [] }
    this.#bringing.set(client, bringing)
    const end = (refused?: Refused) => {
      const s = sessions.get(client)
      // Who had claimed it has lost it before it was stored: it goes on as it is here.
      if (refused === undefined && s !== undefined) s.moved = false
      this.#bringing.delete(client)
      done(refused ?? epoch)
      for (const next of bringing.waits) turn.call(() => next(refused))
    }
    if (request.cleanStart) this.#discardAll(bringing, sites, end)
    else this.#bringAny(bringing, sites, end)
  }

  /** The session is with the first that has it; what the others have of it comes when it comes. */
  #bringAny(bringing: Bringing, sites: readonly SiteName[], done: (refused?: Refused) => void): void {
    const [first, ...others] = sites
    if (first === undefined) return done()
    const { recent } = this.#o
    const since = recent.begin()
    this.#bringFrom(bringing, first, result => {
      if (result === undefined)
        for (const site of others) {
          const owed = this.#owe(bringing.client, site)
          if (owed.since === undefined) recent.begin()
          owed.since ??= since
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
      this.#owe(client, site)
      done()
    }
    if (peer?.linked !== true) return later()
    peer.claim(client, epoch, true, reply => {
      if (reply?.ok !== true) return later()
      peer.release(client, reply.epoch, 0)
      this.#settled(client, site)
      done()
    })
  }

  #bringFrom(bringing: Bringing, site: SiteName, done: Brought): void {
    const { directory, peers, turn } = this.#o
    const { client, epoch } = bringing
    const peer = peers.get(site)
    const tenant = tenantOf(client)
    directory.read(site, client, found => {
      if (found === undefined) return done(UNAVAILABLE)
      const filters = found === 'none' ? [] : found.subscriptions.map(s => s.filter)
      // What is published elsewhere from now on comes here too, also while the session does not live here yet.
      for (const filter of filters) peers.exports.add(tenant, filter)
      const end: Brought = result => {
        for (const filter of filters) peers.exports.remove(tenant, filter)
        done(result)
      }
      peers.settle(() => {
        if (bringing.overtaken) return end(OVERTAKEN)
        if (peer?.linked !== true) return this.#takeRecord(bringing, site, found, end)
        peer.claim(client, epoch, false, reply =>
          turn.call(() => {
            if (bringing.overtaken) return end(OVERTAKEN)
            if (reply === undefined) this.#takeRecord(bringing, site, found, end)
            else if (reply.ok) this.#take(bringing, peer, reply, end)
            else end(reply)
          }),
        )
      })
    })
  }

  /** That site has given it up to us, and answers from here on for nothing of it but what waits in its inbox. */
  #take(bringing: Bringing, peer: Peer, reply: Granted, done: Brought): void {
    const { sessions, residence, recent, turn, stats } = this.#o
    const { client, epoch } = bringing
    const isNew = sessions.get(client) === undefined
    if (!reply.present) {
      peer.release(client, reply.epoch, 0)
      this.#settled(client, peer.site)
      return done(NOTHING)
    }
    const s = residence.settle({ client, epoch, state: reply.state, expirySec: EXPIRY_NEVER, offlineAt: 0 })
    stats.sessionsBrought++
    const since = recent.begin()
    const abort = () => {
      recent.end()
      // Where it came from it still is; what was here before waits for who has it now.
      if (isNew && s.presence === 'offline') {
        residence.leave(s)
        sessions.end(s)
      }
      done(OVERTAKEN)
    }
    const all = (messages: readonly Message[]) => {
      const news = messages.filter(m => !recent.has(m, since, client))
      for (const message of news) recent.note(message, client)
      this.#taken.add(client)
      this.#durably(s, news, () => {
        this.#taken.delete(client)
        peer.release(client, reply.epoch, 0)
        this.#settled(client, peer.site)
      })
      recent.end()
      done()
    }
    // What we routed to that site before the session began here is in its inbox there once it has answered.
    residence.whenAnswered(peer.site, () =>
      peer.drainAll(client, reply.epoch, messages =>
        turn.call(() => {
          if (bringing.overtaken) return abort()
          if (messages === undefined) {
            // Everything is there still.
            this.#owe(client, peer.site).since ??= since
            return done()
          }
          if (!residence.isBehind(peer.site)) return all(messages)
          // What it has not read waits here.
          this.#o.sift(tenantOf(client), peer.site, filtersOf(reply.state), found =>
            turn.call(() => all(withoutTwice([...messages, ...(found ?? [])]))),
          )
        }),
      ),
    )
  }

  /** That site does not answer: what it has written is enough to go on with. */
  #takeRecord(bringing: Bringing, site: SiteName, found: Foreign | 'none', done: Brought): void {
    const { residence, recent, turn, now, stats, events } = this.#o
    const { client, epoch } = bringing
    const owed = this.#owe(client, site)
    if (found === 'none') return done(NOTHING)
    const { record, subscriptions } = found
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
    const state: SessionState = { subscriptions, inflight: record.inflight, received: record.received, queued: false }
    const { expirySec, offlineAt } = record
    const s = residence.settle({ client, epoch, state, expirySec, offlineAt })
    owed.known = new Set(record.inflight.map(f => f.packetId))
    owed.since ??= recent.begin()
    const { since } = owed
    this.#siftAll(client, site, subscriptions, messages =>
      turn.call(() => {
        const news = messages.filter(m => !recent.has(m, since, client))
        for (const message of news) recent.note(message, client)
        this.#durably(s, news, () => {})
        done()
      }),
    )
  }

  /** What waits for that site, here and at those that answer, and is for this client. */
  #siftAll(
    client: ClientKey,
    dead: SiteName,
    subscriptions: readonly Subscription[],
    done: (messages: Message[]) => void,
  ): void {
    const plain = subscriptions.filter(s => s.qos > 0 && parseShare(s.filter) === undefined)
    const filters = plain.map(s => s.filter)
    const linked = [...this.#o.peers.all()].filter(peer => peer.linked && peer.site !== dead)
    const found = new Map<string, Message>()
    let left = linked.length + 1
    const one = (messages: readonly Message[] | undefined) => {
      for (const m of messages ?? [])
        if (plain.some(s => !(s.noLocal && m.sender === client))) found.set(`${m.origin}/${m.seq}`, m)
      if (--left === 0) done([...found.values()])
    }
    if (filters.length === 0) {
      left = 1
      return one([])
    }
    const tenant = tenantOf(client)
    this.#o.sift(tenant, dead, filters, one)
    for (const peer of linked) peer.sift(tenant, dead, filters, one)
  }

  /** In front of what has come since it lives here; `then` once that, and the session itself, is durable. */
  #durably(s: Session, messages: readonly Message[], then: () => void): void {
    const { inboxes, turn, sessions } = this.#o
    let left = 1
    const one = () => {
      if (--left === 0) turn.call(then)
    }
    inboxes.handBack(s, messages.map(unrelayed), () => {
      left++
      return one
    })
    sessions.mark(s)
    turn.afterCommit(one)
  }

  // ── what follows later

  #owe(client: ClientKey, site: SiteName): Owed {
    let owed = this.#owed.get(client)
    if (owed === undefined)
      this.#owed.set(client, (owed = { sites: new Set(), since: undefined, known: new Set(), busy: false }))
    if (!owed.sites.has(site)) this.#count(site, 1)
    owed.sites.add(site)
    return owed
  }

  /** `done` once all that site owed is here: what waits there for this one comes behind it. After a bound at the latest. */
  whenFetched(site: SiteName, done: () => void): void {
    if ((this.#owing.get(site) ?? 0) === 0) return done()
    this.#fetched.push({ site, until: this.#o.now() + this.#o.limits.peerSiftMs, done })
  }

  #count(site: SiteName, by: 1 | -1): void {
    this.#owing.set(site, (this.#owing.get(site) ?? 0) + by)
  }

  #settled(client: ClientKey, site: SiteName): void {
    this.#o.directory.settled(client, site)
    this.#dropOwed(client, site)
  }

  #fetch(client: ClientKey, owed: Owed, site: SiteName): void {
    const { peers, sessions, turn, directory } = this.#o
    const peer = peers.get(site)!
    owed.busy = true
    this.#fetching++
    const end = () => {
      owed.busy = false
      this.#fetching--
    }
    directory.find(client, at => {
      if (at === undefined) return end()
      const here = at === peers.site || at === ''
      if (!here) {
        // Whoever has it now fetches that as well.
        this.#dropOwed(client, site)
        return end()
      }
      const wanted = () => {
        const s = sessions.get(client)
        return s !== undefined && !s.moved
      }
      // Claimed here, and lost before it was stored: the next claim brings it.
      if (at !== '' && !wanted()) return end()
      const epoch = wanted() ? sessions.get(client)!.epoch : sessions.nextEpoch()
      peer.claim(client, epoch, !wanted(), reply => {
        if (reply?.ok !== true) return end()
        const settle = () => {
          this.#taken.delete(client)
          peer.release(client, reply.epoch, 0)
          this.#settled(client, site)
          end()
        }
        if (!reply.present || !wanted()) return settle()
        // What waits there for this site, and is for this client too, went there to this client. Its inbox is read after that: what comes meanwhile is in both.
        peer.sift(tenantOf(client), peers.site, filtersOf(reply.state), had => {
          for (const message of had ?? []) this.#o.had.add(message, client)
          peer.drainAll(client, reply.epoch, messages =>
            turn.call(() => {
              if (messages === undefined) {
                peer.release(client, reply.epoch, EXPIRY_NEVER)
                return end()
              }
              for (const message of messages) this.#o.had.add(message, client)
              this.#taken.add(client)
              this.#addLate(client, owed, reply.state, messages, settle)
            }),
          )
        })
      })
    })
  }

  #dropOwed(client: ClientKey, site: SiteName): void {
    const owed = this.#owed.get(client)
    if (owed?.sites.delete(site) === true) this.#count(site, -1)
    if (owed === undefined || owed.sites.size > 0) return
    if (owed.since !== undefined) this.#o.recent.end()
    this.#owed.delete(client)
  }

  /** The session has gone on here meanwhile: what was still to come is published to it alone, what was in flight goes on with its next connection. */
  #addLate(client: ClientKey, owed: Owed, state: SessionState, messages: readonly Message[], then: () => void): void {
    const { sessions, residence, recent, turn, stats } = this.#o
    const s = sessions.get(client)
    if (s === undefined) return then()
    const news = messages.filter(m => owed.since === undefined || !recent.has(m, owed.since, client))
    let left = 1
    const one = () => {
      if (--left === 0) turn.call(then)
    }
    for (const message of news) {
      if (message.qos === 0) continue
      left++
      stats.messagesLate++
      turn.message(forClient(s, message), { receipt: one })
    }
    const had = (m: Message | undefined) =>
      m !== undefined && owed.since !== undefined && recent.has(m, owed.since, client)
    const inflight = state.inflight.filter(f => !owed.known.has(f.packetId) && !had(f.message))
    residence.goOn(s, inflight, one)
  }
}

const filtersOf = ({ subscriptions }: SessionState) =>
  subscriptions.filter(s => s.qos > 0 && parseShare(s.filter) === undefined).map(s => s.filter)

/** The first of each. */
const withoutTwice = (messages: readonly Message[]): Message[] => [
  ...new Map(messages.map(m => [messageKey(m), m])).values(),
]

/** A copy for this client alone, which goes to no other site: nothing matches it any more, so it has the QoS that its subscriptions grant [MQTT-3.8.4-8]. */
const forClient = ({ client, subscriptions }: Session, m: Message): Message =>
  new Message(m.origin, m.seq, {
    tenant: m.tenant,
    topic: m.topic,
    qos: m.target === client ? m.qos : grantedQos(subscriptions.values(), m),
    payload: m.payload,
    retain: m.retain && m.target === client,
    props: m.props,
    expiresAt: m.expiresAt,
    sender: m.sender,
    target: client,
    stamp: m.stamp,
    relayed: { groups: [], only: false },
  })

/** That of the message if no subscription matches, as when the client has unsubscribed since. */
function grantedQos(subscriptions: Iterable<Subscription>, { topic, qos }: Message): Message['qos'] {
  let most: Message['qos'] = 0
  for (const s of subscriptions)
    if (s.qos > most && matches(parseShare(s.filter)?.filter ?? s.filter, topic)) most = s.qos
  return most === 0 || most > qos ? qos : most
}
