/** One installation in one folder: what it consists of, in the order of its start, and how it is started, ended and looked at. Prints nothing. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { describeMeridian, type MeridianPorts } from './meridian.ts'
import { freePorts as anyPort, portOr } from './ports.ts'
import { endProcess, type Identity, type Lifetime, type ManagedProcess, type ProcessKind } from './process.ts'
import { requirePrograms } from './programs.ts'
import { describeRedis } from './redis.ts'
import { describeRestProxy } from './rest-proxy/start.ts'
import { describeRocketmq, pickPorts } from './rocketmq/start.ts'
import { loadState, type State, saveState, withProcess } from './state.ts'

export interface UpOptions {
  readonly dir: string
  /** Takes any free ports instead of the usual ones. An installation keeps the ports it had. */
  readonly freePorts: boolean
  /** MQTT ports of the edges, in place of the usual ones. */
  readonly mqttPorts?: readonly number[]
  /** RocketMQ and Redis, no core and no edges. */
  readonly serversOnly?: boolean
  readonly onStep: (text: string) => void
}

/** Where the servers of an installation answer. */
export interface Endpoints {
  /** `host:port` */
  readonly rocketmq: string
  /** `host:port` */
  readonly namesrv: string
  /** `redis://host:port` */
  readonly redis: string
  readonly rest: { readonly url: string; readonly token: string }
  /** `http://host:port` */
  readonly core: string
  readonly edges: readonly { readonly mqtt: string; readonly http: string }[]
}

export interface Status {
  readonly name: string
  readonly kind: ProcessKind
  /** Null if it does not run. */
  readonly pid: number | null
  readonly ports: Readonly<Record<string, number>>
  readonly health: 'ready' | 'not answering' | 'stopped'
}

/** Processes that are started together. */
interface Part {
  readonly processes: readonly ManagedProcess[]
  start(): Promise<void>
}

/** RocketMQ closes its stores in order; what is then still running is killed. */
const STOP_MS = 20_000

/** Starts what does not run yet. @throws Error of the first server that does not start; those before it go on running */
export async function up({ dir, freePorts, mqttPorts, serversOnly, onStep }: UpOptions): Promise<Endpoints> {
  let state = loadState(dir) ?? (await newState(freePorts, mqttPorts))
  const onSpawn = (started: ManagedProcess): void => {
    state = withProcess(state, started)
    saveState(dir, state)
  }
  const { parts, endpoints } = describe(dir, state, onStep, onSpawn)
  for (const part of serversOnly ? parts.slice(0, -1) : parts) await part.start()
  return endpoints
}

/** Ends every process of the installation, last started first; data, ports and token stay. @returns how many ran */
export async function down(dir: string, onStep: (text: string) => void): Promise<number> {
  const state = loadState(dir)
  if (state === undefined) return 0
  const { parts } = describe(dir, state, onStep)
  let ended = 0
  for (const part of parts.toReversed()) {
    const running = part.processes.filter(one => one.identity !== undefined)
    for (const { name } of running) onStep(`Stopping ${name}`)
    ended += running.length
    await Promise.all(running.map(one => endProcess(one.identity!, STOP_MS)))
  }
  saveState(dir, { ...state, processes: [] })
  return ended
}

/** Empty if nothing was ever started there. */
export async function status(dir: string): Promise<Status[]> {
  const state = loadState(dir)
  if (state === undefined) return []
  const processes = describe(dir, state, () => {}).parts.flatMap(part => part.processes)
  return Promise.all(
    processes.map(async one => {
      const { name, kind, ports, pid = null } = one
      const health = pid === null ? 'stopped' : (await one.isReady()) ? 'ready' : 'not answering'
      return { name, kind, pid, ports, health }
    }),
  )
}

async function newState(freePorts: boolean, mqttPorts: readonly number[] | undefined): Promise<State> {
  const rocketmq = freePorts
    ? await pickPorts()
    : {
        namesrv: await portOr(9876),
        broker: await portOr(10911, -2),
        ha: await portOr(10912),
        proxy: await portOr(8081),
        proxyRemoting: await portOr(8082),
      }
  const ports = {
    rocketmq,
    redis: freePorts ? await anyPort(1) : await portOr(6379),
    rest: freePorts ? await anyPort(1) : await portOr(8079),
    meridian: await meridianPorts(freePorts, mqttPorts),
  }
  return { ports, restToken: randomBytes(16).toString('hex'), processes: [] }
}

async function meridianPorts(freePorts: boolean, mqttPorts: readonly number[] | undefined): Promise<MeridianPorts> {
  const one = (usual: number): Promise<number> => (freePorts ? anyPort(1) : portOr(usual))
  const edge = async (number: 0 | 1, mqtt: number, http: number) => ({
    mqtt: mqttPorts?.[number] ?? (await one(mqtt)),
    http: await one(http),
  })
  return { core: await one(8090), edges: [await edge(0, 1883, 8080), await edge(1, 1884, 8083)] }
}

/** What follows in `parts` may use what comes before. */
function describe(
  dir: string,
  { ports, restToken, processes }: State,
  onStep: (text: string) => void,
  onSpawn: (started: ManagedProcess) => void = () => {},
): { parts: readonly Part[]; endpoints: Endpoints } {
  const adopt = new Map<string, Identity>(processes.map(one => [one.name, one]))
  const lifetime: Lifetime = { outlives: true, adopt, onSpawn }
  const rocketmq = describeRocketmq({ ...lifetime, dir: join(dir, 'rocketmq'), ports: ports.rocketmq, onStep })
  const redis = describeRedis({ ...lifetime, dir: join(dir, 'redis'), port: ports.redis })
  const rest = describeRestProxy({
    ...lifetime,
    dir: join(dir, 'redis-rest'),
    port: ports.rest,
    redisUrl: redis.url,
    token: restToken,
  })
  const state: Part = {
    processes: [redis.server, rest.server],
    async start() {
      onStep('Redis')
      requirePrograms('redis-server')
      await redis.server.start()
      onStep('Redis over REST')
      await rest.server.start()
    },
  }
  const { core, edges } = describeMeridian({
    ...lifetime,
    dir: join(dir, 'meridian'),
    ports: ports.meridian,
    rocketmq: rocketmq.endpoint,
    redis: redis.url,
  })
  const meridian: Part = {
    processes: [core, ...edges],
    async start() {
      onStep('Core')
      await core.start()
      onStep('Edges')
      await Promise.all(edges.map(edge => edge.start()))
    },
  }
  return {
    parts: [rocketmq, state, meridian],
    endpoints: {
      rocketmq: rocketmq.endpoint,
      namesrv: rocketmq.namesrvAddress,
      redis: redis.url,
      rest: { url: rest.url, token: restToken },
      core: `http://127.0.0.1:${ports.meridian.core}`,
      edges: ports.meridian.edges.map(({ mqtt, http }) => ({
        mqtt: `127.0.0.1:${mqtt}`,
        http: `http://127.0.0.1:${http}`,
      })),
    },
  }
}
