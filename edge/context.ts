/** What the handlers of an edge share. Made once by `Edge`. */
import type { ClientKey } from '../core/contract/ids.ts'
import type { Limits } from '../core/contract/limits.ts'
import type { CoreLink } from '../core/contract/link.ts'
import type { Auth } from './auth/ports.ts'
import type { Away } from './drain.ts'
import type { Peer } from './listen/transport.ts'
import type { LocalIndex } from './route/local-index.ts'
import type { ClaimLine } from './session/claim-line.ts'
import type { Connection } from './session/connection.ts'
import type { Session } from './session/session.ts'
import type { EdgeSettings } from './settings.ts'
import type { EdgeEvents, EdgeStats } from './stats.ts'

export interface EdgeContext {
  readonly limits: Limits
  readonly settings: EdgeSettings
  readonly auth: Auth
  readonly stats: EdgeStats
  readonly events: EdgeEvents
  readonly link: CoreLink
  readonly index: LocalIndex
  readonly sessions: Map<ClientKey, Session>
  readonly claims: ClaimLine
  /** Clients that broke off at a PUBREL for a packet id that they did not hold open: they get none again. At most `limits.maxConnections`. */
  readonly spared: Set<ClientKey>
  /** The time of this turn. Milliseconds since the epoch. */
  now(): number
  /** The next `Message.seq` of this edge. */
  nextSeq(): number
  /** The connection has output: it is written at the end of the turn. */
  touch(connection: Connection): void
  /** The log or the memory budget is full: who publishes is read no further. */
  overloaded(): boolean
  /** The core may have given the sessions to others: devices get nothing more for now. */
  suspended(): boolean
  /** While the edge drains: what a client is told. Undefined: it takes clients. */
  sendsAway(peer: Peer): Away | undefined
  /** The core has forgotten this edge: what goes on with sessions is not told. */
  forgotten(): boolean
  /** Stops reading from the connection until there is room again. */
  hold(connection: Connection): void
  /** A name for a client that brought none. */
  assignClientId(): string
  /** The connection is over: forget it. */
  forget(connection: Connection): void
}
