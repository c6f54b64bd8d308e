/** Carries one message to everybody who wants it: edges, inboxes of offline sessions, groups, the one target. Then answers its publisher. Makes nothing durable itself. */
import { type ClientKey, NO_CLIENT, type Tenant, type TopicFilter } from '../contract/ids.ts'
import type { EdgePort } from '../contract/link.ts'
import type { Message, QoS } from '../contract/message.ts'
import type { Turn } from '../link/turn.ts'
import type { Envelope } from '../log/watermark.ts'
import type { Inboxes } from '../session/inbox.ts'
import type { Session } from '../session/session.ts'
import type { StoredSubscription } from '../state/port.ts'
import type { CoreStats } from '../stats.ts'
import type { Retained } from './retain.ts'
import type { Group, Route } from './route.ts'
import { type Match, Routes } from './routes.ts'

export interface RouterOptions {
  readonly cachedTopics: number
  readonly queueQos0: boolean
  readonly stats: CoreStats
  readonly inboxes: Inboxes
  readonly retained: Retained
  readonly session: (client: ClientKey) => Session | undefined
}

/** A message that edges hold for persistent recipients. */
interface Held {
  readonly envelope: Envelope
  waits: number
}

export class Router {
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

  route(message: Message, from: EdgePort | undefined, envelope: Envelope | undefined): void {
    const { stats } = this.#o
    stats.published++
    if (message.retain) this.#o.retained.apply(message)
    const matched = message.target === NO_CLIENT ? this.#fanOut(message, envelope) : this.#direct(message, envelope)
    if (!matched) stats.unmatched++
    if (message.qos > 0 && from !== undefined) from.receipt(message, matched)
  }

  /** An edge holds the message no more. */
  delivered(message: Message, turn: Turn): void {
    if (message === this.#delivering) {
      this.#early++
      return
    }
    const held = this.#held.get(message)
    if (held === undefined || --held.waits > 0) return
    this.#held.delete(message)
    turn.close(held.envelope)
  }

  /** The message is in the log, which an edge keeps open. */
  holds(message: Message): boolean {
    return this.#held.has(message)
  }

  #fanOut(message: Message, envelope: Envelope | undefined): boolean {
    const match: Match = this.routes(message.tenant).match(message.topic)
    const { edges, offline, groups } = match
    for (let i = 0; i < edges.length; i++) this.#deliver(edges[i]!, message, envelope)
    let matched = edges.length > 0
    if (offline.length > 0 && this.#spool(offline, message)) matched = true
    if (groups.length > 0) {
      const chosen = [...edges]
      for (const group of groups) if (this.#toGroup(group, message, chosen, envelope)) matched = true
    }
    return matched
  }

  /** Only to its target [`$p2p`]: its edge, or its inbox. */
  #direct(message: Message, envelope: Envelope | undefined): boolean {
    const session = this.#o.session(message.target)
    if (session === undefined) return false
    if (session.presence === 'online') this.#deliver(session.port!, message, envelope)
    else if (!session.persistent) return false
    else this.#append(session, message, 2)
    return true
  }

  #deliver(port: EdgePort, message: Message, envelope: Envelope | undefined): void {
    this.#o.stats.handedToEdges++
    if (envelope === undefined) {
      port.deliver(message)
      return
    }
    this.#delivering = message
    this.#early = 0
    const waits = port.deliver(message)
    this.#delivering = undefined
    if (!waits || this.#early > 0) return
    const held = this.#held.get(message)
    if (held !== undefined) held.waits++
    else {
      envelope.open++
      this.#held.set(message, { envelope, waits: 1 })
    }
  }

  /** One copy per session, if one of its subscriptions wants it. False if none does. */
  #spool(routes: readonly Route[], message: Message): boolean {
    if (routes.length === 1) {
      let matched = false
      for (const [session, s] of routes[0]!.offline!)
        if (wants(session, s, message)) {
          matched = true
          this.#append(session, message, s.qos)
        }
      return matched
    }
    const best = new Map<Session, QoS>()
    for (const route of routes)
      for (const [session, s] of route.offline!)
        if (wants(session, s, message) && s.qos >= (best.get(session) ?? 0)) best.set(session, s.qos)
    for (const [session, qos] of best) this.#append(session, message, qos)
    return best.size > 0
  }

  #toGroup(group: Group, message: Message, chosen: EdgePort[], envelope: Envelope | undefined): boolean {
    const port = group.nextEdge(chosen)
    if (port !== undefined) {
      if (!chosen.includes(port)) {
        chosen.push(port)
        this.#deliver(port, message, envelope)
      }
      return true
    }
    return this.#toMember(group, message)
  }

  /** The offline member whose turn it is gets the group's copy, if there is one. `filter`: the full `$share/…`. */
  toOffline(filter: TopicFilter, message: Message): void {
    const group = this.routes(message.tenant).group(filter)
    if (group !== undefined) this.#toMember(group, message)
  }

  #toMember(group: Group, message: Message): boolean {
    const member = group.nextOffline()
    if (member === undefined) return false
    this.#append(member[0], message, member[1].qos)
    return true
  }

  #append(session: Session, message: Message, granted: QoS): void {
    if ((message.qos > 0 && granted > 0) || this.#o.queueQos0) this.#o.inboxes.append(session, message)
  }
}

/** No Local [MQTT-3.8.3-3 of 5.0]. */
const wants = (session: Session, s: StoredSubscription, message: Message): boolean =>
  !s.noLocal || message.sender !== session.client
