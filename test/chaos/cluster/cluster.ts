/** The rig of a whole site: RocketMQ, Redis, two cores of which one stands by, edges, and a relay on every link. */
import { join } from 'node:path'
import { answers, freePorts } from '../../../infra/local/ports.ts'
import { ManagedProcess } from '../../../infra/local/process.ts'
import { type Redis, startRedis } from '../../../infra/local/redis.ts'
import { type Rocketmq, startRocketmq } from '../../../infra/local/rocketmq/start.ts'
import { meridianCommand } from '../../harness/broker.ts'
import { until } from '../../harness/process.ts'
import { clusterFaults } from './faults.ts'
import { Relay } from './relay.ts'
import type { Place, Rig } from './rig.ts'

export interface CoreNode {
  readonly process: ManagedProcess
  /** True if it serves; false if it stands by or does not answer. */
  isActive(): Promise<boolean>
}

export interface EdgeNode {
  readonly process: ManagedProcess
  readonly place: Place
  /** Its links, one to each core. */
  readonly relays: readonly Relay[]
  /** True if a core is linked. */
  isLinked(): Promise<boolean>
}

/** What faults work on. */
export interface Cluster {
  readonly rocketmq: Rocketmq
  readonly redis: Redis
  readonly cores: readonly CoreNode[]
  readonly edges: readonly EdgeNode[]
  /** The core that serves. @throws Error if none does within half a minute. */
  active(): Promise<CoreNode>
}

export interface ClusterOptions {
  readonly folder: string
  readonly edges: number
  /** Times of long outages are multiplied with it: 1 as the table of guarantees has them, less in CI. */
  readonly patience: number
  readonly onStep?: (text: string) => void
}

const READY_MS = 60_000
const TOKEN = 'chaos-chaos-chaos-chaos'

export async function startCluster(options: ClusterOptions): Promise<Rig> {
  const { folder, onStep = () => {} } = options
  const stops: (() => Promise<void> | void)[] = []
  const stop = async (): Promise<void> => {
    for (const one of stops.splice(0).reverse()) await one()
  }
  try {
    const [rocketmq, redis] = await Promise.all([
      startRocketmq({ dir: join(folder, 'rocketmq'), onStep }),
      startRedis({ dir: join(folder, 'redis') }),
    ])
    stops.push(
      () => rocketmq.stop(0),
      () => redis.stop(0),
    )
    const servers = { folder, rocketmq, redis }
    const cores = await Promise.all([1, 2].map(number => coreNode(servers, number)))
    stops.push(async () => void (await Promise.all(cores.map(core => core.process.stop(0)))))
    onStep('cores')
    for (const core of cores) await core.process.start()
    const numbers = Array.from({ length: options.edges }, (_, i) => i + 1)
    const edges = await Promise.all(numbers.map(number => edgeNode(folder, number, cores)))
    stops.push(async () => {
      await Promise.all(edges.map(edge => edge.process.stop(0)))
      for (const relay of edges.flatMap(edge => edge.relays)) relay.close()
    })
    onStep('edges')
    await Promise.all(edges.map(edge => edge.process.start()))
    const cluster: Cluster = { rocketmq, redis, cores, edges, active: () => active(cores) }
    const rig = rigOf(cluster, options, stop)
    await rig.heal()
    return rig
  } catch (error) {
    await stop()
    throw error
  }
}

function rigOf(cluster: Cluster, { folder, patience }: ClusterOptions, stop: () => Promise<void>): Rig {
  const { rocketmq, redis, cores, edges } = cluster
  const processes = [...rocketmq.processes, redis.server, ...cores.map(c => c.process), ...edges.map(e => e.process)]
  return {
    places: edges.map(edge => edge.place),
    faults: clusterFaults(cluster, patience),
    folder,
    async heal() {
      const gone = processes.filter(one => one.pid === undefined)
      const ended = gone.map(one => ({ name: one.name, isCore: one.kind === 'core', log: one.logTail() }))
      for (const one of gone) await one.start()
      await active(cores)
      for (const edge of edges) {
        await until(`${edge.place.name} to be linked`, READY_MS, async () =>
          (await edge.isLinked()) ? true : undefined,
        )
      }
      return ended
    },
    faultsInLogs: () => rocketmq.faults(),
    stop,
  }
}

async function active(cores: readonly CoreNode[]): Promise<CoreNode> {
  return await until('a core to serve', READY_MS, async () => {
    for (const core of cores) if (await core.isActive()) return core
    return undefined
  })
}

interface Servers {
  readonly folder: string
  readonly rocketmq: Rocketmq
  readonly redis: Redis
}

async function coreNode({ folder, rocketmq, redis }: Servers, number: number): Promise<CoreNode> {
  const http = await freePorts(1)
  const stores = ['--rocketmq', rocketmq.endpoint, '--state', redis.url]
  const args = ['core', '--id', `c${number}`, '--site', 's1', '--http-port', String(http), ...stores]
  const process = node(folder, `core${number}`, 'core', { http }, [...args, '--link-token', TOKEN])
  return { process, isActive: () => isReady(http) }
}

async function edgeNode(folder: string, number: number, cores: readonly CoreNode[]): Promise<EdgeNode> {
  const mqtt = await freePorts(2)
  const relays = await Promise.all(cores.map(core => Relay.to(core.process.ports.http ?? 0)))
  const ports = ['--mqtt-port', String(mqtt), '--http-port', String(mqtt + 1)]
  const links = relays.flatMap(relay => ['--core', `ws://127.0.0.1:${relay.port}/link`])
  const name = `edge${number}`
  const args = ['edge', '--id', `e${number}`, '--region', 'r1', '--host', '127.0.0.1', ...ports, ...links]
  const process = node(folder, name, 'edge', { mqtt, http: mqtt + 1 }, [...args, '--link-token', TOKEN])
  return { process, place: { name, port: mqtt }, relays, isLinked: () => isReady(mqtt + 1) }
}

/** A process that counts as started as soon as it answers over HTTP; whether it is ready is asked later. */
function node(
  folder: string,
  name: string,
  kind: 'core' | 'edge',
  ports: { readonly http: number; readonly mqtt?: number },
  words: readonly string[],
): ManagedProcess {
  const [command = '', ...before] = meridianCommand('node')
  const waits = Object.values(ports)
  return new ManagedProcess({
    name,
    kind,
    command,
    args: [...before, ...words],
    ports,
    logFile: join(folder, name, 'output.log'),
    isReady: async () => (await Promise.all(waits.map(answers))).every(Boolean),
  })
}

async function isReady(port: number): Promise<boolean> {
  try {
    const { status } = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(2_000) })
    return status === 200
  } catch {
    return false
  }
}
