/** A whole site of real processes in one folder: RocketMQ, Redis, cores and edges. Loopback only; ends with the process that started it. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { answers, freePorts } from '../../infra/local/ports.ts'
import { ManagedProcess } from '../../infra/local/process.ts'
import { type Redis, startRedis } from '../../infra/local/redis.ts'
import { type Rocketmq, startRocketmq } from '../../infra/local/rocketmq/start.ts'
import { meridianCommand } from './broker.ts'
import { until } from './process.ts'

export interface CoreNode {
  readonly process: ManagedProcess
  readonly httpPort: number
  /** True if it serves; false if it stands by or does not answer. */
  isActive(): Promise<boolean>
}

export interface EdgeNode {
  readonly process: ManagedProcess
  readonly name: string
  readonly mqttPort: number
  readonly httpPort: number
  /** True if a core is linked. */
  isLinked(): Promise<boolean>
}

export interface Servers {
  readonly rocketmq: Rocketmq
  readonly redis: Redis
}

export interface Site {
  /** Undefined if the core keeps its data by itself. */
  readonly servers: Servers | undefined
  readonly cores: readonly CoreNode[]
  readonly edges: readonly EdgeNode[]
  /** In the order in which they have to be started. */
  readonly processes: readonly ManagedProcess[]
  /** The core that serves. @throws Error if none does within a minute. */
  active(): Promise<CoreNode>
  /** Resolves when a core serves and every edge is linked. */
  ready(): Promise<void>
  /** SIGKILL to all. The folder stays. */
  stop(): Promise<void>
}

export interface SiteOptions {
  readonly folder: string
  /** `embedded`: a single core with its data in the folder, without RocketMQ and Redis. Default `servers`. */
  readonly stores?: 'servers' | 'embedded'
  readonly cores: number
  readonly edges: number
  /** As for `startRocketmq`. */
  readonly jvmFlags?: readonly string[]
  /** The port under which an edge shall find a core, e.g. that of a relay. Default: the core's own. */
  readonly linkPort?: (edge: number, core: CoreNode) => Promise<number>
  /** More words for each. */
  readonly coreArgs?: readonly string[]
  readonly edgeArgs?: readonly string[]
  readonly onStep?: (text: string) => void
}

const READY_MS = 60_000
const TOKEN = 'a-token-for-tests-only'

interface Stoppable {
  stop(graceMs: number): Promise<void>
}

/** @throws Error with the end of the log of what does not start; then nothing is left running. */
export async function startSite(options: SiteOptions): Promise<Site> {
  const { folder, onStep = () => {}, linkPort = async (_, core) => core.httpPort } = options
  const started: Stoppable[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(started.splice(0).map(one => one.stop(0)))
  }
  try {
    const servers = options.stores === 'embedded' ? undefined : await startServers(options, started)
    const stores = [...storesOf(folder, servers), ...(options.coreArgs ?? [])]
    const cores = await Promise.all(numbers(options.cores).map(number => coreNode(folder, number, stores)))
    started.push(...cores.map(core => core.process))
    onStep('Cores')
    for (const core of cores) await core.process.start()
    const edgeOf = async (number: number): Promise<EdgeNode> =>
      edgeNode(folder, number, await Promise.all(cores.map(core => linkPort(number, core))), options.edgeArgs ?? [])
    const edges = await Promise.all(numbers(options.edges).map(edgeOf))
    started.push(...edges.map(edge => edge.process))
    onStep('Edges')
    await Promise.all(edges.map(edge => edge.process.start()))
    const nodes = [...cores, ...edges].map(node => node.process)
    const site: Site = {
      ...{ servers, cores, edges, stop },
      processes: [...(servers === undefined ? [] : [...servers.rocketmq.processes, servers.redis.server]), ...nodes],
      active: () => active(cores),
      async ready() {
        await active(cores)
        for (const { name, isLinked } of edges)
          await until(`${name} to be linked`, READY_MS, async () => (await isLinked()) || undefined)
      },
    }
    await site.ready()
    return site
  } catch (error) {
    await stop()
    throw error
  }
}

async function startServers(
  { folder, jvmFlags, onStep = () => {} }: SiteOptions,
  started: Stoppable[],
): Promise<Servers> {
  onStep('RocketMQ and Redis')
  const rocketmq = await startRocketmq({ dir: join(folder, 'rocketmq'), ...(jvmFlags && { jvmFlags }) })
  started.push(rocketmq)
  const dir = join(folder, 'redis')
  mkdirSync(dir, { recursive: true })
  const redis = await startRedis({ dir })
  started.push(redis)
  return { rocketmq, redis }
}

const storesOf = (folder: string, servers: Servers | undefined): string[] =>
  servers === undefined
    ? ['--data-dir', join(folder, 'data')]
    : ['--rocketmq', servers.rocketmq.endpoint, '--state', servers.redis.url]

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)

const active = (cores: readonly CoreNode[]): Promise<CoreNode> =>
  until('a core to serve', READY_MS, async () => {
    for (const core of cores) if (await core.isActive()) return core
    return undefined
  })

async function coreNode(folder: string, number: number, stores: readonly string[]): Promise<CoreNode> {
  const http = await freePorts(1)
  const name = `core${number}`
  const args = ['core', '--id', `c${number}`, '--site', 's1', '--http-host', '127.0.0.1', '--http-port', String(http)]
  const process = nodeOf(folder, name, 'core', { http }, [...args, ...stores])
  return { process, httpPort: http, isActive: () => isReady(http) }
}

async function edgeNode(
  folder: string,
  number: number,
  links: readonly number[],
  more: readonly string[],
): Promise<EdgeNode> {
  const mqtt = await freePorts(2)
  const http = mqtt + 1
  const name = `edge${number}`
  const ports = ['--host', '127.0.0.1', '--mqtt-port', String(mqtt), '--http-port', String(http)]
  const cores = links.flatMap(port => ['--core', `ws://127.0.0.1:${port}/link`])
  const args = ['edge', '--id', `e${number}`, '--region', 'r1', ...ports, ...cores, '--allow-anonymous', ...more]
  const process = nodeOf(folder, name, 'edge', { mqtt, http }, args)
  return { process, name, mqttPort: mqtt, httpPort: http, isLinked: () => isReady(http) }
}

/** It counts as started as soon as its ports answer; whether it is ready is asked later. */
function nodeOf(
  folder: string,
  name: string,
  kind: 'core' | 'edge',
  ports: Readonly<Record<string, number>>,
  words: readonly string[],
): ManagedProcess {
  const [command = '', ...before] = meridianCommand('node')
  return new ManagedProcess({
    name,
    kind,
    command,
    args: [...before, ...words, '--link-token', TOKEN],
    ports,
    logFile: join(folder, name, 'output.log'),
    readyWithinMs: READY_MS,
    isReady: async () => (await Promise.all(Object.values(ports).map(answers))).every(Boolean),
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
