/**
 * The link between an edge and the core: the only thing the two know of each other. In one process it is function calls,
 * between processes a WebSocket carries the same records. Calls never throw for what a device did; `done` callbacks run
 * later, never inside the call, and for one client in the order of the calls; only that of `subscribe` may come behind others,
 * when other sites have to be asked first.
 *
 * One turn: an edge calls `publish`, `journal`, … while it reads its sockets; the core appends all of it as one envelope,
 * then answers receipts and done-callbacks, routes, and calls `EdgePort.deliver`; then the edge writes its sockets.
 */
import type { ClientKey, Incarnation, Tenant, TopicFilter } from './ids.ts'
import type { Outgoing } from './link/outgoing.ts'
import type { Message } from './message.ts'
import type { Outbound, SessionState, Subscription, Will } from './session.ts'

export interface ClaimRequest {
  readonly client: ClientKey
  readonly cleanStart: boolean
  /** Of a site that takes the session over: what the directory gave it. Refused if a later one is known. */
  readonly epoch?: number
  /** Seconds after the connection ends; 0 ends the session with the connection, EXPIRY_NEVER keeps it. */
  readonly expirySec: number
  readonly will: Will | undefined
}

export type ClaimReply =
  | {
      readonly ok: true
      readonly epoch: number
      readonly present: boolean
      readonly state: SessionState
      /** It has gone on without what a site knows of it that does not answer: the client may hold QoS 2 packet ids open that are not in `state`. Of this epoch, as far as is known (else 0). */
      readonly unsure?: number
    }
  /** State cannot be reached: CONNACK 0x88, never a wrong Session Present. */
  | { readonly ok: false; readonly why: 'unavailable' | 'quota'; readonly detail: string }

/**
 * A step of a persistent session that must survive the edge. `out`: the packet id of a QoS 2 message, before its first
 * send. `rec`: PUBREC came, before PUBREL is sent. `done`: this recipient needs the message no more (PUBACK, PUBCOMP,
 * an error in PUBREC, expired, dropped); `message` is absent if only its packet id is known. `rel`: an inbound QoS 2 packet id is released, before PUBCOMP.
 * `taken`: a shared group's copy was acknowledged by one of its members (`group` is the full `$share/…` filter).
 */
export type Step =
  | { readonly step: 'out'; readonly packetId: number; readonly message: Message }
  | { readonly step: 'rec'; readonly packetId: number }
  | { readonly step: 'done'; readonly packetId: number; readonly message: Message | undefined }
  | { readonly step: 'rel'; readonly packetId: number }
  | { readonly step: 'taken'; readonly group: TopicFilter; readonly message: Message }

export interface InboxPage {
  readonly messages: readonly Message[]
  /** Nothing was left after this page at the moment it was read; from here on the session is live. */
  readonly end: boolean
}

export interface RetainedPage {
  readonly messages: readonly Message[]
  /** Pass it to get the next page; undefined after the last. */
  readonly next: string | undefined
}

/** How a connection ended. `expirySec` is the interval in force (DISCONNECT may have changed it). */
export interface Release {
  /** false: a DISCONNECT with 0x00 (or takeover rules) removes the will; true: it is published after its delay. */
  readonly will: boolean
  /** The edge itself sent the client away: the will waits for it for `limits.drainWillHoldMs`, even if nothing else of the session does. */
  readonly sentAway?: boolean
  readonly expirySec: number
  readonly outbound: Outbound
  /** Messages handed to this edge that it had not seen when the session ended, oldest first. Filled in by the core's end of the link. */
  readonly unseen?: readonly Message[]
  /** An earlier link was told and did not confirm it, so it is told again, first of all, on the next one: the connection ended so long ago. It counts unless the client was claimed since; `outbound` is empty. ms. */
  readonly agoMs?: number
}

/** A message of QoS ≥ 1 on its way to an edge, or held there. */
export interface Handed {
  /** The how manieth it was. */
  readonly n: number
  readonly message: Message
  readonly groups: readonly TopicFilter[] | undefined
  readonly only: boolean
}

export interface CoreLink {
  /** Incarnation of this edge as the core knows it; the `origin` of the messages it publishes. */
  readonly incarnation: Incarnation
  /** The log or the memory budget is full: stop reading from publishers until `EdgePort.congested(false)`. */
  readonly congested: boolean

  claim(request: ClaimRequest, done: (reply: ClaimReply) => void): void
  /** QoS ≥ 1: `EdgePort.receipt` follows once durable. The core routes it and stores it if `retain`. */
  publish(message: Message): void
  /** Adds or replaces subscriptions; `done` once durable for a persistent session. Returns nothing else: the edge has checked limits and rights. */
  subscribe(client: ClientKey, epoch: number, subscriptions: readonly Subscription[], done: () => void): void
  unsubscribe(client: ClientKey, epoch: number, filters: readonly TopicFilter[], done: () => void): void
  /** Retained messages that match a (not shared) filter, in pages of at most `limit`. Expired ones are left out. */
  retained(
    tenant: Tenant,
    filter: TopicFilter,
    cursor: string | undefined,
    limit: number,
    done: (page: RetainedPage) => void,
  ): void
  /** Persistent sessions only. `done` once durable. An old epoch has no effect. */
  journal(client: ClientKey, epoch: number, step: Step, done?: () => void): void
  /** Appends to the session's inbox, within its bounds (drops are counted by the core). Durable before `delivered` counts. `n`: as in `Handed`, filled in by the core's end of the link. */
  spool(client: ClientKey, epoch: number, message: Message, n?: number): void
  /**
   * Reads what waits in the inbox after what was read before in this epoch. Read messages stay durable in the inbox until
   * `journal(done)`, `save` or `release` names them.
   */
  drain(client: ClientKey, epoch: number, limit: number, done: (page: InboxPage) => void): void
  /** Stores what is un-acked for more than a bound, while the session stays online; `queue` goes to the inbox. */
  save(client: ClientKey, epoch: number, outbound: Outbound): void
  /** The connection has ended: the session is offline or over. An old epoch has no effect. `done` once durable: for the core's end of a link. */
  release(client: ClientKey, epoch: number, release: Release, done?: () => void): void
  /**
   * A member left without having taken a shared group's copy (or there was none), and no other member is connected at this
   * edge: it goes to one at another edge, or to one that is offline, if there is any. Durable before `delivered` counts.
   */
  giveBack(group: TopicFilter, message: Message): void
  /**
   * Peers only. What waits at the core for this site, which is away, and matches one of the filters (not shared): QoS ≥ 1, oldest
   * first, at most `limits.inboxMessages` (then the latest). Nothing changes by it.
   */
  sift(tenant: Tenant, site: string, filters: readonly TopicFilter[], done: (found: readonly Message[]) => void): void
  /** Of the core's end of a link: what an edge says at its begin of QoS 2 messages that it has sent to this client while it had another core. */
  recall?(client: ClientKey, sent: readonly Outgoing[]): void
  /** Every persistent recipient of this message at this edge has acknowledged it or has been spooled. Called once per `deliver` that returned true. */
  delivered(message: Message): void
}

export interface EdgePort {
  /** The site whose core it is: a peer, not an edge. Absent for edges. */
  readonly site?: string | undefined
  /** Durable and routed: the publisher may be acknowledged. `matched`: somebody subscribes (0x10 otherwise). */
  receipt(message: Message, matched: boolean): void
  /**
   * A message with at least one match at this edge (by the edge's own index, or its `target`). `groups`: the `$share/…`
   * filters whose copy this edge was given; one without a member here is answered with `giveBack`. Undefined: there is no
   * other edge, and it chooses for each group. `only`: for those groups alone; who else is here has had it. `except`: these have had it. Returns true if the edge holds the message for persistent recipients and will
   * answer `delivered`, false if nothing is to be waited for.
   */
  deliver(
    message: Message,
    groups: readonly TopicFilter[] | undefined,
    only: boolean,
    except?: ReadonlySet<ClientKey>,
  ): boolean
  /** Another connection claimed the client, or an operator asks: close it (0x8E or `reason`), then `release`. */
  kick(client: ClientKey, epoch: number, reason: number): void
  congested(on: boolean): void
  /** How many messages of QoS ≥ 1 it was handed. Absent, like `unanswered`, at an edge in the same process, which cannot die alone. */
  readonly handedOut?: number
  /** What it was handed behind the first `since` and has not answered with `delivered`, oldest first. */
  unanswered?(since: number): Iterable<Handed>
  /** `done` once everything it was handed up to now is answered, or it is gone. */
  whenAnswered?(done: () => void): void
}
