/**
 * The core as an edge in another process has it: calls become records of the link session, answers come back as callbacks,
 * one frame per turn. Owns what waits for an answer; without a session (`link-life.ts`) calls have no effect.
 */
import { writeMessage } from '../../core/contract/codec.ts'
import type { ClientKey, Incarnation, Tenant, TopicFilter } from '../../core/contract/ids.ts'
import { Ranges } from '../../core/contract/link/ranges.ts'
import { FromEdge, writeList, writeOutbound, writeRef, writeSubscription } from '../../core/contract/link/records.ts'
import type { LinkSession } from '../../core/contract/link/session.ts'
import type {
  ClaimReply,
  ClaimRequest,
  CoreLink,
  EdgePort,
  InboxPage,
  Release,
  RetainedPage,
  Step,
} from '../../core/contract/link.ts'
import { type Message, NO_BYTES } from '../../core/contract/message.ts'
import type { Outbound, Subscription } from '../../core/contract/session.ts'
import { Fifo } from '../flow/fifo.ts'
import { Answers, type AnswersTo } from './answers.ts'
import { writeClaim, writeFarewell, writeJournal, writeRelease, writeRetained, writeSent } from './calls.ts'
import { Farewells } from './farewells.ts'
import { type Departure, LinkLife, type LinkLifeOptions } from './link-life.ts'
import { type Pending, PendingCalls } from './pending.ts'
import { SentMessages } from './sent.ts'
import type { SiteView } from './sites.ts'

/** What the link asks of its edge beside what a core asks. */
export interface RemoteEdge extends EdgePort {
  /** The core knows nothing of this edge any more: every connection is closed, and nothing is told about them. */
  beginAnew(): void
  /** The core may have given the sessions to others: devices get nothing more until this is over. */
  suspend(on: boolean): void
  /** The core says good-bye: another one of its site is likely to be there soon. */
  left?(): void
}

export interface RemoteLinkOptions extends LinkLifeOptions {
  /** Runs a function at the end of the turn. */
  readonly atTurnEnd: (flush: () => void) => void
}

const CLOSE_MS = 2_000

export class RemoteLink implements CoreLink {
  readonly incarnation: Incarnation
  readonly #edge: RemoteEdge
  readonly #o: RemoteLinkOptions
  readonly #life: LinkLife
  #answers: Answers
  /** Published with QoS ≥ 1 and without receipt, in order. */
  #published = new Fifo<Message>()
  readonly #farewells: Farewells
  readonly #sent: SentMessages
  readonly #pending = new PendingCalls()
  #pendingCounted = 0
  /** Epochs of the sessions at this edge. */
  readonly #owned = new Map<ClientKey, number>()
  /** Number of the last delivery. */
  #seen = 0
  readonly #answered = new Ranges()
  #later: (() => void)[] = []
  #scheduled = false
  #coreCongested = false
  #pressed = true

  constructor(edge: RemoteEdge, options: RemoteLinkOptions) {
    this.#edge = edge
    this.#o = options
    this.incarnation = options.incarnation
    this.#answers = new Answers(this.#answersTo)
    this.#farewells = new Farewells(options.limits.maxConnections, options.stats)
    this.#sent = new SentMessages(options.limits.sentIds, options.stats)
    this.#life = new LinkLife(options, {
      read: records => this.#answers.read(records),
      begun: session => this.#recall(session),
      lost: () => this.#lost(),
      suspend: on => edge.suspend(on),
      changed: () => this.#weigh(),
      bye: () => this.#bye(),
    })
  }

  /** Begins to connect. */
  start(): void {
    this.#life.start()
  }

  /** The core is known to be there, as it has linked to us: without link it is dialled at once. */
  retry(): void {
    this.#life.retry()
  }

  get linked(): boolean {
    return this.#life.linked
  }

  /** When the core was heard last; 0 without link. ms since the epoch. */
  get heardAt(): number {
    return this.#life.session?.heardAt ?? 0
  }

  /** One line for people. */
  get state(): string {
    return this.#life.state
  }

  /** How devices leave before the link goes to another site. */
  departBy(departure: Departure): void {
    this.#life.departure = departure
  }

  /** It is about to go to another site: new devices are better served elsewhere. */
  get moving(): boolean {
    return this.#life.moving
  }

  /** The sites that are known, for metrics. */
  get sites(): readonly SiteView[] {
    return this.#life.sites
  }

  /** A few times a second. ms since the epoch. */
  tick(now: number): void {
    this.#life.tick(now)
    this.#pending.sweep((client, epoch) => this.#owned.get(client) === epoch)
    this.#count()
    this.#weigh()
  }

  /** After the edge was shut down: sends what it said, and good-bye. Resolves once the core has it, or after two seconds. */
  close(): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(() => this.#life.cut(), CLOSE_MS)
      this.#bye()
      this.#life.close(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  // ── CoreLink

  get congested(): boolean {
    return this.#pressed
  }

  publish(message: Message): void {
    const session = this.#life.session
    if (session === undefined) return
    session.out.u8(FromEdge.publish)
    writeMessage(session.out, message, this.incarnation)
    this.#written(session)
    if (message.qos === 0) return
    this.#published.push(message)
    // The record has it: what waits for the receipt holds no network buffer.
    message.payload = NO_BYTES
    message.props = NO_BYTES
  }

  claim(request: ClaimRequest, done: (reply: ClaimReply) => void): void {
    const session = this.#life.session
    if (session === undefined || this.#life.suspended) {
      this.#later.push(() => done({ ok: false, why: 'unavailable', detail: this.#life.state }))
      return this.#touch()
    }
    writeClaim(session.out, this.#pending.add({ for: 'claimed', client: request.client, done }), request)
    this.#written(session)
  }

  subscribe(client: ClientKey, epoch: number, subscriptions: readonly Subscription[], done: () => void): void {
    const session = this.#begin(FromEdge.subscribe, client, epoch, { for: 'done', client, epoch, done })
    if (session === undefined) return
    writeList(session.out, subscriptions, s => writeSubscription(session.out, s))
    this.#written(session)
  }

  unsubscribe(client: ClientKey, epoch: number, filters: readonly TopicFilter[], done: () => void): void {
    const session = this.#begin(FromEdge.unsubscribe, client, epoch, { for: 'done', client, epoch, done })
    if (session === undefined) return
    writeList(session.out, filters, filter => session.out.text(filter))
    this.#written(session)
  }

  retained(
    tenant: Tenant,
    filter: TopicFilter,
    cursor: string | undefined,
    limit: number,
    done: (page: RetainedPage) => void,
  ): void {
    const session = this.#life.session
    if (session === undefined) return
    writeRetained(session.out, this.#pending.add({ for: 'page', done }), { tenant, filter, cursor, limit })
    this.#written(session)
  }

  journal(client: ClientKey, epoch: number, step: Step, done?: () => void): void {
    const session = this.#life.session
    if (session === undefined) return
    const req = done === undefined ? 0 : this.#pending.add({ for: 'done', client, epoch, done })
    writeJournal(session.out, req, client, epoch, step)
    this.#written(session)
    if (this.#o.peer === undefined) this.#sent.step(client, epoch, step)
  }

  spool(client: ClientKey, epoch: number, message: Message): void {
    const session = this.#begin(FromEdge.spool, client, epoch)
    if (session === undefined) return
    writeRef(session.out, message, false)
    this.#written(session)
  }

  drain(client: ClientKey, epoch: number, limit: number, done: (page: InboxPage) => void): void {
    const session = this.#begin(FromEdge.drain, client, epoch, { for: 'inbox', client, epoch, done })
    if (session === undefined) return
    session.out.varint(limit)
    this.#written(session)
  }

  save(client: ClientKey, epoch: number, outbound: Outbound): void {
    const session = this.#begin(FromEdge.save, client, epoch)
    if (session === undefined) return
    writeOutbound(session.out, outbound)
    this.#written(session)
  }

  release(client: ClientKey, epoch: number, release: Release): void {
    const session = this.#life.session
    if (session === undefined) return
    if (this.#owned.get(client) === epoch) this.#owned.delete(client)
    writeRelease(session.out, client, epoch, release, this.#seen)
    this.#written(session)
    const { will, sentAway, expirySec } = release
    // Sites tell each other in another way where a session lives.
    if (this.#o.peer === undefined)
      this.#farewells.add({ client, epoch, will, sentAway: sentAway === true, expirySec, at: this.#o.now() })
  }

  giveBack(group: TopicFilter, message: Message): void {
    const session = this.#life.session
    if (session === undefined) return
    session.out.u8(FromEdge.giveBack)
    session.out.text(group)
    writeRef(session.out, message, false)
    this.#written(session)
  }

  /** Of a peer. */
  sift(tenant: Tenant, site: string, filters: readonly TopicFilter[], done: (found: readonly Message[]) => void): void {
    const session = this.#life.session
    if (session === undefined) return
    const { out } = session
    out.u8(FromEdge.sift)
    out.varint(this.#pending.add({ for: 'page', done: page => done(page.messages) }))
    out.text(tenant)
    out.text(site)
    writeList(out, filters, filter => out.text(filter))
    this.#written(session)
  }

  delivered(message: Message): void {
    if (message.ref === 0 || this.#life.session === undefined) return
    this.#answered.add(message.ref)
    message.ref = 0
    this.#touch()
  }

  /** A core that knows nothing of this edge hears first what none has confirmed. */
  #recall(session: LinkSession): void {
    for (const farewell of this.#farewells.values()) {
      writeFarewell(session.out, farewell, this.#o.now())
      this.#written(session)
    }
    writeSent(session.out, this.#sent.byClient())
    this.#written(session)
  }

  /** What every record of a session begins with; `call`: it is answered. */
  #begin(kind: number, client: ClientKey, epoch: number, call?: Pending): LinkSession | undefined {
    const session = this.#life.session
    if (session === undefined) return undefined
    session.out.u8(kind)
    if (call !== undefined) session.out.varint(this.#pending.add(call))
    session.out.text(client)
    session.out.varint(epoch)
    return session
  }

  #written(session: LinkSession): void {
    session.written()
    this.#touch()
  }

  #bye(): void {
    this.#flush()
    this.#life.session?.out.u8(FromEdge.bye)
    this.#life.session?.flush()
  }

  // ── the turn

  #touch(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#o.atTurnEnd(this.#flush)
  }

  readonly #flush = (): void => {
    this.#scheduled = false
    const session = this.#life.session
    if (session !== undefined) {
      if (!this.#answered.isEmpty) {
        session.out.u8(FromEdge.delivered)
        this.#answered.write(session.out)
      }
      session.flush()
      this.#weigh()
    }
    if (this.#later.length === 0) return
    const later = this.#later
    this.#later = []
    for (const call of later) call()
  }

  /** Tells the edge when publishers have to wait, and when no more. */
  #weigh(): void {
    const session = this.#life.session
    const on = session?.up !== true || this.#coreCongested || session.unackedBytes > this.#o.limits.linkUnackedBytes
    if (on === this.#pressed) return
    this.#pressed = on
    this.#edge.congested(on)
  }

  #count(): void {
    this.#o.stats.nowUnanswered += this.#pending.size - this.#pendingCounted
    this.#pendingCounted = this.#pending.size
  }

  /** Everything that was under way with the core is lost. */
  #lost(): void {
    this.#answers = new Answers(this.#answersTo)
    this.#published = new Fifo()
    this.#pending.clear()
    this.#count()
    this.#owned.clear()
    this.#seen = 0
    this.#answered.clear()
    this.#coreCongested = false
    this.#edge.beginAnew()
  }

  // ── what the core says

  readonly #answersTo: AnswersTo = {
    deliver: (message, groups, only, except) => {
      if (message.qos > 0) message.ref = ++this.#seen
      const holds = this.#edge.deliver(message, groups, only, except)
      if (!holds) this.delivered(message)
    },
    receipts: (upTo, matched) => {
      for (let next = this.#published.peek(); next !== undefined && next.seq <= upTo; next = this.#published.peek()) {
        this.#published.shift()
        this.#edge.receipt(next, matched)
      }
    },
    kick: (client, epoch, reason) => this.#edge.kick(client, epoch, reason),
    congested: on => {
      this.#coreCongested = on
      this.#weigh()
    },
    done: req => this.#pending.take(req, 'done')?.done(),
    claimed: (req, reply) => {
      const call = this.#pending.take(req, 'claimed')
      if (call === undefined) return
      if (reply.ok) {
        this.#owned.set(call.client, reply.epoch)
        this.#farewells.claimed(call.client)
        this.#sent.restored(call.client, reply.epoch, reply.state.inflight)
      }
      call.done(reply)
    },
    released: (client, epoch) => this.#farewells.confirmed(client, epoch),
    inbox: (req, page) => this.#pending.take(req, 'inbox')?.done(page),
    page: (req, page) => this.#pending.take(req, 'page')?.done(page),
    bye: () => this.#edge.left?.(),
  }
}
