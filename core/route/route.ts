/** Who wants what one filter matches: edges by number of online sessions, offline persistent sessions, shared groups. Plain counting; `routes.ts` keeps it in the tree. */
import type { TopicFilter } from '../contract/ids.ts'
import type { EdgePort } from '../contract/link.ts'
import type { Session } from '../session/session.ts'
import type { StoredSubscription } from '../state/port.ts'

interface EdgeCount {
  readonly port: EdgePort
  count: number
}

const NO_EDGES: readonly EdgeCount[] = []

export class Members {
  /** Filters are many and edges few: the array is made to measure. */
  edges: readonly EdgeCount[] = NO_EDGES
  offline: Map<Session, StoredSubscription> | undefined = undefined

  /** True if the edge is new here. */
  addEdge(port: EdgePort): boolean {
    const known = this.edges.find(e => e.port === port)
    if (known === undefined) this.edges = [...this.edges, { port, count: 1 }]
    else known.count++
    return known === undefined
  }

  /** True if it was the edge's last. */
  removeEdge(port: EdgePort): boolean {
    const i = this.edges.findIndex(e => e.port === port)
    if (i < 0 || --this.edges[i]!.count > 0) return false
    this.edges = this.edges.filter(e => e.port !== port)
    return true
  }

  /** True if it is the first. */
  addOffline(session: Session, subscription: StoredSubscription): boolean {
    this.offline ??= new Map()
    this.offline.set(session, subscription)
    return this.offline.size === 1
  }

  /** True if it was the last. */
  removeOffline(session: Session): boolean {
    if (this.offline?.delete(session) !== true || this.offline.size > 0) return false
    this.offline = undefined
    return true
  }

  get isEmpty(): boolean {
    return this.edges.length === 0 && this.offline === undefined
  }
}

export class Group extends Members {
  /** The full `$share/{group}/{filter}`. */
  readonly filter: TopicFilter
  #turn = 0

  constructor(filter: TopicFilter) {
    super()
    this.filter = filter
  }

  /** An edge with an online member: where the message came from, else in turn, each as often as it has members. */
  nextEdge(from: unknown, except?: EdgePort): EdgePort | undefined {
    let members = 0
    for (const { port, count } of this.edges) {
      if (port === from) return port
      if (port !== except && port.site === undefined) members += count
    }
    return this.#inTurn(members, port => port !== except && port.site === undefined)
  }

  /** Another site with an online member, in turn. */
  nextPeer(except?: EdgePort): EdgePort | undefined {
    let peers = 0
    for (const { port, count } of this.edges) if (port !== except && port.site !== undefined) peers += count
    return this.#inTurn(peers, port => port !== except && port.site !== undefined)
  }

  #inTurn(members: number, able: (port: EdgePort) => boolean): EdgePort | undefined {
    if (members === 0) return undefined
    let turn = this.#turn++ % members
    for (const { port, count } of this.edges) {
      if (!able(port)) continue
      if (turn < count) return port
      turn -= count
    }
    return undefined
  }

  /** The offline member of this site whose turn it is. */
  nextOffline(): [Session, StoredSubscription] | undefined {
    return this.#nextOffline(session => session.site === undefined)
  }

  /** The other site, not linked now, whose turn it is. */
  nextAway(): [Session, StoredSubscription] | undefined {
    return this.#nextOffline(session => session.site !== undefined)
  }

  #nextOffline(able: (session: Session) => boolean): [Session, StoredSubscription] | undefined {
    for (const member of this.offline ?? [])
      if (able(member[0])) {
        this.served(member[0])
        return member
      }
    return undefined
  }

  /** An offline member got a message: the others come first now. */
  served(session: Session): void {
    const subscription = this.offline?.get(session)
    if (subscription === undefined) return
    this.offline!.delete(session)
    this.offline!.set(session, subscription)
  }
}

export class Route extends Members {
  /** By the full filter. */
  groups: Map<TopicFilter, Group> | undefined = undefined

  override get isEmpty(): boolean {
    return super.isEmpty && this.groups === undefined
  }
}
