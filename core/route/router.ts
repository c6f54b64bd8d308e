/** Carries one message to everybody who wants it: edges, inboxes of offline sessions, groups, the one target. Then answers its publisher. Makes nothing durable itself. */

import type { Tap } from '../bridge/port.ts'
import { type ClientKey, DEFAULT_TENANT, NO_CLIENT, type Tenant, type TopicFilter } from '../contract/ids.ts'
import type { EdgePort } from '../contract/link.ts'
import type { Message, QoS, Relayed } from '../contract/message.ts'
import type { Publisher, Turn } from '../link/turn.ts'
import type { Envelope } from '../log/watermark.ts'
import type { Inboxes } from '../session/inbox.ts'
import type { Session } from '../session/session.ts'
import { copyFor, copyId } from '../site/copies.ts'
import { siteClient } from '../site/name.ts'
import type { SiteName } from '../site/port.ts'
import type { Recent } from '../site/recent.ts'
import type { RelayedIds } from '../site/relayed-ids.ts'
import type { StoredSubscription } from '../state/port.ts'
import type { CoreStats } from '../stats.ts'
import { type Retained, SYS_PREFIX } from './retain.ts'
import type { Group, Route } from './route.ts'
import { type Match, Routes } from './routes.ts'

export interface RouterOptions {
  readonly cachedTopics: number
  readonly queueQos0: boolean
  readonly stats: CoreStats
  readonly inboxes: Inboxes
  readonly retained: Retained
  readonly session: (client: ClientKey) => Session | undefined
  readonly turn: () => Turn
  /** What has come from other sites. */
  readonly relayed: RelayedIds
  readonly recent: Recent
  /** Who has had what comes from another site, there. */
  readonly had: (message: Message) => ReadonlySet<ClientKey> | undefined
  /** Its target does not live here: false if it lives nowhere else either. */
  readonly elsewhere: (message: Message, envelope: Envelope | undefined) => boolean
}

/** What edges are told that are not the only one: no group chose them. */
const NO_GROUPS: readonly TopicFilter[] = []

/** A message that edges hold for persistent recipients, or a tap. */
interface Held {
  readonly envelope: Envelope
  waits: number
}

export class Router {
  /** There is one edge, in this process: it chooses for every group. */
  alone = false
  /** Sees every message that was published at this site. */
  tap: Tap | undefined = undefined
  /** The sessions of other sites. */
  readonly sites = new Set<Session>()
  readonly #o: RouterOptions
  readonly #tenants = new Map<Tenant, Routes>()
  readonly #held = new Map<Message, Held>()
  #lastTenant: Tenant | undefined = undefined
  #lastRoutes: Routes | undefined = undefined
  /** The message being handed over, and how often it was answered meanwhile. */
  #delivering: Message | undefined = undefined
  #early = 0

  constructor(options: RouterOptions) {
    this.#o = options
  }

  /** The routes of a tenant. */
  routes(tenant: Tenant): Routes {
    if (tenant === this.#lastTenant) return this.#lastRoutes!
    let routes = this.#tenants.get(tenant)
    if (routes === undefined) this.#tenants.set(tenant, (routes = new Routes(this.#o.cachedTopics, this.#o.stats)))
    this.#lastTenant = tenant
    this.#lastRoutes = routes
    return routes
  }

  route(message: Message, from: Publisher | undefined, envelope: Envelope | undefined): void {
    const { stats } = this.#o
    stats.published++
    if (message.retain) this.#o.retained.apply(message)
    if (this.tap !== undefined && message.relayed === undefined) this.#hand(message, envelope, this.tap.offer(message))
    const isForAll = message.target === NO_CLIENT
    // Once more: it may have become known since it was taken in.
    const except = isForAll && message.relayed !== undefined ? this.spare(message) : undefined
    // Who has acknowledged it is added to that set.
    if (this.#o.recent.active && message.qos > 0) this.#o.recent.note(message, except && new Set(except))
    if (from?.giveBack !== undefined) this.#hand(message, envelope, true)
    const matched = isForAll ? this.#fanOut(message, from, envelope, except) : this.#direct(message, envelope)
    if (!matched) stats.unmatched++
    if (message.qos > 0 && from !== undefined) from.receipt(message, matched)
  }

  /** An edge, the tap, or the other site that it came from, holds the message no more. */
  delivered(message: Message): void {
    if (message === this.#delivering) {
      this.#early++
      return
    }
    const held = this.#held.get(message)
    if (held === undefined || --held.waits > 0) return
    this.#held.delete(message)
    this.#o.turn().close(held.envelope)
  }

  /** For a copy of the message in an inbox: when that is durable, the log need not hold it for it. */
  durably(message: Message): (() => void) | undefined {
    return this.#o.turn().share(this.#held.get(message)?.envelope)
  }

  /** At start: somebody holds a message of the log that was there. */
  keep(message: Message, envelope: Envelope): void {
    envelope.open++
    this.#held.set(message, { envelope, waits: 1 })
  }

  /** The message is in the log, which an edge keeps open. */
  holds(message: Message): boolean {
    return this.#held.has(message)
  }

  #fanOut(
    message: Message,
    from: Publisher | undefined,
    envelope: Envelope | undefined,
    except: ReadonlySet<ClientKey> | undefined,
  ): boolean {
    const match: Match = this.routes(message.tenant).match(message.topic)
    if (message.relayed !== undefined) return this.#fanIn(message, message.relayed, match, from, envelope, except)
    const { edges, offline, groups } = match
    let matched = edges.length > 0
    // All sites have the same retained messages, whoever wants them now.
    const everywhere = message.retain && this.sites.size > 0 && crosses(message)
    if (groups.length > 0 || everywhere) {
      if (this.#withGroups(match, message, from, envelope, everywhere)) matched = true
    } else
      for (let i = 0; i < edges.length; i++) {
        const { port, groups } = edges[i]!
        this.#deliver(port, message, groups, envelope)
      }
    if (offline.length > 0 && this.#spool(offline, message, envelope)) matched = true
    if (everywhere)
      for (const s of this.sites)
        if (!isLive(s) && !offline.some(route => route.offline!.has(s))) this.#append(s, message, 2, envelope)
    return matched
  }

  /** Groups choose an edge, or an offline member, first: each edge gets the message once, with all groups it is chosen for. */
  #withGroups(
    match: Match,
    message: Message,
    from: Publisher | undefined,
    envelope: Envelope | undefined,
    everywhere: boolean,
  ): boolean {
    const chosen = new Map<EdgePort, readonly TopicFilter[]>()
    if (everywhere) for (const s of this.sites) if (isLive(s)) chosen.set(s.port!, NO_GROUPS)
    for (const { port, groups } of match.edges) chosen.set(port, groups)
    let matched = match.edges.length > 0
    for (const group of match.groups) {
      const port = group.nextEdge(from) ?? group.nextPeer()
      if (port !== undefined) chosen.set(port, [...(chosen.get(port) ?? NO_GROUPS), group.filter])
      else if (!this.#toMember(group, message, envelope)) continue
      matched = true
    }
    for (const [port, groups] of chosen) this.#deliver(port, message, groups, envelope)
    return matched
  }

  /** What came from another site goes to edges and sessions of this one, and to the groups whose copies were given to it. */
  #fanIn(
    message: Message,
    { groups, only }: Relayed,
    { edges, offline }: Match,
    from: Publisher | undefined,
    envelope: Envelope | undefined,
    except: ReadonlySet<ClientKey> | undefined,
  ): boolean {
    const chosen = new Map<EdgePort, readonly TopicFilter[]>()
    if (!only) for (const { port } of edges) if (port.site === undefined) chosen.set(port, NO_GROUPS)
    let matched = chosen.size > 0
    for (const filter of groups) {
      const group = this.routes(message.tenant).group(filter)
      const port = group?.nextEdge(undefined)
      const member = port === undefined ? group?.nextOffline() : undefined
      if (port !== undefined) chosen.set(port, [...(chosen.get(port) ?? NO_GROUPS), filter])
      else if (member !== undefined) this.#append(member[0], message, member[1].qos, envelope)
      else if (from?.giveBack !== undefined) {
        this.#o.relayed.forget(copyId(message, filter))
        from.giveBack(filter, message)
        continue
      } else if (group === undefined || !this.#toOthers(group, message, envelope)) continue
      matched = true
    }
    for (const [port, groups] of chosen) this.#deliver(port, message, groups, envelope, only, except)
    if (!only && offline.length > 0 && this.#spool(offline, message, envelope, except)) matched = true
    return matched
  }

  /** To one other site: over its link, or into its inbox; '': here. False if it is not known. */
  toSite(site: SiteName, message: Message, envelope: Envelope | undefined): boolean {
    if (site === '') return this.#direct(message, envelope)
    const session = this.#o.session(siteClient(site))
    if (session === undefined) return false
    if (isLive(session)) this.#deliver(session.port!, message, NO_GROUPS, envelope)
    else this.#append(session, message, 2, envelope)
    return true
  }

  /** Of a message from another site: who has had it there, now or when the log is read again. */
  spare(message: Message): ReadonlySet<ClientKey> | undefined {
    for (const client of this.#o.had(message) ?? []) {
      message.settled ??= new Set()
      message.settled.add(client)
      this.#o.turn().had(client, message)
    }
    return message.settled as ReadonlySet<ClientKey> | undefined
  }

  /** Only to its target [`$p2p`]: its edge, or its inbox. */
  #direct(message: Message, envelope: Envelope | undefined): boolean {
    const session = this.#o.session(message.target)
    // Who sent it here may not have known that its client has gone on.
    if (session === undefined || session.moved)
      return (message.relayed === undefined || message.qos > 0) && this.#o.elsewhere(message, envelope)
    if (session.presence === 'online' && !session.parked) this.#deliver(session.port!, message, NO_GROUPS, envelope)
    else if (!session.persistent) return false
    else this.#append(session, message, 2, envelope)
    return true
  }

  #deliver(
    port: EdgePort,
    message: Message,
    groups: readonly TopicFilter[],
    envelope: Envelope | undefined,
    only = false,
    except?: ReadonlySet<ClientKey>,
  ): void {
    this.#o.stats.handedToEdges++
    this.#delivering = message
    this.#early = 0
    if (port.site !== undefined) this.#o.stats.relayedOut++
    const waits = port.deliver(message, this.alone && message.relayed === undefined ? undefined : groups, only, except)
    this.#delivering = undefined
    this.#hand(message, envelope, waits && this.#early === 0)
  }

  /** One more that holds the message, if it does: the log keeps the envelope for it. */
  #hand(message: Message, envelope: Envelope | undefined, waits: boolean): void {
    if (!waits || envelope === undefined) return
    const held = this.#held.get(message)
    if (held !== undefined) held.waits++
    else {
      envelope.open++
      this.#held.set(message, { envelope, waits: 1 })
    }
  }

  /** One copy per session, if one of its subscriptions wants it. False if none does. */
  #spool(
    routes: readonly Route[],
    message: Message,
    envelope: Envelope | undefined,
    except?: ReadonlySet<ClientKey>,
  ): boolean {
    if (routes.length === 1 && except === undefined) {
      let matched = false
      for (const [session, s] of routes[0]!.offline!)
        if (wants(session, s, message)) {
          matched = true
          this.#append(session, message, s.qos, envelope)
        }
      return matched
    }
    const best = new Map<Session, QoS>()
    for (const route of routes)
      for (const [session, s] of route.offline!)
        if (wants(session, s, message) && s.qos >= (best.get(session) ?? 0) && except?.has(session.client) !== true)
          best.set(session, s.qos)
    for (const [session, qos] of best) this.#append(session, message, qos, envelope)
    return best.size > 0
  }

  /** Nobody at `from` took a group's copy: it goes to another edge, or to the offline member whose turn it is. `filter`: the full `$share/…`. */
  again(filter: TopicFilter, message: Message, from: EdgePort): void {
    const group = this.routes(message.tenant).group(filter)
    if (group === undefined) return
    const envelope = this.#held.get(message)?.envelope
    // What came from another site goes to a member of this one if there is any.
    const peer = message.relayed === undefined ? group.nextPeer(from) : undefined
    const port = group.nextEdge(undefined, from) ?? peer
    if (port !== undefined) return this.#deliver(port, message, [filter], envelope, true)
    if (this.#toMember(group, message, envelope) || from.unanswered === undefined) return
    // Members have come to that edge since it gave the copy back; or there are some at another site.
    const back = group.nextEdge(undefined) ?? group.nextPeer()
    if (back?.site !== undefined) this.#o.relayed.forget(copyId(message, filter))
    if (back !== undefined) this.#deliver(back, message, [filter], envelope, true)
  }

  #toMember(group: Group, message: Message, envelope: Envelope | undefined): boolean {
    const member = group.nextOffline()
    if (member !== undefined) this.#append(member[0], message, member[1].qos, envelope)
    else {
      const away = group.nextAway()
      if (away === undefined) return false
      this.#append(away[0], copyFor(message, group.filter), 2, envelope)
    }
    return true
  }

  /** What another site has given back goes on to one that has members, if there is any. */
  #toOthers(group: Group, message: Message, envelope: Envelope | undefined): boolean {
    const port = group.nextPeer()
    if (port === undefined) return this.#toMember(group, message, envelope)
    this.#deliver(port, message, [group.filter], envelope, true)
    return true
  }

  /** A peer is lost that had a group's copy, and may have given it to a member: it stays that site's, which knows. */
  stays(filter: TopicFilter, message: Message, from: EdgePort): void {
    const session = this.#o.session(siteClient(from.site ?? ''))
    if (session === undefined) return this.again(filter, message, from)
    const envelope = this.#held.get(message)?.envelope
    if (isLive(session)) this.#deliver(session.port!, message, [filter], envelope, true)
    else this.#append(session, copyFor(message, filter), 2, envelope)
  }

  #append(session: Session, message: Message, granted: QoS, envelope: Envelope | undefined): void {
    const isSite = session.site !== undefined
    // A site that catches up misses no QoS 0 for that.
    if (isSite && message.qos === 0 && session.presence === 'online' && !message.retain)
      return this.#deliver(session.port!, message, NO_GROUPS, envelope)
    if (!(message.qos > 0 && granted > 0) && !this.#o.queueQos0 && !(isSite && message.retain)) return
    if (isSite) this.#o.stats.relayedOut++
    this.#o.inboxes.append(session, message, this.#o.turn().share(envelope))
  }
}

/** No Local [MQTT-3.8.3-3 of 5.0]. What came from another site goes to no other one. */
const wants = (session: Session, s: StoredSubscription, message: Message): boolean =>
  (!s.noLocal || message.sender !== session.client) && (message.relayed === undefined || session.site === undefined)

/** A session of a site that is linked and has caught up. */
const isLive = (s: Session): boolean => s.presence === 'online' && !s.parked

/** Sites exchange what belongs to the default tenant; each has its own `$SYS`. */
export const crosses = (message: Message): boolean =>
  message.tenant === DEFAULT_TENANT && !message.topic.startsWith(SYS_PREFIX)
