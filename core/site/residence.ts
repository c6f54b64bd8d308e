/** What becomes of a session when it comes from another site, or has gone to one: subscriptions, flights and routes. Asks no site and reads no inbox. */
import type { ClientKey } from '../contract/ids.ts'
import { messageKey } from '../contract/message.ts'
import type { Inflight, SessionState } from '../contract/session.ts'
import type { Turn } from '../link/turn.ts'
import type { Flights } from '../session/flights.ts'
import type { Session } from '../session/session.ts'
import type { Sessions } from '../session/sessions.ts'
import { siteClient } from './name.ts'
import type { SiteName } from './port.ts'

export interface ResidenceOptions {
  readonly sessions: Sessions
  readonly flights: Flights
  readonly turn: Turn
  readonly now: () => number
}

/** A session as it comes. */
export interface Arrival {
  readonly client: ClientKey
  readonly site: SiteName
  readonly epoch: number
  readonly state: SessionState
  readonly expirySec: number
  /** When its connection ended; 0 for now. ms since the epoch. */
  readonly offlineAt: number
}

/** MQTT 5 reason codes: of a takeover [MQTT-3.1.4-3], and of a connection that has to be made anew. */
const SESSION_TAKEN_OVER = 0x8e
const ADMINISTRATIVE_ACTION = 0x98
/** A site that is not at the end of what waits for it by then is not waited for; nor one that is away for longer. */
const UNREAD_MS = 4_000

interface Behind {
  readonly s: Session
  /** ms since the epoch. */
  readonly until: number
  readonly done: () => void
}

export class Residence {
  readonly #o: ResidenceOptions
  /** Who waits until a site has read what waits for it. */
  readonly #behind: Behind[] = []

  constructor(options: ResidenceOptions) {
    this.#o = options
  }

  /** It begins here, or goes on with what is left of it here: offline, to be claimed next. */
  settle({ client, site, epoch, state, expirySec, offlineAt }: Arrival): Session {
    const { sessions, flights, turn, now } = this.#o
    const s = sessions.get(client) ?? sessions.make(client)
    s.moved = false
    s.comesFrom = site
    sessions.rest(s)
    s.epoch = epoch
    s.expirySec = expirySec
    s.offlineAt = offlineAt === 0 ? now() : offlineAt
    s.will = undefined
    s.stored = true
    sessions.subscriptions.replace(s, state.subscriptions)
    flights.restore(s, state.inflight, state.received)
    sessions.mark(s)
    turn.urge()
    return s
  }

  /** It lives here, and no other site has claimed it. */
  isHere(client: ClientKey): boolean {
    const s = this.#o.sessions.get(client)
    return s !== undefined && !s.moved && (s.presence === 'offline' || s.port?.site === undefined)
  }

  /**
   * Another site has it by now: it publishes no will and has no connection any more. What is published here still goes into
   * its inbox, since that site may not be heard here: it fetches that, and knows what it has had.
   */
  leave(s: Session): void {
    const { sessions, turn } = this.#o
    const { epoch } = s
    s.moved = true
    s.will = undefined
    sessions.rest(s)
    const kick = () => {
      if (s.presence === 'online' && s.epoch === epoch) s.port!.kick(s.client, epoch, SESSION_TAKEN_OVER)
    }
    // Behind the claim.
    if (s.presence === 'claiming') turn.afterCommit(kick)
    else kick()
  }

  /** Nothing waits for that site any more that it has not got. */
  complete(s: Session, from: SiteName): void {
    if (s.comesFrom !== from) return
    const { sessions, turn } = this.#o
    s.comesFrom = ''
    sessions.mark(s)
    turn.urge()
  }

  /**
   * In flight where the session came from: goes on with the next connection, which is asked for. What the client holds open is not
   * taken twice; a message whose packet id another one has had since may be: whether it had come cannot be told. `done` once durable, or with
   * false if the session ends before.
   */
  goOn(s: Session, inflight: readonly Inflight[], done: (isDurable: boolean) => void): void {
    const news = inflight.filter(f => !isHere(s, f))
    if (news.length === 0) return done(true)
    const { flights, sessions, turn } = this.#o
    s.late = () => {
      s.late = undefined
      if (s.presence === 'ended') return done(false)
      flights.restore(s, placed(s, news), [])
      sessions.mark(s)
      turn.afterCommit(() => done(true))
    }
    const ask = () => {
      if (s.presence === 'online') s.port!.kick(s.client, s.epoch, ADMINISTRATIVE_ACTION)
      else if (s.presence === 'offline') s.late?.()
    }
    // Behind the claim.
    if (s.presence === 'claiming') turn.afterCommit(ask)
    else ask()
  }

  /**
   * `done` once that site has answered for everything it was handed up to now, and read what waited for it: it may have had some of
   * that, and have been cut off before it could say so. Or it is away, or takes too long.
   */
  whenAnswered(site: SiteName, done: () => void): void {
    const s = this.#o.sessions.get(siteClient(site))
    if (s === undefined) this.#o.turn.call(done)
    else this.#whenRead({ s, until: this.#o.now() + UNREAD_MS, done }, this.#o.now())
  }

  /** Something waits here for that site still. */
  isBehind(site: SiteName): boolean {
    const s = this.#o.sessions.get(siteClient(site))
    return s !== undefined && (s.parked || s.presence !== 'online')
  }

  /** A few times a second. ms since the epoch. */
  tick(now: number): void {
    for (const one of this.#behind.splice(0)) this.#whenRead(one, now)
  }

  #whenRead(one: Behind, now: number): void {
    const { s, until, done } = one
    const isComing = s.presence === 'online' ? s.parked : s.presence === 'claiming' || now - s.offlineAt < UNREAD_MS
    if (isComing && now < until) this.#behind.push(one)
    else if (s.parked || s.port?.whenAnswered === undefined) this.#o.turn.call(done)
    else s.port.whenAnswered(done)
  }
}

/** The same is in flight here. What waits for PUBCOMP alone is another message: one that had come so far where this one was sent is known. */
function isHere(s: Session, { packetId, message }: Inflight): boolean {
  const here = s.inflight?.get(packetId)
  if (here === undefined || message === undefined) return here !== undefined
  return here.message !== undefined && messageKey(here.message) === messageKey(message)
}

/** Under packet ids that are free: others may have been sent under theirs meanwhile. */
function placed(s: Session, late: readonly Inflight[]): Inflight[] {
  const used = new Set([...(s.inflight?.keys() ?? []), ...late.map(f => f.packetId)])
  return late
    .filter(f => !isHere(s, f))
    .map(f => {
      if (s.inflight?.has(f.packetId) !== true) return f
      let { packetId } = f
      while (used.has(packetId)) packetId = (packetId % 0xffff) + 1
      used.add(packetId)
      return { ...f, packetId }
    })
}
