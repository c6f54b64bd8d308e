/** What an installation of regions looks like from the host: addresses, and the health of each process. Changes nothing. */
import { loadInstallation } from './files.ts'
import { GLOBAL, groupNamespace, HOST, type ProcessStatus } from './group.ts'
import { httpUrl, mqttUrl, webSocketUrl } from './meridian.ts'
import type { EdgeEndpoints, Plan, RegionPlan } from './plan.ts'
import { groupStatus } from './run-group.ts'

/** URLs of one edge: `mqtt://HOST:PORT`, `ws://HOST:PORT/mqtt`, `http://HOST:PORT`. */
export interface Address {
  readonly mqtt: string
  readonly ws: string
  readonly http: string
}

export interface NamedAddress extends Address {
  readonly name: string
}

/** Of its first edge, and of each. */
export interface RegionAddress extends NamedAddress {
  readonly isSite: boolean
  /** Null without namespaces. */
  readonly namespace: string | null
  readonly edges: readonly NamedAddress[]
  readonly cores: readonly { readonly name: string; readonly http: string }[]
  /** How a device that is in another region reaches it, by the name of that. */
  readonly from: Readonly<Record<string, Address>>
}

export interface RegionStatus extends RegionAddress {
  /** `devices`, `wan`, `redis`: what it is cut off from. */
  readonly cut: readonly string[]
  readonly processes: readonly ProcessStatus[]
}

export interface RegionsStatus {
  readonly namespaces: boolean
  readonly wanMs: number
  readonly loss: number
  readonly global: {
    readonly namespace: string | null
    /** `redis://HOST:PORT`, without delay. */
    readonly redis: string
    readonly processes: readonly ProcessStatus[]
  }
  readonly regions: readonly RegionStatus[]
}

/** Undefined if nothing was ever started there. */
export async function status(dir: string): Promise<RegionsStatus | undefined> {
  const installation = loadInstallation(dir)
  if (installation === undefined) return undefined
  const { plan, conditions } = installation
  const { wanMs, loss, cut } = conditions
  const [shared, host] = await Promise.all([GLOBAL, HOST].map(group => groupStatus(dir, installation, group)))
  const regions = await Promise.all(
    plan.regions.map(async region => {
      const processes = await groupStatus(dir, installation, region.name)
      const own = cut.flatMap(way => (way.startsWith(`${region.name}/`) ? [way.slice(region.name.length + 1)] : []))
      return { ...regionAddress(plan, region), cut: own, processes }
    }),
  )
  const namespace = groupNamespace(plan, GLOBAL) ?? null
  const processes = [...(shared ?? []), ...(host ?? [])]
  return {
    namespaces: plan.network !== undefined,
    ...{ wanMs, loss },
    global: { namespace, redis: redisUrl(plan), processes },
    regions,
  }
}

export const redisUrl = ({ redis: { near } }: Plan): string => `redis://${near.host}:${near.port}`

export function regionAddress(plan: Plan, region: RegionPlan): RegionAddress {
  const { name, near, cores, edges, from } = region
  return {
    name,
    isSite: region.rocketmq !== undefined,
    namespace: groupNamespace(plan, name) ?? null,
    ...addressOf(near.edges[0]!),
    edges: edges.map((edge, i) => ({ name: edge.name, ...addressOf(near.edges[i]!) })),
    cores: cores.map((core, i) => ({ name: core.name, http: httpUrl(near.cores[i]!) })),
    from: Object.fromEntries(Object.entries(from).map(([home, one]) => [home, addressOf(one)])),
  }
}

const addressOf = ({ mqtt, http }: EdgeEndpoints): Address => ({
  mqtt: mqttUrl(mqtt),
  ws: webSocketUrl(http),
  http: httpUrl(http),
})
