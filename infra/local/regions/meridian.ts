/** The cores and edges of a region: their command lines and when they are ready. Starts nothing. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { writeJson } from '../json-file.ts'
import { type Lifetime, ManagedProcess, type ProcessSpec } from '../process.ts'
import type { Installation } from './files.ts'
import type { CorePlan, EdgePlan, Plan, RegionPlan } from './plan.ts'
import type { Endpoint } from './relay/line.ts'

/** A whole site starts beside others, and a core that was killed has a lease that has to run out. */
const READY_WITHIN_MS = 120_000
const ASK_MS = 2_000

/** The bundle; the sources would start at a third of the speed. */
export const PROGRAM = new URL('../../../dist/meridian.mjs', import.meta.url).pathname

/** @throws Error if it was not built */
export function requireProgram(program: string): void {
  if (!existsSync(program)) throw new Error(`Program ${program} is not there; 'node infra/build.ts' builds it`)
}

export interface Meridian {
  readonly cores: readonly ManagedProcess[]
  readonly edges: readonly ManagedProcess[]
}

/** @param folder of the region */
export function describeMeridian(
  folder: string,
  installation: Installation,
  region: RegionPlan,
  lifetime: Lifetime,
): Meridian {
  const { plan, program, coreArgs, edgeArgs } = installation
  // In a namespace the address belongs to the region alone.
  const host = plan.network === undefined ? '127.0.0.1' : '0.0.0.0'
  const env = { MERIDIAN_LINK_TOKEN: plan.linkToken }
  const node = (
    kind: 'core' | 'edge',
    { name, ...ports }: CorePlan | EdgePlan,
    words: readonly string[],
    spec: Pick<ProcessSpec, 'isReady' | 'prepare' | 'startsAgain'>,
  ): ManagedProcess =>
    new ManagedProcess(
      {
        name,
        kind,
        command: process.execPath,
        args: [program, kind, '--id', `${region.name}-${name}`, ...words],
        env,
        ports,
        logFile: join(folder, name, 'output.log'),
        readyWithinMs: READY_WITHIN_MS,
        ...spec,
      },
      lifetime,
    )
  const cores = region.cores.map(core => {
    const words = [...coreWords(region, host, core), ...coreArgs]
    // It ends if RocketMQ does not answer soon, as on a machine that does much else.
    return node('core', core, words, { isReady: () => coreIsReady(core, region.cores), startsAgain: true })
  })
  const edges = region.edges.map(edge => {
    const file = join(folder, edge.name, 'edge.yaml')
    // JSON is YAML.
    const prepare = (): void => writeJson(file, { regions: regionList(plan, region) })
    const words = [...edgeWords(plan, region, host, edge), '--config', file, ...edgeArgs]
    return node('edge', edge, words, { prepare, isReady: () => isOk(edge.http, '/readyz') })
  })
  return { cores, edges }
}

function coreWords(region: RegionPlan, host: string, core: CorePlan): string[] {
  const peers = Object.entries(region.elsewhere).flatMap(([site, { cores }]) =>
    cores.flatMap(one => ['--peer', `${site}=${linkUrl(one)}`]),
  )
  return [
    ...['--site', region.name, '--http-host', host, '--http-port', String(core.http)],
    ...['--rocketmq', `127.0.0.1:${region.rocketmq?.proxy}`],
    ...['--state', `redis://${region.redis.host}:${region.redis.port}`],
    ...peers,
  ]
}

/** The cores of its own site come first, then the others. */
function edgeWords({ shape }: Plan, region: RegionPlan, host: string, edge: EdgePlan): string[] {
  const own = region.cores.map(({ http: port }) => ({ host: '127.0.0.1', port }))
  const others = shape.sites.flatMap(site => region.elsewhere[site]?.cores ?? [])
  return [
    ...['--region', region.name, '--host', host],
    ...['--mqtt-port', String(edge.mqtt), '--http-port', String(edge.http), '--allow-anonymous'],
    ...[...own, ...others].flatMap(one => ['--core', linkUrl(one)]),
    ...(own.length > 0 ? ['--site', region.name] : []),
  ]
}

/** What `GET /regions` tells: where devices reach each region directly. */
function regionList({ regions }: Plan, self: RegionPlan): unknown[] {
  return regions.map(({ name, near }) => {
    const elsewhere = self.elsewhere[name]
    return {
      name,
      endpoints: near.edges.flatMap(({ mqtt, http }) => [mqttUrl(mqtt), webSocketUrl(http)]),
      ...(elsewhere && { health: `${httpUrl(elsewhere.http)}/readyz` }),
    }
  })
}

const linkUrl = ({ host, port }: Endpoint): string => `ws://${host}:${port}/link`
export const mqttUrl = ({ host, port }: Endpoint): string => `mqtt://${host}:${port}`
export const webSocketUrl = ({ host, port }: Endpoint): string => `ws://${host}:${port}/mqtt`
export const httpUrl = ({ host, port }: Endpoint): string => `http://${host}:${port}`

/** It runs, and it or another core of the site serves. */
async function coreIsReady({ http }: CorePlan, all: readonly CorePlan[]): Promise<boolean> {
  if (!(await isOk(http, '/healthz'))) return false
  return (await Promise.all(all.map(core => isOk(core.http, '/readyz')))).includes(true)
}

async function isOk(port: number, path: string): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(ASK_MS) })).ok
  } catch {
    return false
  }
}
