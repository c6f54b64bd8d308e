/** Every implementation of the directory for its contract suite: several sites that share one global state, each of which can be cut off from it. */

import { DEFAULT_LIMITS } from '../../core/contract/limits.ts'
import { Globe, MemoryDirectory } from '../../core/site/memory.ts'
import type { Directory } from '../../core/site/port.ts'
import { MemoryState } from '../../core/state/memory.ts'
import type { State } from '../../core/state/port.ts'
import { RedisDirectory } from '../../core/state/redis/directory.ts'
import { type Driver, RedisError } from '../../core/state/redis/driver.ts'
import { type DriverName, Holder, type Servers } from '../integration/redis/servers.ts'

export const SITES = ['a', 'b', 'c'] as const
export type Site = (typeof SITES)[number]

export interface DirectoryBox {
  readonly directory: Readonly<Record<Site, Directory>>
  readonly state: Readonly<Record<Site, State>>
  /** The site cannot reach what is global, or can again. */
  cut(site: Site, on: boolean): void
  dispose(): void
}

const bySite = <T>(make: (site: Site) => T): Record<Site, T> => ({ a: make('a'), b: make('b'), c: make('c') })

export function memoryBox(): DirectoryBox {
  const globe = new Globe({ now: Date.now })
  const state = bySite(() => new MemoryState())
  for (const site of SITES) globe.place(site, state[site])
  const directory = bySite(site => new MemoryDirectory(globe, site))
  return {
    directory,
    state,
    cut(site, on) {
      directory[site].reachable = !on
    },
    dispose() {},
  }
}

let boxes = 0

export async function redisBox(servers: Servers, name: DriverName): Promise<DirectoryBox> {
  const prefix = `box-${++boxes}:`
  const cuts = new Set<Site>()
  const driver = await servers.open(name)
  const take = (site: Site) =>
    Holder.take(
      severable(driver, () => cuts.has(site)),
      site,
      { prefix },
    )
  const holders = { a: await take('a'), b: await take('b'), c: await take('c') }
  const directory = bySite(
    site => new RedisDirectory({ ...holders[site], site, limits: DEFAULT_LIMITS, timeoutMs: 5_000 }),
  )
  return {
    directory,
    state: bySite(site => holders[site].state),
    cut(site, on) {
      if (on) cuts.add(site)
      else cuts.delete(site)
    },
    dispose() {
      for (const site of SITES) directory[site].close()
      driver.close()
    },
  }
}

/** The same, failing while it is cut. */
function severable(driver: Driver, isCut: () => boolean): Driver {
  const run: Driver['run'] = async (script, keys, args) => {
    if (isCut()) throw new RedisError(`Redis at '${driver.address}' is cut off`)
    return driver.run(script, keys, args)
  }
  return new Proxy(driver, { get: (target, name) => (name === 'run' ? run : Reflect.get(target, name, target)) })
}
