/** Which filters the sessions of this site have, counted: what other sites are asked for. Knows no link. */
import { DEFAULT_TENANT, type Tenant, type TopicFilter } from '../contract/ids.ts'
import type { CoreStats } from '../stats.ts'
import { parseShare } from '../topic/validate.ts'

/** Told of the first and the last session that has a filter. */
export interface Importer {
  wanted(filter: TopicFilter): void
  unwanted(filter: TopicFilter): void
  /** `done` once the other site sends what matches everything wanted up to now, or is not waited for; at once or later. */
  settle(done: () => void): void
}

/** Every site has its own. */
const SYS_PREFIX = '$SYS/'

export class Exports {
  readonly #stats: Pick<CoreStats, 'nowExportedFilters'>
  /** Sessions by full filter, `$share/…` included. Bounded by what sessions may subscribe to. */
  readonly #counts = new Map<TopicFilter, number>()
  readonly #importers: Importer[] = []

  constructor(stats: Pick<CoreStats, 'nowExportedFilters'>) {
    this.#stats = stats
  }

  get filters(): ReadonlyMap<TopicFilter, number> {
    return this.#counts
  }

  tell(importer: Importer): void {
    this.#importers.push(importer)
  }

  /** A session of this site has this filter, which it had not before. True if nobody had: `settle` before it is told that it is subscribed. */
  add(tenant: Tenant, filter: TopicFilter): boolean {
    if (!crosses(tenant, filter)) return false
    const count = this.#counts.get(filter) ?? 0
    this.#counts.set(filter, count + 1)
    if (count > 0) return false
    this.#stats.nowExportedFilters++
    for (const importer of this.#importers) importer.wanted(filter)
    return true
  }

  /** Once per `add`. */
  remove(tenant: Tenant, filter: TopicFilter): void {
    if (!crosses(tenant, filter)) return
    const count = this.#counts.get(filter)
    if (count === undefined) return
    if (count > 1) return void this.#counts.set(filter, count - 1)
    this.#counts.delete(filter)
    this.#stats.nowExportedFilters--
    for (const importer of this.#importers) importer.unwanted(filter)
  }

  /** `done` once every site that is linked sends what matches, or has taken too long. At once or later. */
  settle(done: () => void): void {
    let left = this.#importers.length + 1
    const one = () => {
      if (--left === 0) done()
    }
    for (const importer of this.#importers) importer.settle(one)
    one()
  }
}

const crosses = (tenant: Tenant, filter: TopicFilter): boolean =>
  tenant === DEFAULT_TENANT && !(parseShare(filter)?.filter ?? filter).startsWith(SYS_PREFIX)
