/** What regions may be asked for, and what is wrong with a request. Starts nothing. */
import { UsageError } from '../../cli/misuse.ts'

export interface RegionsOptions {
  /** State, logs and stores are kept in it. */
  readonly dir: string
  /** Each is `a` to `z`, then `a` to `z`, `0` to `9` and `-`; at most 8. */
  readonly regions: readonly string[]
  /** Those that have a RocketMQ and cores. Default: all. Regions without prefer them in this order. */
  readonly sites?: readonly string[]
  /** Delay between regions, and between a region and Redis, one way. Default 50. */
  readonly wanMs?: number
  /** Share of segments lost there, 0 to 1; each stalls its connection for 200 ms or two round trips. Default 0. */
  readonly loss?: number
  /** In each region. Default 1. */
  readonly edges?: number
  /** At each site: one is active, the others stand by. Default 1. */
  readonly cores?: number
  /** Default: true where they can be made. False: TCP relays on the loopback address. */
  readonly namespaces?: boolean
  /** More words for every core and every edge. */
  readonly coreArgs?: readonly string[]
  readonly edgeArgs?: readonly string[]
  /** What is run. Default: dist/meridian.mjs, which has to be built. */
  readonly program?: string
  /** Of RocketMQ. Default ASYNC. */
  readonly flush?: 'ASYNC' | 'SYNC'
  readonly onStep?: (text: string) => void
}

/** What the first `up` in a folder fixes for the following ones. */
export interface Shape {
  readonly regions: readonly string[]
  readonly sites: readonly string[]
  readonly edges: number
  readonly cores: number
  readonly namespaces: boolean
}

export const MAX_REGIONS = 8
export const MAX_EDGES = 8
export const MAX_CORES = 4
const MAX_WAN_MS = 10_000
/** Unix sockets have short paths [unix(7)]. */
const MAX_DIR_BYTES = 80
const NAME = /^[a-z][a-z0-9-]{0,15}$/
/** What else has a folder. */
const RESERVED = ['global', 'host']

/** @throws UsageError that names the value and says what is allowed */
export function checkOptions(options: RegionsOptions, namespacesWork: boolean): Shape {
  const { dir, regions, sites = regions, wanMs = 50, loss = 0, edges = 1, cores = 1 } = options
  const { namespaces = namespacesWork } = options
  checkNames(regions)
  checkSites(sites, regions)
  between('edges', edges, 1, MAX_EDGES)
  between('cores', cores, 1, MAX_CORES)
  checkWan({ wanMs, loss })
  if (Buffer.byteLength(dir) > MAX_DIR_BYTES)
    throw new UsageError(
      `Folder '${dir}' has a path of more than ${MAX_DIR_BYTES} bytes, too long for Unix sockets in it`,
    )
  if (namespaces && !namespacesWork)
    throw new UsageError(
      'Network namespaces cannot be made here: that takes root, ip and nsenter; --no-namespaces works without',
    )
  return { regions, sites, edges, cores, namespaces }
}

/** @throws UsageError */
export function checkWan({ wanMs = 0, loss = 0 }: { readonly wanMs?: number; readonly loss?: number }): void {
  if (!(wanMs >= 0 && wanMs <= MAX_WAN_MS))
    throw new UsageError(`WAN delay is '${wanMs}'; allowed: 0 to ${MAX_WAN_MS} ms`)
  if (!(loss >= 0 && loss < 1)) throw new UsageError(`Loss is '${loss}'; allowed: 0 to less than 1`)
}

function checkNames(regions: readonly string[]): void {
  if (regions.length === 0 || regions.length > MAX_REGIONS)
    throw new UsageError(`Regions are '${regions.join(',')}'; allowed: 1 to ${MAX_REGIONS} names`)
  for (const [i, name] of regions.entries()) {
    if (!NAME.test(name) || RESERVED.includes(name))
      throw new UsageError(
        `Region '${name}' cannot be a name; allowed: a letter, then up to 15 letters, digits or '-', all small, and none of ${RESERVED.join(', ')}`,
      )
    if (regions.indexOf(name) !== i) throw new UsageError(`Region '${name}' is named twice`)
  }
}

function checkSites(sites: readonly string[], regions: readonly string[]): void {
  if (sites.length === 0) throw new UsageError('No site is named; at least one region has to be one')
  for (const [i, name] of sites.entries()) {
    if (!regions.includes(name))
      throw new UsageError(`Site '${name}' is no region; the regions are ${regions.map(one => `'${one}'`).join(', ')}`)
    if (sites.indexOf(name) !== i) throw new UsageError(`Site '${name}' is named twice`)
  }
}

function between(what: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most)
    throw new UsageError(`Number of ${what} is '${value}'; allowed: ${least} to ${most}`)
}
