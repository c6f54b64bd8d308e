/** All subscriptions of one tenant by filter, and what a topic matches, remembered per topic. Knows no messages. */
import type { TopicFilter } from '../contract/ids.ts'
import type { EdgePort } from '../contract/link.ts'
import type { Session } from '../session/session.ts'
import type { StoredSubscription } from '../state/port.ts'
import type { CoreStats } from '../stats.ts'
import { FilterTree } from '../topic/filter-tree.ts'
import { MatchCache } from '../topic/match-cache.ts'
import { parseShare } from '../topic/validate.ts'
import { Group, type Members, Route } from './route.ts'

export interface EdgeMatch {
  readonly port: EdgePort
  /** Full filters of groups whose online members are all at this edge. */
  readonly groups: readonly TopicFilter[]
}

/** What a topic matches. Not to be changed. */
export interface Match {
  /** Every edge that gets the message whatever groups choose. */
  readonly edges: readonly EdgeMatch[]
  /** Routes with offline sessions. */
  readonly offline: readonly Route[]
  /** Groups that have to choose: between edges, or between offline members. */
  readonly groups: readonly Group[]
}

const NOTHING: Match = { edges: [], offline: [], groups: [] }

export class Routes {
  readonly #tree = new FilterTree<Route>()
  readonly #cache: MatchCache<Match>
  readonly #found: Route[] = []

  /** `cachedTopics`: topics remembered at most, counted in `stats`. */
  constructor(cachedTopics: number, stats: Pick<CoreStats, 'nowCachedTopics'>) {
    this.#cache = new MatchCache(cachedTopics, by => {
      stats.nowCachedTopics += by
    })
  }

  /** Distinct filters. */
  get size(): number {
    return this.#tree.size
  }

  /** A session at this edge subscribes. */
  addOnline(filter: TopicFilter, port: EdgePort): void {
    this.#change(filter, true, members => members.addEdge(port))
  }

  removeOnline(filter: TopicFilter, port: EdgePort): void {
    this.#change(filter, false, members => members.removeEdge(port))
  }

  addOffline(subscription: StoredSubscription, session: Session): void {
    this.#change(subscription.filter, true, members => members.addOffline(session, subscription))
  }

  removeOffline(filter: TopicFilter, session: Session): void {
    this.#change(filter, false, members => members.removeOffline(session))
  }

  match(topic: string): Match {
    const known = this.#cache.get(topic)
    if (known !== undefined) return known
    const found = this.#found
    this.#tree.match(topic, found)
    const match = found.length === 0 ? NOTHING : matchOf(found)
    found.length = 0
    this.#cache.set(topic, match)
    return match
  }

  /** By its full `$share/{group}/{filter}`. */
  group(full: TopicFilter): Group | undefined {
    return this.#tree.get(parseShare(full)?.filter ?? full)?.groups?.get(full)
  }

  /** Routes whose filters match, computed anew: for recovery. */
  routes(topic: string): Route[] {
    const found: Route[] = []
    this.#tree.match(topic, found)
    return found
  }

  /** Changes one filter's members; forgets cached matches only if `change` says that who is there has changed. */
  #change(full: TopicFilter, adding: boolean, change: (members: Members) => boolean): void {
    const share = parseShare(full)
    const filter = share?.filter ?? full
    const route = adding ? this.#tree.getOrAdd(filter, newRoute) : this.#tree.get(filter)
    if (route === undefined) return
    const members = share === undefined ? route : groupOf(route, full, adding)
    if (members === undefined) return
    if (change(members)) this.#cache.invalidateFilter(filter)
    if (adding || !members.isEmpty) return
    if (members !== route) {
      route.groups!.delete(full)
      if (route.groups!.size === 0) route.groups = undefined
    }
    if (route.isEmpty) this.#tree.delete(filter)
  }
}

const newRoute = (): Route => new Route()

function groupOf(route: Route, full: TopicFilter, adding: boolean): Group | undefined {
  const known = route.groups?.get(full)
  if (known !== undefined || !adding) return known
  const group = new Group(full)
  route.groups ??= new Map()
  route.groups.set(full, group)
  return group
}

function matchOf(routes: readonly Route[]): Match {
  const edges = new Map<EdgePort, TopicFilter[]>()
  const add = (port: EdgePort): TopicFilter[] => {
    let groups = edges.get(port)
    if (groups === undefined) edges.set(port, (groups = []))
    return groups
  }
  const offline: Route[] = []
  const groups: Group[] = []
  for (const route of routes) {
    for (const e of route.edges) add(e.port)
    if (route.offline !== undefined) offline.push(route)
    for (const group of route.groups?.values() ?? [])
      if (group.edges.length === 1) add(group.edges[0]!.port).push(group.filter)
      else groups.push(group)
  }
  return { edges: [...edges].map(([port, groups]) => ({ port, groups })), offline, groups }
}
