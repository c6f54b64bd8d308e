/** Fetches what other sites still have of sessions that have gone on here, when those sites are back, and what a session that was on its way here when a core died has not got: it is published to the session alone. Owns no list of it. */
import type { ClientKey } from '../contract/ids.ts'
import type { Message } from '../contract/message.ts'
import { EXPIRY_NEVER, type Inflight, type SessionState } from '../contract/session.ts'
import type { Turn } from '../link/turn.ts'
import type { Session } from '../session/session.ts'
import type { Sessions } from '../session/sessions.ts'
import type { CoreStats } from '../stats.ts'
import { copyForClient } from './copies.ts'
import type { Fetch } from './fetch.ts'
import type { Debt, Owed } from './owed.ts'
import type { Peer } from './peer.ts'
import type { Peers } from './peers.ts'
import type { Directory, SiteName } from './port.ts'
import type { Recent } from './recent.ts'
import type { Republished } from './republished.ts'
import type { Residence } from './residence.ts'

export interface LateOptions {
  readonly directory: Pick<Directory, 'find' | 'read'>
  readonly peers: Peers
  readonly sessions: Sessions
  readonly residence: Residence
  readonly owed: Owed
  readonly turn: Turn
  readonly recent: Recent
  readonly republished: Republished
  readonly fetch: Fetch
  readonly stats: CoreStats
  /** It is on its way here already. */
  readonly isBrought: (client: ClientKey) => boolean
  /** What has come with it is not durable yet. */
  readonly isWritten: (client: ClientKey) => boolean
  /** What waits for that site, and is for this session. */
  readonly waiting: (s: Session, site: SiteName, done: (messages: readonly Message[]) => void) => void
}

/** Sessions of which the rest is fetched at the same time. */
const FETCHES = 256

export class Late {
  readonly #o: LateOptions
  #fetching = 0

  constructor(options: LateOptions) {
    this.#o = options
  }

  /** A few times a second: what was not to be had, and can be now. */
  tick(): void {
    const { owed, fetch, peers, residence, republished } = this.#o
    fetch.tick()
    const isRead = () => [...peers.all()].every(({ site }) => !residence.isBehind(site))
    for (const { live, site } of peers.all())
      if (live && !owed.owes(site) && !residence.isBehind(site)) republished.end(site, isRead())
    for (const [client, debt] of owed.all()) {
      if (this.#fetching >= FETCHES) return
      this.#try(client, debt)
    }
  }

  /** At once: its client may go on elsewhere soon. */
  hurry(client: ClientKey): void {
    const debt = this.#o.owed.get(client)
    if (debt !== undefined) this.#try(client, debt)
  }

  #try(client: ClientKey, debt: Debt): void {
    const { peers, owed, republished, isBrought, isWritten } = this.#o
    if (this.#fetching >= FETCHES || debt.busy || peers.isClosing || isBrought(client)) return
    const s = this.#here(client)
    if (s !== undefined && !debt.void && debt.sites.has(s.comesFrom) && !isWritten(client))
      return this.#complete(s, debt)
    for (const site of debt.sites) {
      const peer = peers.get(site)
      if (peer?.linked !== true || owed.isTaken(client, peer)) continue
      if (republished.isAskingFor(client) || !republished.isAsking(site)) return this.#fetch(client, debt, peer)
    }
  }

  #begin(debt: Debt): () => void {
    debt.busy = true
    this.#fetching++
    return () => {
      debt.busy = false
      this.#fetching--
    }
  }

  /** Before that site has read what waits for it, or the session ends there: then nobody wants it there. */
  #complete(s: Session, debt: Debt): void {
    const { owed, recent, residence, turn, waiting, isBrought } = this.#o
    const { client, comesFrom } = s
    const end = this.#begin(debt)
    // What comes here from now on is not published to it once more.
    owed.follows(client, comesFrom, recent.begin(), [])
    recent.end()
    waiting(s, comesFrom, messages =>
      turn.call(() => {
        if (this.#here(client) !== s || isBrought(client)) return end()
        this.#add(client, debt, [], messages, isDurable => {
          if (isDurable) residence.complete(s, comesFrom)
          end()
        })
      }),
    )
  }

  #fetch(client: ClientKey, debt: Debt, peer: Peer): void {
    const { peers, sessions, directory, owed, republished } = this.#o
    const end = this.#begin(debt)
    directory.find(client, at => {
      if (at === undefined) return end()
      if (at !== peers.site && at !== '') {
        // Whoever has it now fetches that as well.
        owed.drop(client, peer.site)
        republished.forget(client)
        return end()
      }
      const s = this.#here(client)
      // Claimed here, and lost before it was stored: the next claim brings it.
      if (at !== '' && s === undefined) return end()
      const isWanted = s !== undefined && !debt.void
      peer.claim(client, s?.epoch ?? sessions.nextEpoch(), !isWanted, reply => {
        if (reply?.ok !== true) return end()
        republished.answered(client, peer.site, isWanted && !debt.void ? reply.state.received : [])
        if (reply.present && !debt.void && this.#here(client) !== undefined)
          return this.#read(client, debt, peer, reply.epoch, reply.state, end)
        owed.settle(client, peer, reply.epoch)
        end()
      })
    })
  }

  #read(client: ClientKey, debt: Debt, peer: Peer, epoch: number, state: SessionState, end: () => void): void {
    const { owed, fetch, directory, peers } = this.#o
    const read = (found: readonly Message[] | undefined) =>
      fetch.all(peer, client, epoch, found, messages => {
        if (messages === undefined) {
          peer.release(client, epoch, EXPIRY_NEVER)
          return end()
        }
        const taken = owed.take(client, peer, epoch)
        this.#add(client, debt, state.inflight, messages, isDurable => {
          taken(isDurable)
          end()
        })
      })
    directory.read(peer.site, client, there => {
      // It had come there from here, and not with all that it had here.
      const isNew = typeof there === 'object' && there.record.comesFrom === peers.site
      fetch.seek(peer, client, state, !isNew, read)
    })
  }

  /**
   * The session has gone on here meanwhile: what was still to come is published to it alone, what was in flight goes on with
   * its next connection. `then` with false if it has gone to another site before.
   */
  #add(
    client: ClientKey,
    debt: Debt,
    inflight: readonly Inflight[],
    messages: readonly Message[],
    then: (isDurable: boolean) => void,
  ): void {
    const { residence, republished, turn, stats } = this.#o
    const s = this.#here(client)
    if (s === undefined || debt.void) return then(debt.void)
    const { since } = debt
    const isNew = (m: Message) => since === undefined || !republished.had(m, since, client)
    let left = 1
    let isHere = true
    const one = () => {
      if (--left === 0) turn.call(() => then(isHere))
    }
    for (const message of messages) {
      if (message.qos === 0 || !isNew(message)) continue
      left++
      stats.messagesLate++
      turn.message(copyForClient(s, message), { receipt: one })
    }
    const flying = inflight.filter(f => !debt.known.has(f.packetId) && (f.message === undefined || isNew(f.message)))
    residence.goOn(s, flying, isDurable => {
      isHere = isDurable
      one()
    })
  }

  #here(client: ClientKey): Session | undefined {
    const s = this.#o.sessions.get(client)
    return s === undefined || s.moved ? undefined : s
  }
}
