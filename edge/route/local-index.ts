/** Which sessions at this edge get a message: an index of their filters, with the answer for a topic kept until a filter that may match it changes. */
import type { Tenant, TopicFilter } from '../../core/contract/ids.ts'
import type { Subscription } from '../../core/contract/session.ts'
import { FilterTree } from '../../core/topic/filter-tree.ts'
import { MatchCache } from '../../core/topic/match-cache.ts'
import { parseShare } from '../../core/topic/validate.ts'
import type { Session } from '../session/session.ts'
import type { ShareStrategy } from '../settings.ts'
import type { EdgeStats } from '../stats.ts'
import { ShareGroup } from './share.ts'
import { SmallMap } from './small-map.ts'
import { mergeTarget, type Target, targetOf } from './target.ts'

export interface Match {
  readonly targets: readonly Target[]
  readonly groups: readonly ShareGroup[]
}

/** What hangs on one filter. */
class Subscribers {
  readonly sessions = new SmallMap<Session, Subscription>()
  groups: Map<string, ShareGroup> | undefined

  get empty(): boolean {
    return this.sessions.size === 0 && (this.groups === undefined || this.groups.size === 0)
  }
}

const NOTHING: Match = { targets: [], groups: [] }

interface LocalIndexOptions {
  /** Topics remembered per tenant. */
  readonly routeCacheTopics: number
  readonly sharedStrategy: ShareStrategy
  readonly stats: Pick<EdgeStats, 'nowCachedTopics'>
}

/** One index per tenant: no message ever leaves its own. A tenant is known as long as a session of it subscribes. */
export class LocalIndex {
  readonly #options: LocalIndexOptions
  readonly #tenants = new Map<Tenant, TenantIndex>()
  #lastTenant: Tenant | undefined
  #last: TenantIndex | undefined

  constructor(options: LocalIndexOptions) {
    this.#options = options
  }

  /** Adds or replaces. */
  add(session: Session, subscription: Subscription): void {
    const { tenant } = session.identity
    let index = this.#of(tenant)
    if (index === undefined) {
      index = new TenantIndex(this.#options)
      this.#tenants.set(tenant, index)
      this.#lastTenant = undefined
    }
    index.add(session, subscription)
  }

  remove(session: Session, full: TopicFilter): void {
    const { tenant } = session.identity
    const index = this.#of(tenant)
    index?.remove(session, full)
    if (index?.isEmpty !== true) return
    index.forgetTopics()
    this.#tenants.delete(tenant)
    this.#lastTenant = undefined
  }

  match(tenant: Tenant, topic: string): Match {
    return this.#of(tenant)?.match(topic) ?? NOTHING
  }

  #of(tenant: Tenant): TenantIndex | undefined {
    if (tenant === this.#lastTenant) return this.#last
    this.#lastTenant = tenant
    this.#last = this.#tenants.get(tenant)
    return this.#last
  }
}

class TenantIndex {
  readonly #tree = new FilterTree<Subscribers>()
  readonly #cache: MatchCache<Match>
  readonly #strategy: ShareStrategy
  readonly #found: Subscribers[] = []

  constructor(options: LocalIndexOptions) {
    const { stats } = options
    this.#cache = new MatchCache(options.routeCacheTopics, by => {
      stats.nowCachedTopics += by
    })
    this.#strategy = options.sharedStrategy
  }

  get isEmpty(): boolean {
    return this.#tree.size === 0
  }

  forgetTopics(): void {
    this.#cache.invalidate()
  }

  add(session: Session, subscription: Subscription): void {
    const shared = parseShare(subscription.filter)
    const filter = shared?.filter ?? subscription.filter
    const at = this.#tree.getOrAdd(filter, () => new Subscribers())
    if (shared === undefined) at.sessions.set(session, subscription)
    else {
      at.groups ??= new Map()
      let group = at.groups.get(shared.group)
      if (group === undefined) {
        group = new ShareGroup(subscription.filter, this.#strategy)
        at.groups.set(shared.group, group)
      }
      group.set(session, subscription)
    }
    this.#cache.invalidateFilter(filter)
  }

  remove(session: Session, full: TopicFilter): void {
    const shared = parseShare(full)
    const filter = shared?.filter ?? full
    const at = this.#tree.get(filter)
    if (at === undefined) return
    if (shared === undefined) at.sessions.delete(session)
    else {
      const group = at.groups?.get(shared.group)
      group?.delete(session)
      if (group?.size === 0) at.groups?.delete(shared.group)
    }
    if (at.empty) this.#tree.delete(filter)
    this.#cache.invalidateFilter(filter)
  }

  match(topic: string): Match {
    return this.#cache.get(topic) ?? this.#compute(topic)
  }

  #compute(topic: string): Match {
    const found = this.#found
    found.length = 0
    this.#tree.match(topic, found)
    const match = found.length === 1 ? single(found[0]!) : several(found)
    found.length = 0
    this.#cache.set(topic, match)
    return match
  }
}

const groupsOf = (s: Subscribers): ShareGroup[] => (s.groups === undefined ? [] : [...s.groups.values()])

function single(s: Subscribers): Match {
  const targets: Target[] = []
  s.sessions.forEach((subscription, session) => {
    targets.push(targetOf(session, subscription))
  })
  return { targets, groups: groupsOf(s) }
}

/** A session with several matching filters gets one copy. */
function several(found: readonly Subscribers[]): Match {
  const bySession = new Map<Session, Subscription[]>()
  for (const s of found)
    s.sessions.forEach((subscription, session) => {
      const list = bySession.get(session)
      if (list === undefined) bySession.set(session, [subscription])
      else list.push(subscription)
    })
  const targets: Target[] = []
  for (const [session, subscriptions] of bySession) targets.push(mergeTarget(session, subscriptions))
  return { targets, groups: found.flatMap(groupsOf) }
}
