/** What runs together in one place, a region or what belongs to none, and in which order it starts. Must run inside of the network namespace of the group, if it has one. */
import { join } from 'node:path'
import { writeJson } from '../json-file.ts'
import { type Lifetime, ManagedProcess, type ProcessKind } from '../process.ts'
import { requirePrograms } from '../programs.ts'
import { describeRedis } from '../redis.ts'
import { describeRocketmq } from '../rocketmq/start.ts'
import { loadState, type Started, saveState, withProcess } from '../state.ts'
import { groupDir, type Installation, relaySocket } from './files.ts'
import { describeMeridian } from './meridian.ts'
import { namespaceOf } from './network.ts'
import type { Plan } from './plan.ts'
import { tellRelay } from './relay/control.ts'
import type { Conditions } from './relay/line.ts'
import type { RelayFile } from './relay/main.node.ts'

export const GLOBAL = 'global'
export const HOST = 'host'

export interface Group {
  /** In the order in which they have to be started. */
  readonly processes: readonly ManagedProcess[]
  /** Starts what does not run; resolves when all answer. @throws Error of the first that does not */
  start(onStep: (text: string) => void): Promise<void>
}

export interface ProcessState {
  readonly name: string
  readonly kind: ProcessKind
  /** Null if it does not run. */
  readonly pid: number | null
  readonly ports: Readonly<Record<string, number>>
  readonly logFile: string
}

export interface ProcessStatus extends ProcessState {
  readonly health: 'ready' | 'not answering' | 'stopped'
}

/** Undefined: it is in the network of the host. */
export const groupNamespace = ({ network }: Plan, group: string): string | undefined =>
  network === undefined || group === HOST ? undefined : namespaceOf(network, group)

/** All groups, in the order of their start. */
export const groupsOf = ({ shape }: Plan): string[] => [GLOBAL, HOST, ...shape.regions]

/** With namespaces it is links that are cut, and the relays know of delay and loss only. */
export const relayConditions = ({ plan, conditions }: Installation): Conditions =>
  plan.network === undefined ? conditions : { ...conditions, cut: [] }

/** Processes that run are found again by what the folder of the group says. */
export function describeGroup(dir: string, installation: Installation, name: string): Group {
  const folder = groupDir(dir, name)
  let state: Started = loadState<Started>(folder) ?? { processes: [] }
  const lifetime: Lifetime = {
    outlives: true,
    adopt: new Map(state.processes.map(one => [one.name, one])),
    onSpawn(started) {
      state = withProcess(state, started)
      saveState(folder, state)
    },
  }
  if (name === GLOBAL) return globalGroup(dir, installation, lifetime)
  if (name === HOST) {
    const relay = describeRelay(dir, 'devices', installation, HOST, lifetime)
    return { processes: [relay], start: () => relay.start() }
  }
  return regionGroup(folder, installation, name, lifetime)
}

export const stateOf = (one: ManagedProcess): ProcessState => ({
  name: one.name,
  kind: one.kind,
  pid: one.pid ?? null,
  ports: one.ports,
  logFile: one.logFile,
})

export function statusOf(processes: readonly ManagedProcess[]): Promise<ProcessStatus[]> {
  return Promise.all(
    processes.map(async one => {
      const state = stateOf(one)
      const health = state.pid === null ? 'stopped' : (await one.isReady()) ? 'ready' : 'not answering'
      return { ...state, health }
    }),
  )
}

function globalGroup(dir: string, installation: Installation, lifetime: Lifetime): Group {
  const { port } = installation.plan.redis
  const redis = describeRedis({ ...lifetime, dir: join(groupDir(dir, GLOBAL), 'redis'), port }).server
  const relay = describeRelay(dir, 'wan', installation, GLOBAL, lifetime)
  return {
    processes: [redis, relay],
    async start(onStep) {
      requirePrograms('redis-server')
      onStep('Redis, relay between regions')
      await Promise.all([redis.start(), relay.start()])
    },
  }
}

function regionGroup(folder: string, installation: Installation, name: string, lifetime: Lifetime): Group {
  const { plan, flush } = installation
  const region = plan.regions.find(one => one.name === name)
  if (region === undefined) throw new Error(`Region '${name}' is not one of this installation`)
  const { rocketmq: ports } = region
  const rocketmq = ports && { ports, dir: join(folder, 'rocketmq'), flush, ...lifetime }
  const { cores, edges } = describeMeridian(folder, installation, region, lifetime)
  return {
    processes: [...(rocketmq ? describeRocketmq(rocketmq).processes : []), ...cores, ...edges],
    async start(onStep) {
      if (rocketmq) await describeRocketmq({ ...rocketmq, onStep }).start()
      if (cores.length > 0) onStep('Cores')
      await Promise.all(cores.map(core => core.start()))
      onStep('Edges')
      await Promise.all(edges.map(edge => edge.start()))
    },
  }
}

const RELAY = new URL('relay/main.node.ts', import.meta.url).pathname

function describeRelay(
  dir: string,
  name: 'wan' | 'devices',
  installation: Installation,
  group: string,
  lifetime: Lifetime,
): ManagedProcess {
  const folder = join(groupDir(dir, group), name)
  const file = join(folder, 'lines.json')
  const socket = relaySocket(dir, name)
  const lines = installation.plan.lines[name]
  return new ManagedProcess(
    {
      name,
      kind: 'relay',
      command: process.execPath,
      args: [RELAY, file, socket],
      ports: {},
      logFile: join(folder, 'output.log'),
      prepare: () => writeJson(file, { lines, conditions: relayConditions(installation) } satisfies RelayFile),
      isReady: async () => (await tellRelay(socket, {})).connections >= 0,
    },
    lifetime,
  )
}
