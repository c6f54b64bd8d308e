/** The link of an edge in the same process: decides what takes effect at the call and what waits for its place in the turn. Owns no state. */
import { type ClientKey, type Incarnation, NO_CLIENT, type Tenant, type TopicFilter } from '../contract/ids.ts'
import type { Outgoing } from '../contract/link/outgoing.ts'
import type {
  ClaimReply,
  ClaimRequest,
  CoreLink,
  EdgePort,
  InboxPage,
  Release,
  RetainedPage,
  Step,
} from '../contract/link.ts'
import type { Message } from '../contract/message.ts'
import type { Outbound, Subscription } from '../contract/session.ts'
import type { Retained } from '../route/retain.ts'
import type { Router } from '../route/router.ts'
import type { Flights } from '../session/flights.ts'
import type { Inboxes } from '../session/inbox.ts'
import type { Session } from '../session/session.ts'
import { OVERTAKEN, type Sessions } from '../session/sessions.ts'
import { copyFor, retainedOnly } from '../site/copies.ts'
import type { Moves } from '../site/moves.ts'
import { siteOf } from '../site/name.ts'
import type { SiteName } from '../site/port.ts'
import type { Recalled } from '../site/recalled.ts'
import type { Republished } from '../site/republished.ts'
import type { Sift } from '../site/sift.ts'
import type { CoreStats } from '../stats.ts'
import type { Turn } from './turn.ts'

/** The parts of a core that a link speaks to. */
export interface CoreParts {
  readonly turn: Turn
  readonly sessions: Sessions
  readonly flights: Flights
  readonly inboxes: Inboxes
  readonly router: Router
  readonly retained: Retained
  /** Where sites share clients. */
  readonly moves?: Moves | undefined
  readonly recalled?: Recalled | undefined
  readonly republished?: Republished | undefined
  readonly sift: Sift
  readonly stats: CoreStats
  readonly now: () => number
  readonly defer: (fn: () => void) => void
}

/**
 * At the call: everything an edge tells about messages it holds (`journal`, `spool`, `save`, `release`, `delivered`), so
 * that what is routed later in the turn finds it done. In its place in the queue: `publish`, `claim`, `subscribe`,
 * `unsubscribe`, `retained`, `drain`.
 */
export class LocalLink implements CoreLink {
  readonly incarnation: Incarnation
  readonly #port: EdgePort
  readonly #core: CoreParts

  constructor(core: CoreParts, port: EdgePort, incarnation: Incarnation) {
    this.#core = core
    this.#port = port
    this.incarnation = incarnation
  }

  get congested(): boolean {
    return this.#core.turn.congested
  }

  claim(request: ClaimRequest, done: (reply: ClaimReply) => void): void {
    const { turn, sessions, stats, defer, moves } = this.#core
    const port = this.#port
    if (turn.failing) {
      stats.claimsRefused++
      return defer(() => done({ ok: false, why: 'unavailable', detail: 'The session store cannot be written' }))
    }
    const site = siteOf(request.client)
    if (site !== undefined && site !== port.site) {
      stats.claimsRefused++
      const detail = `Client id of '${request.client}' is kept for sites`
      return defer(() => done({ ok: false, why: 'unavailable', detail }))
    }
    sessions.orphans.claimed(request.client)
    // A peer has claimed it in the directory itself.
    if (moves !== undefined && port.site && site === undefined)
      return turn.call(() => {
        if (moves.overtakes(request)) sessions.claim(port, request, done, request.epoch)
        else done(OVERTAKEN)
      })
    if (moves === undefined || port.site) return turn.call(() => sessions.claim(port, request, done))
    moves.claim(request, result =>
      turn.call(() => {
        if (typeof result === 'number')
          return sessions.claim(
            port,
            request,
            reply => {
              const unsure = moves.owedOf(request.client)
              done(reply.ok && unsure !== undefined ? { ...reply, unsure } : reply)
            },
            result,
          )
        stats.claimsRefused++
        done(result)
      }),
    )
  }

  publish(message: Message): void {
    const { turn, retained, flights, republished } = this.#core
    const remote = this.#port.unanswered !== undefined
    const s = message.packetId !== 0 || (remote && message.qos > 0) ? this.#publisher(message) : undefined
    // Another edge has the session by now: the publisher, who has no answer, asks there again.
    if (remote && message.qos > 0 && s === undefined && message.sender !== NO_CLIENT) return
    if (message.retain && message.target === NO_CLIENT) retained.accept(message)
    turn.message(message, this.#port)
    if (s === undefined || message.packetId === 0) return
    flights.open(s, message.packetId)
    republished?.published(message)
  }

  subscribe(client: ClientKey, epoch: number, subscriptions: readonly Subscription[], done: () => void): void {
    const { turn, sessions } = this.#core
    const since = turn.next
    turn.call(() => sessions.subscriptions.subscribe(client, epoch, subscriptions, since, done))
  }

  unsubscribe(client: ClientKey, epoch: number, filters: readonly TopicFilter[], done: () => void): void {
    const { turn, sessions } = this.#core
    turn.call(() => sessions.subscriptions.unsubscribe(client, epoch, filters, done))
  }

  retained(
    tenant: Tenant,
    filter: TopicFilter,
    cursor: string | undefined,
    limit: number,
    done: (page: RetainedPage) => void,
  ): void {
    const { turn, retained, now } = this.#core
    turn.call(() => turn.answer(() => done(retained.page(tenant, filter, cursor, limit, now()))))
  }

  journal(client: ClientKey, epoch: number, step: Step, done?: () => void): void {
    const { turn, sessions, flights } = this.#core
    const s = sessions.owned(this.#port, client, epoch)
    if (s === undefined) return
    if (this.#port.unanswered !== undefined) settled(client, step)
    if (step.step === 'rel') this.#core.republished?.released(client, step.packetId)
    flights.step(s, step)
    if (done !== undefined) turn.call(() => turn.answer(done))
  }

  spool(client: ClientKey, epoch: number, message: Message, n = 0): void {
    const { sessions, inboxes, router } = this.#core
    const s = sessions.owned(this.#port, client, epoch)
    if (s === undefined) return this.#strand(client, [message])
    if (this.#port.unanswered !== undefined) settle(message, client)
    inboxes.spool(s, message, router.durably(message), n)
  }

  drain(client: ClientKey, epoch: number, limit: number, done: (page: InboxPage) => void): void {
    const { turn, sessions, inboxes, moves, republished } = this.#core
    const peer = siteOf(client)
    const read = () => {
      const s = sessions.owned(this.#port, client, epoch)
      if (s === undefined) return
      if (this.#port.site !== undefined && s.site === undefined) moves?.read(s)
      inboxes.read(s, limit, (messages, end) => {
        if (end) sessions.caughtUp(s)
        done({ messages: peer === undefined ? messages : this.#withoutTheirs(s, peer, messages), end })
      })
    }
    const begin = () => turn.call(() => turn.answer(read))
    const { site } = this.#port
    if (site === undefined || moves === undefined) begin()
    else if (peer !== undefined) republished?.whenAsked(peer, begin)
    else moves.whenRouted(client, epoch, site, begin)
  }

  save(client: ClientKey, epoch: number, outbound: Outbound): void {
    const { sessions, flights, turn } = this.#core
    const s = sessions.owned(this.#port, client, epoch)
    if (s === undefined) return this.#strand(client, messagesOf(outbound))
    if (this.#port.unanswered !== undefined) for (const message of messagesOf(outbound)) settle(message, client)
    flights.save(s, outbound)
    turn.urge()
  }

  release(client: ClientKey, epoch: number, release: Release, done?: () => void): void {
    const { sessions, turn } = this.#core
    if (release.agoMs !== undefined) return sessions.orphans.recall(client, epoch, release, release.agoMs, done)
    const s = sessions.owned(this.#port, client, epoch)
    if (s === undefined) this.#strand(client, messagesOf(release.outbound))
    else sessions.release(s, release)
    if (done === undefined) return
    if (s?.stored === true) turn.afterCommit(done)
    else turn.call(() => turn.answer(done))
  }

  giveBack(group: TopicFilter, message: Message): void {
    const { router, turn } = this.#core
    // What a peer has read from its inbox is nowhere else.
    if (this.#port.site !== undefined && !router.holds(message)) return turn.message(copyFor(message, group), undefined)
    router.again(group, message, this.#port)
    turn.urge()
  }

  sift(tenant: Tenant, site: string, filters: readonly TopicFilter[], done: (found: readonly Message[]) => void): void {
    this.#core.sift.find(tenant, site, filters, done)
  }

  recall(client: ClientKey, sent: readonly Outgoing[]): void {
    this.#core.recalled?.add(client, sent)
  }

  delivered(message: Message): void {
    this.#core.router.delivered(message)
  }

  /** What that site had before it was published here as well is done for it. */
  #withoutTheirs(s: Session, peer: SiteName, messages: readonly Message[]): readonly Message[] {
    const { republished, flights } = this.#core
    const isTheirs = (message: Message): boolean => republished?.isThere(message, peer) === true
    if (!messages.some(isTheirs)) return messages
    return messages.flatMap(message => {
      if (!isTheirs(message)) return [message]
      if (message.retain) return [retainedOnly(message)]
      flights.step(s, { step: 'done', packetId: 0, message })
      return []
    })
  }

  /** An edge elsewhere had these for a session that it owns no more. Copies of shared groups among them are nowhere else: they go to other members. */
  #strand(client: ClientKey, messages: readonly Message[]): void {
    const { sessions, router } = this.#core
    const port = this.#port
    if (port.unanswered === undefined || messages.length === 0) return
    const stranded = new Set(messages)
    for (const { message, groups } of [...port.unanswered(0)])
      if (stranded.has(message))
        for (const group of groups ?? [])
          if (sessions.isCopyOf(group, message, client) && !sessions.hasTaken(group, message))
            router.again(group, message, port)
  }

  /** The session that published it, if it is connected here. */
  #publisher(message: Message): Session | undefined {
    const s = this.#core.sessions.get(message.sender)
    return s?.presence === 'online' && s.port === this.#port ? s : undefined
  }
}

/** Should the edge die before it answers for the message: this client, or group, has it safe. */
function settle(message: Message, who: ClientKey | TopicFilter): void {
  message.settled ??= new Set()
  message.settled.add(who)
}

function settled(client: ClientKey, step: Step): void {
  if (step.step === 'taken') settle(step.message, step.group)
  else if (step.step === 'done' && step.message !== undefined) settle(step.message, client)
}

const messagesOf = ({ inflight, queue }: Outbound): readonly Message[] => [
  ...inflight.flatMap(f => (f.message === undefined ? [] : [f.message])),
  ...queue,
]
