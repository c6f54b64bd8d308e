/** The map of an installation of regions: who listens where, and which lines of the relays lead from where to where. Starts nothing. */
import { randomBytes } from 'node:crypto'
import { freePorts } from '../ports.ts'
import type { RocketmqPorts } from '../rocketmq/settings.ts'
import { pickPorts } from '../rocketmq/start.ts'
import { addressOf, type Place } from './network.ts'
import type { Shape } from './options.ts'
import type { Endpoint, LineSpec } from './relay/line.ts'

export interface CorePlan {
  readonly name: string
  readonly http: number
}

export interface EdgePlan {
  readonly name: string
  readonly mqtt: number
  readonly http: number
}

/** Where an edge is reached. */
export interface EdgeEndpoints {
  readonly mqtt: Endpoint
  readonly http: Endpoint
}

export interface RegionPlan {
  readonly name: string
  /** Undefined: no site. */
  readonly rocketmq: RocketmqPorts | undefined
  readonly cores: readonly CorePlan[]
  readonly edges: readonly EdgePlan[]
  /** How the host reaches its cores and edges, in their order. */
  readonly near: { readonly cores: readonly Endpoint[]; readonly edges: readonly EdgeEndpoints[] }
  /** How a device that is in another region reaches its first edge. */
  readonly from: Readonly<Record<string, EdgeEndpoints>>
  /** How it reaches Redis, and of other regions the cores and the pages of the first edge. */
  readonly redis: Endpoint
  readonly elsewhere: Readonly<Record<string, { readonly cores: readonly Endpoint[]; readonly http: Endpoint }>>
}

export interface Plan {
  readonly shape: Shape
  /** Number of the installation among those with namespaces; undefined without them. */
  readonly network: number | undefined
  readonly linkToken: string
  readonly redis: {
    readonly port: number
    /** How the host reaches it. */
    readonly near: Endpoint
  }
  readonly regions: readonly RegionPlan[]
  /** Of the relay between the regions, and of the one before devices. */
  readonly lines: { readonly wan: readonly LineSpec[]; readonly devices: readonly LineSpec[] }
}

/** What of a region can be cut off by itself. */
export const WAYS = ['devices', 'wan', 'redis'] as const
export type Way = (typeof WAYS)[number]
export const wayOf = (region: string, way: Way): string => `${region}/${way}`

const LOOPBACK = '127.0.0.1'
const REDIS_PORT = 6379
/** In a namespace every port is free. */
const ROCKETMQ = { namesrv: 9876, broker: 10_911, ha: 10_912, proxy: 9081, proxyRemoting: 9082 }
const [MQTT_PORT, HTTP_PORT, CORE_PORT, LINE_PORT] = [1883, 8080, 8090, 20_000]

/** The processes of a region, before anything is known of the way to them. */
type Members = Pick<RegionPlan, 'name' | 'rocketmq' | 'cores' | 'edges'>

/** @param network its number if it has namespaces */
export async function makePlan(shape: Shape, network: number | undefined): Promise<Plan> {
  const draft = new Draft(shape, network)
  const redis = await draft.redis()
  const members: Members[] = []
  for (const name of shape.regions) members.push(await draft.members(name))
  const regions: RegionPlan[] = []
  for (const one of members) regions.push(await draft.region(one, members, redis.port))
  const { wan, devices } = draft
  return { shape, network, linkToken: randomBytes(16).toString('hex'), redis, regions, lines: { wan, devices } }
}

/** Gives out addresses and ports, and collects the lines that are needed. */
class Draft {
  readonly wan: LineSpec[] = []
  readonly devices: LineSpec[] = []
  readonly #shape: Shape
  readonly #network: number | undefined

  constructor(shape: Shape, network: number | undefined) {
    this.#shape = shape
    this.#network = network
  }

  async redis(): Promise<Plan['redis']> {
    const port = await this.#port(REDIS_PORT)
    const near = { host: this.#address('global'), port }
    // It listens inside of its namespace only.
    if (this.#network !== undefined)
      this.wan.push({ listen: near, target: { host: LOOPBACK, port }, isLong: false, ways: [] })
    return { port, near }
  }

  async members(name: string): Promise<Members> {
    const isSite = this.#shape.sites.includes(name)
    const cores: CorePlan[] = []
    for (let n = 0; isSite && n < this.#shape.cores; n++)
      cores.push({ name: `core-${n + 1}`, http: await this.#port(CORE_PORT + n) })
    const edges: EdgePlan[] = []
    for (let n = 0; n < this.#shape.edges; n++) {
      const mqtt = await this.#port(MQTT_PORT + n)
      edges.push({ name: `edge-${n + 1}`, mqtt, http: await this.#port(HTTP_PORT + n) })
    }
    const rocketmq = isSite ? (this.#network === undefined ? await pickPorts() : ROCKETMQ) : undefined
    return { name, rocketmq, cores, edges }
  }

  async region(one: Members, all: readonly Members[], redisPort: number): Promise<RegionPlan> {
    const { name, cores, edges } = one
    const host = this.#address('devices', name)
    const nearEdges: EdgeEndpoints[] = []
    // Without namespaces also the direct way leads through the relay: it can be cut there.
    for (const { mqtt, http } of edges)
      nearEdges.push(
        this.#network === undefined
          ? { mqtt: await this.#toDevices(name, mqtt, false), http: await this.#toDevices(name, http, false) }
          : { mqtt: { host, port: mqtt }, http: { host, port: http } },
      )
    const from: Record<string, EdgeEndpoints> = {}
    const elsewhere: Record<string, RegionPlan['elsewhere'][string]> = {}
    const first = edges[0]!
    for (const other of all) {
      if (other === one) continue
      from[other.name] = {
        mqtt: await this.#toDevices(name, first.mqtt, true),
        http: await this.#toDevices(name, first.http, true),
      }
      const toCores: Endpoint[] = []
      for (const core of other.cores) toCores.push(await this.#between(name, other.name, core.http))
      elsewhere[other.name] = { cores: toCores, http: await this.#between(name, other.name, other.edges[0]!.http) }
    }
    const near = { cores: cores.map(({ http }) => ({ host, port: http })), edges: nearEdges }
    return { ...one, near, from, elsewhere, redis: await this.#toRedis(name, redisPort) }
  }

  async #toDevices(region: string, port: number, isLong: boolean): Promise<Endpoint> {
    const listen = { host: LOOPBACK, port: await freePorts(1) }
    const target = { host: this.#address('devices', region), port }
    this.devices.push({ listen, target, isLong, ways: [wayOf(region, 'devices')] })
    return listen
  }

  #between(from: string, to: string, port: number): Promise<Endpoint> {
    const target = { host: this.#address('wan', to), port }
    return this.#overWan(this.#address('hub-wan', from), target, [wayOf(from, 'wan'), wayOf(to, 'wan')])
  }

  #toRedis(region: string, port: number): Promise<Endpoint> {
    return this.#overWan(this.#address('hub-redis', region), { host: LOOPBACK, port }, [wayOf(region, 'redis')])
  }

  async #overWan(host: string, target: Endpoint, ways: readonly string[]): Promise<Endpoint> {
    const listen = { host, port: await this.#port(LINE_PORT + this.wan.length) }
    this.wan.push({ listen, target, isLong: true, ways })
    return listen
  }

  #port(inNamespace: number): Promise<number> {
    return this.#network === undefined ? freePorts(1) : Promise.resolve(inNamespace)
  }

  #address(place: Place, region = ''): string {
    return this.#network === undefined ? LOOPBACK : addressOf(this.#network, place, this.#shape.regions.indexOf(region))
  }
}
