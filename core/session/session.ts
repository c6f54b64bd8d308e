/** One session as the core keeps it in memory, online or not. Plain data; `sessions.ts`, `flights.ts` and `inbox.ts` change it. */
import type { ClientKey, TopicFilter } from '../contract/ids.ts'
import type { ClaimReply, ClaimRequest, EdgePort } from '../contract/link.ts'
import type { Message } from '../contract/message.ts'
import type { Will } from '../contract/session.ts'
import type { Envelope } from '../log/watermark.ts'
import { siteOf } from '../site/name.ts'
import type { SiteName } from '../site/port.ts'
import type { StoredSubscription } from '../state/port.ts'

/** `claiming`: claimed, but the reply waits for a commit; until then it is routed to as if offline. */
export type Presence = 'offline' | 'claiming' | 'online' | 'ended'

/** A message in flight to the client, or a packet id that waits for PUBCOMP. */
export interface Flight {
  state: 'sent' | 'received'
  readonly qos: 1 | 2
  /** Known once the edge has handed it over. */
  readonly retain: boolean
  message: Message | undefined
  /** The envelope of its `out` step, until the session record holds it. */
  envelope: Envelope | undefined
  /** The stored record names it. */
  recorded: boolean
}

/** An inbound QoS 2 packet id that waits for PUBREL. */
export interface Received {
  envelope: Envelope | undefined
  recorded: boolean
}

/** An inbox entry that the edge has read in this epoch and not answered. */
export interface Reading {
  readonly position: number
  readonly bytes: number
  readonly qos: number
}

/** How far an inbox of another site holds only what this session has had, if it was subscribed to it. */
export interface LeftBehind {
  readonly client: ClientKey
  /** A position. */
  readonly upTo: number
  readonly subscriptions: Map<TopicFilter, StoredSubscription>
}

/** Where the inbox of a session stands; its entries are in the state. */
export class Inbox {
  count = 0
  bytes = 0
  qos0 = 0
  /** Highest position given out. */
  last = 0
  /** Everything up to here was read in this epoch. */
  read = Number.MIN_SAFE_INTEGER
  /** By `messageKey`. */
  readonly reading = new Map<string, Reading>()
  /** By `messageKey`: what came from another site in flight, and may have been left here before. */
  readonly inFlight = new Set<string>()
  /** Positions of entries that have moved within the inbox, until that is durable. */
  readonly leaving = new Set<number>()
  /** `count`, `bytes` and `qos0` are those of the record it was restored from, which may be older than the inbox: true until it was read to its end. */
  isEstimate = false
  /** Where live messages began to be spooled, each time nothing was left to read: what was handed to the edge before `n` comes before position `at`. */
  spools: { readonly n: number; readonly at: number }[] = []
  /** Of another site: by client whose session was fetched from here. */
  left: Map<ClientKey, LeftBehind> | undefined = undefined
}

export interface WaitingClaim {
  readonly port: EdgePort
  readonly request: ClaimRequest
  readonly done: (reply: ClaimReply) => void
  /** Where sites share clients: what the directory gave. */
  readonly epoch: number | undefined
  /** When the old owner is given up. ms since the epoch. */
  readonly until: number
}

export class Session {
  readonly client: ClientKey
  /** Of the session of another site. */
  readonly site: SiteName | undefined
  /** Log position at which it began. */
  readonly since: number
  /** At start: steps of the log before this position are in the record it was loaded from. */
  asOf = 0
  presence: Presence = 'offline'
  epoch = 0
  port: EdgePort | undefined = undefined
  /** Online at a peer, but what is routed to it goes to its inbox: the session of a site until it has caught up, one that another site fetches to its end. */
  parked = false
  expirySec = 0
  /** When its connection ended, 0 while there is one. ms since the epoch. */
  offlineAt = 0
  /** Not published yet. */
  will: Will | undefined = undefined
  /** It is due, and being asked who publishes it. */
  willAsked = false
  /** It ends because its client wants another one. */
  claimed = false
  /** Another site has it by now: what is still here waits to be fetched, and nothing more comes. */
  moved = false
  /** The site it has come from, until it has what waits here for that site and is for this session; '' for none. */
  comesFrom: SiteName = ''
  /** Who wants it back from another site that is taking it over: called once it is offline here, or over. */
  readonly freed: (() => void)[] = []
  /** Adds what was in flight at the site it came from and became known late: once the session has no connection, or has ended. */
  late: (() => void) | undefined = undefined
  /** Its edge sent it away: until then the will is not published. ms since the epoch. */
  heldUntil = 0
  /** There is a record of it in the state. */
  stored = false
  dirty = false
  readonly subscriptions = new Map<TopicFilter, StoredSubscription>()
  /** By packet id, in order of sending. */
  inflight: Map<number, Flight> | undefined = undefined
  /** By packet id. */
  received: Map<number, Received> | undefined = undefined
  inbox: Inbox | undefined = undefined
  /** Entries of the log that are open because of this session, and since when the oldest may be. */
  holds = 0
  heldSince = 0
  /** What its edge was handed before this was not for it. */
  handed = 0
  /** Claims that wait for the connection to be given up. */
  waiting: WaitingClaim[] | undefined = undefined

  constructor(client: ClientKey, since: number) {
    this.client = client
    this.site = siteOf(client)
    this.since = since
  }

  /** It outlives its connection. */
  get persistent(): boolean {
    return this.expirySec > 0
  }

  /** Where its messages go while they do not go to its inbox. */
  get routedTo(): EdgePort | undefined {
    return this.presence === 'online' && !this.parked ? this.port : undefined
  }
}
