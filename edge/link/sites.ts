/**
 * What an edge knows of the cores it may link to, and which of them it should link to: the active one of the preferred site,
 * else of the nearest. Owns that choice and its hysteresis; connects to nothing and reads no clock.
 */
import type { Limits } from '../../core/contract/limits.ts'

/** What a core answered, or that it did not. */
export type Seen =
  | { readonly is: 'active'; readonly site: string; readonly core: string; readonly rttMs: number }
  /** Another core of its site is active, or will be. */
  | { readonly is: 'standby'; readonly site: string; readonly detail: string }
  /** It speaks another version, knows another token, has no room. */
  | { readonly is: 'unfit'; readonly site: string; readonly detail: string }
  | { readonly is: 'silent'; readonly detail: string }

export interface SitesOptions {
  /** URLs. */
  readonly cores: readonly string[]
  /** Site that is taken whenever it has an active core; empty: the nearest. */
  readonly prefer: string
  readonly limits: Pick<Limits, 'siteFailbackMs'>
  /** From 0 to below 1. */
  readonly random: () => number
}

/** A site as metrics show it. */
export interface SiteView {
  readonly site: string
  /** The edge is linked to its active core. */
  readonly linked: boolean
  readonly healthy: boolean
  /** Of a question and its answer, smoothed; undefined before the first. */
  readonly rttMs: number | undefined
}

interface Core {
  readonly url: string
  /** Empty until it is known. */
  site: string
  seen: Seen | undefined
  rttMs: number | undefined
}

type ActiveCore = Core & { readonly rttMs: number }

/** Share of a new measurement in the smoothed one. */
const SMOOTHING = 0.3
/** Another site is nearer only if a round trip takes less than this share of what it takes here, and that many ms less. */
const NEARER_SHARE = 0.75
const NEARER_MS = 5

export class Sites {
  readonly #o: SitesOptions
  readonly #cores: readonly Core[]
  /** A site that is better than the one in use, since when, and how long it has to stay so. */
  #better: { readonly site: string; readonly since: number; readonly waitMs: number } | undefined

  constructor(options: SitesOptions) {
    this.#o = options
    this.#cores = options.cores.map(url => ({ url, site: '', seen: undefined, rttMs: undefined }))
  }

  /** Not all of them are known to be of one site. */
  get several(): boolean {
    const [first, ...others] = this.#cores
    return first !== undefined && others.some(core => core.site === '' || core.site !== first.site)
  }

  /** Every core has said which site it is of, and none is of the preferred one. */
  get preferredIsMissing(): boolean {
    const { prefer } = this.#o
    return prefer !== '' && this.#cores.every(({ site }) => site !== '' && site !== prefer)
  }

  siteOf(url: string): string {
    return this.#core(url).site
  }

  /** What a core said last; undefined if it has not been asked. */
  seen(url: string): Seen | undefined {
    return this.#core(url).seen
  }

  /** All are asked anew: what they said before counts no more. Names and distances stay. */
  forget(): void {
    for (const core of this.#cores) core.seen = undefined
  }

  /** True if it is something else than the time before. */
  note(url: string, seen: Seen): boolean {
    const core = this.#core(url)
    const before = core.seen
    core.seen = seen
    if (seen.is !== 'silent' && seen.site !== '') core.site = seen.site
    if (seen.is === 'active')
      core.rttMs = core.rttMs === undefined ? seen.rttMs : core.rttMs + SMOOTHING * (seen.rttMs - core.rttMs)
    return before?.is !== seen.is
  }

  /** The core to link to; undefined if none is active. */
  best(): string | undefined {
    return this.#best()?.url
  }

  /** A core of that site has answered that none of them is active yet. */
  standsBy(site: string): boolean {
    return site !== '' && this.#cores.some(core => core.site === site && core.seen?.is === 'standby')
  }

  /** A core to move to from the one in use: of a site that has been better for long enough. `now`: ms since the epoch. */
  better(url: string, now: number): string | undefined {
    const best = this.#best()
    if (best === undefined || !this.#isBetter(best, this.#core(url))) {
      this.#better = undefined
      return undefined
    }
    if (this.#better?.site !== best.site) {
      const waitMs = this.#o.limits.siteFailbackMs * (1 + this.#o.random())
      this.#better = { site: best.site, since: now, waitMs }
    }
    return now - this.#better.since >= this.#better.waitMs ? best.url : undefined
  }

  /** Those with a known name. `linked`: URL of the core in use. */
  views(linked: string | undefined): SiteView[] {
    const current = linked === undefined ? '' : this.siteOf(linked)
    const names = new Set(this.#cores.map(core => core.site).filter(site => site !== ''))
    return [...names].map(site => {
      const cores = this.#cores.filter(core => core.site === site)
      const active = cores.find(isActive) ?? cores.find(core => core.rttMs !== undefined)
      return { site, linked: site === current, healthy: site === current || cores.some(isActive), rttMs: active?.rttMs }
    })
  }

  #best(): ActiveCore | undefined {
    const { prefer } = this.#o
    let best: ActiveCore | undefined
    for (const core of this.#cores) {
      if (!isActive(core)) continue
      const preferred = core.site === prefer
      if (best === undefined || (preferred ? best.site !== prefer : best.site !== prefer && core.rttMs < best.rttMs))
        best = core
    }
    return best
  }

  #isBetter(other: ActiveCore, here: Core): boolean {
    const { prefer } = this.#o
    if (other.site === here.site || here.site === prefer) return false
    if (other.site === prefer || here.rttMs === undefined) return true
    return other.rttMs < here.rttMs * NEARER_SHARE && other.rttMs + NEARER_MS <= here.rttMs
  }

  #core(url: string): Core {
    const core = this.#cores.find(one => one.url === url)
    if (core === undefined) throw new RangeError(`Core ${url} is none of this edge's`)
    return core
  }
}

const isActive = (core: Core): core is ActiveCore => core.seen?.is === 'active' && core.rttMs !== undefined
