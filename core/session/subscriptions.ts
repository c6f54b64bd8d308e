/** What sessions subscribe to: routed, stored, and asked of other sites. Owns no session and matches no message. */
import { type ClientKey, type TopicFilter, tenantOf } from '../contract/ids.ts'
import type { EdgePort } from '../contract/link.ts'
import type { Subscription } from '../contract/session.ts'
import type { Turn } from '../link/turn.ts'
import type { Routes } from '../route/routes.ts'
import type { Exports } from '../site/exports.ts'
import type { State, StoredSubscription } from '../state/port.ts'
import type { CoreStats } from '../stats.ts'
import type { Session } from './session.ts'

export interface SubscriptionsOptions {
  readonly state: State
  readonly turn: Turn
  readonly stats: CoreStats
  readonly session: (client: ClientKey) => Session | undefined
  readonly routes: (client: ClientKey) => Routes
  /** What other sites are asked for. */
  readonly exports?: Exports | undefined
}

export class Subscriptions {
  readonly #o: SubscriptionsOptions

  constructor(options: SubscriptionsOptions) {
    this.#o = options
  }

  /** In its place in the queue. `since`: log position at the call. */
  subscribe(
    client: ClientKey,
    epoch: number,
    subscriptions: readonly Subscription[],
    since: number,
    done: () => void,
  ): void {
    const s = this.#o.session(client)
    if (s === undefined || s.epoch !== epoch || (s.presence === 'offline' && !s.persistent)) return
    let news = false
    for (const subscription of subscriptions)
      if (this.#add(s, { ...subscription, since: s.subscriptions.get(subscription.filter)?.since ?? since }))
        news = true
    this.#answer(s.persistent && subscriptions.length > 0, news ? () => this.#o.exports!.settle(done) : done)
  }

  /** In its place in the queue. */
  unsubscribe(client: ClientKey, epoch: number, filters: readonly TopicFilter[], done: () => void): void {
    const s = this.#o.session(client)
    if (s === undefined || s.epoch !== epoch) return
    for (const filter of filters) this.#remove(s, filter)
    this.#answer(s.stored && filters.length > 0, done)
  }

  /** It comes from another site with these, offline, and may have had others here. */
  replace(s: Session, subscriptions: readonly Subscription[]): void {
    const wanted = new Set(subscriptions.map(({ filter }) => filter))
    for (const filter of [...s.subscriptions.keys()]) if (!wanted.has(filter)) this.#remove(s, filter)
    const { next } = this.#o.turn
    for (const subscription of subscriptions)
      this.#add(s, { ...subscription, since: s.subscriptions.get(subscription.filter)?.since ?? next })
  }

  /** The session is over. */
  drop(s: Session): void {
    for (const filter of s.subscriptions.keys()) {
      this.#unroute(s, filter)
      this.#unexport(s, filter)
    }
    this.#o.stats.nowSubscriptions -= s.subscriptions.size
  }

  /** What matches goes to where it is connected from now on, unless that is parked. */
  goOnline(s: Session): void {
    s.handed = s.port!.handedOut ?? 0
    const port = s.routedTo
    if (port === undefined) return
    const routes = this.#o.routes(s.client)
    for (const filter of s.subscriptions.keys()) {
      routes.removeOffline(filter, s)
      routes.addOnline(filter, port)
    }
  }

  /** What matches goes to its inbox from now on. `port`: where it went. */
  goOffline(s: Session, port: EdgePort): void {
    const routes = this.#o.routes(s.client)
    for (const subscription of s.subscriptions.values()) {
      routes.removeOnline(subscription.filter, port)
      routes.addOffline(subscription, s)
    }
  }

  /** At start, once all are loaded: other sites are asked for what they have. */
  exportAll(sessions: Iterable<Session>): void {
    for (const s of sessions) for (const filter of s.subscriptions.keys()) this.#export(s, filter)
  }

  /** True if other sites have not been asked for this filter yet. */
  #add(s: Session, stored: StoredSubscription): boolean {
    const { filter } = stored
    const routes = this.#o.routes(s.client)
    const isNew = !s.subscriptions.has(filter)
    s.subscriptions.set(filter, stored)
    const port = s.routedTo
    if (port === undefined) routes.addOffline(stored, s)
    else if (isNew) routes.addOnline(filter, port)
    if (s.persistent) this.#o.state.putSubscription(s.client, stored)
    if (!isNew) return false
    this.#o.stats.nowSubscriptions++
    return this.#export(s, filter)
  }

  #remove(s: Session, filter: TopicFilter): void {
    if (!s.subscriptions.delete(filter)) return
    this.#unroute(s, filter)
    this.#unexport(s, filter)
    this.#o.stats.nowSubscriptions--
    if (s.stored) this.#o.state.deleteSubscription(s.client, filter)
  }

  #unroute(s: Session, filter: TopicFilter): void {
    const routes = this.#o.routes(s.client)
    const port = s.routedTo
    if (port !== undefined) routes.removeOnline(filter, port)
    else routes.removeOffline(filter, s)
  }

  #export(s: Session, filter: TopicFilter): boolean {
    return s.site === undefined && this.#o.exports?.add(tenantOf(s.client), filter) === true
  }

  #unexport(s: Session, filter: TopicFilter): void {
    if (s.site === undefined) this.#o.exports?.remove(tenantOf(s.client), filter)
  }

  #answer(staged: boolean, fn: () => void): void {
    if (staged) this.#o.turn.afterCommit(fn)
    else this.#o.turn.answer(fn)
  }
}
