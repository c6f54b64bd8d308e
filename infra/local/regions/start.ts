/** Regions as a library, for tests and drills: they end with the program that started them, however that ends. */
import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { Socket } from 'node:net'
import { join, resolve } from 'node:path'
import { UsageError } from '../../cli/misuse.ts'
import { loadInstallation } from './files.ts'
import { GLOBAL, type ProcessState, stateOf } from './group.ts'
import {
  type CutOptions,
  cut,
  down,
  end,
  heal,
  needUp,
  processesOf,
  restore,
  setWan,
  up,
  type WanChange,
} from './installation.ts'
import { namespacesWork } from './network.ts'
import { checkOptions, type RegionsOptions } from './options.ts'
import { type NamedAddress, type RegionAddress, type RegionsStatus, redisUrl, regionAddress, status } from './status.ts'

export type { CutOptions, ProcessState, RegionsOptions, RegionsStatus, WanChange }

export interface Region extends Omit<RegionAddress, 'namespace'> {
  /** As they are at the moment. */
  readonly processes: readonly ProcessState[]
  /** Nothing passes and nobody is told: bytes stop, who dials waits. Default: from devices, other regions and Redis. A second one is in place of the first. */
  cut(options?: CutOptions): Promise<void>
  heal(): Promise<void>
  /** SIGKILL. @param what `all` (default), `site` (RocketMQ and cores), `cores`, `edges`, or the name of a process. Data stays. */
  kill(what?: string): Promise<void>
  /** SIGTERM, SIGKILL after `graceMs` (default 20 000). */
  stop(what: string, graceMs?: number): Promise<void>
  /** Starts what does not run; resolves when the region is ready. @throws Error if it is cut off from what it needs for that */
  restore(): Promise<void>
}

export interface Regions {
  readonly regions: Readonly<Record<string, Region>>
  readonly redis: {
    /** As the host reaches it, without delay. */
    readonly url: string
    kill(): Promise<void>
    restore(): Promise<void>
  }
  /** How a device that is in region `home` reaches each region: its own directly, the others with the delay of the WAN. Without `home` all directly. */
  endpointsFrom(home?: string): NamedAddress[]
  setWan(change: WanChange): Promise<void>
  status(): Promise<RegionsStatus>
  /** Ends every process and removes the namespaces; the folder stays. @param graceMs default 0: SIGKILL */
  stop(graceMs?: number): Promise<void>
}

const STOP_MS = 20_000
const GUARD = new URL('guard.node.ts', import.meta.url).pathname

/** Resolves when all processes of all regions are ready. @throws UsageError; Error of what does not start, then nothing is left running */
export async function startRegions(options: RegionsOptions): Promise<Regions> {
  const dir = resolve(options.dir)
  const { onStep } = options
  checkOptions({ ...options, dir }, namespacesWork())
  if (loadInstallation(dir)?.isUp === true)
    throw new UsageError(`Regions are up in ${dir} already; another folder is needed, or regions:down`)
  const guard = startGuard(dir)
  const stop = async (graceMs = 0): Promise<void> => {
    await down(dir, graceMs, onStep)
    guard.kill('SIGKILL')
  }
  try {
    await up({ ...options, dir })
  } catch (error) {
    await stop()
    throw error
  }
  const { plan } = needUp(dir)
  const all = plan.regions.map(region => regionAddress(plan, region))
  return {
    regions: Object.fromEntries(all.map(one => [one.name, regionOf(dir, one, onStep)])),
    redis: {
      url: redisUrl(plan),
      kill: async () => void (await end(dir, GLOBAL, 'redis', 0)),
      restore: () => restore(dir, GLOBAL, onStep),
    },
    endpointsFrom: home =>
      all.map(({ name, mqtt, ws, http, from }) => ({ name, ...((home && from[home]) || { mqtt, ws, http }) })),
    setWan: change => setWan(dir, change),
    async status() {
      const now = await status(dir)
      if (now === undefined) throw new Error(`Nothing was started in ${dir}`)
      return now
    },
    stop,
  }
}

function regionOf(dir: string, address: RegionAddress, onStep: RegionsOptions['onStep']): Region {
  const { namespace, ...own } = address
  const { name } = own
  return {
    ...own,
    get processes() {
      const installation = loadInstallation(dir)
      return installation === undefined ? [] : processesOf(dir, installation, name).map(stateOf)
    },
    cut: async options => void (await cut(dir, name, options)),
    heal: async () => void (await heal(dir, name)),
    kill: async (what = 'all') => void (await end(dir, name, what, 0)),
    stop: async (what, graceMs = STOP_MS) => void (await end(dir, name, what, graceMs)),
    restore: () => restore(dir, name, onStep),
  }
}

/** Takes everything down when this process is gone: its end is the end of the guard's input. */
function startGuard(dir: string) {
  mkdirSync(dir, { recursive: true })
  const log = openSync(join(dir, 'guard.log'), 'a')
  const guard = spawn(process.execPath, [GUARD, dir], { detached: true, stdio: ['pipe', log, log] })
  closeSync(log)
  guard.on('error', () => {})
  // Neither it nor the way to it keeps this process.
  guard.unref()
  if (guard.stdin instanceof Socket) guard.stdin.unref()
  return guard
}
