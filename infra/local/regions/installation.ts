/** An installation of regions in one folder: up, down, and what can happen to a region. Every call finds the state in the folder; prints nothing. */
import { resolve } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { UsageError } from '../../cli/misuse.ts'
import { endProcess, type ManagedProcess, type ProcessKind } from '../process.ts'
import { requirePrograms } from '../programs.ts'
import { haveJars, provideJars } from '../rocketmq/jars.ts'
import { type Installation, loadInstallation, relaySocket, saveInstallation } from './files.ts'
import { describeGroup, GLOBAL, groupsOf, HOST, relayConditions } from './group.ts'
import { PROGRAM, requireProgram } from './meridian.ts'
import { buildNetwork, claimNetwork, hasNetwork, namespacesWork, pidsIn, removeNetwork, setLinks } from './network.ts'
import { checkOptions, checkWan, type RegionsOptions, type Shape } from './options.ts'
import { makePlan, type Plan, WAYS, type Way, wayOf } from './plan.ts'
import { tellRelay } from './relay/control.ts'
import { startGroup } from './run-group.ts'

export interface CutOptions {
  /** Devices still reach it. */
  readonly wanOnly?: boolean
  /** It still reaches Redis. */
  readonly keepRedis?: boolean
}

export interface WanChange {
  readonly wanMs?: number
  readonly loss?: number
}

const RELAYS = [
  [GLOBAL, 'wan'],
  [HOST, 'devices'],
] as const
/** In this order: what comes first uses what follows. */
const STOPPED_TOGETHER: readonly (readonly ProcessKind[])[] = [
  ['edge'],
  ['core'],
  ['rocketmq-proxy', 'rocketmq-broker', 'rocketmq-namesrv'],
  ['redis', 'relay'],
]

/** Heals, and starts what does not run yet. @throws UsageError; Error of the first server that does not start, those before it go on running */
export async function up(options: RegionsOptions): Promise<void> {
  const dir = resolve(options.dir)
  const { onStep = () => {} } = options
  const installation = await prepare(dir, options)
  // Here, because nothing is reached from inside of a namespace.
  requirePrograms('java', 'redis-server')
  if (!haveJars()) onStep('RocketMQ: download from Maven Central, about 100 MB, once')
  await provideJars()
  for (const group of [GLOBAL, HOST]) await startGroup(dir, installation, group, onStep)
  await applyConditions(dir)
  // Edges of regions without a core of their own are ready only when others have one.
  const { regions, sites } = installation.plan.shape
  const start = (names: readonly string[]): Promise<unknown> =>
    Promise.all(names.map(name => startGroup(dir, installation, name, onStep)))
  await start(sites)
  await start(regions.filter(name => !sites.includes(name)))
}

/** Ends every process, edges first and RocketMQ last, each after `graceMs` at the latest, and removes the namespaces. Data stays. @returns how many ran */
export async function down(dir: string, graceMs: number, onStep: (text: string) => void = () => {}): Promise<number> {
  const installation = loadInstallation(dir)
  if (installation === undefined) return 0
  const { plan } = installation
  const groups = groupsOf(plan).toReversed()
  const running = groups.flatMap(group =>
    processesOf(dir, installation, group).flatMap(one => (one.pid === undefined ? [] : [{ group, one }])),
  )
  for (const part of STOPPED_TOGETHER) {
    const now = running.filter(({ one }) => part.includes(one.kind))
    for (const { group, one } of now) onStep(`${group}: stopping ${one.name}`)
    await Promise.all(now.map(({ one }) => one.stop(graceMs)))
  }
  if (plan.network !== undefined && hasNetwork(plan.network, dir)) {
    const names = [GLOBAL, ...plan.shape.regions]
    for (const pid of pidsIn(plan.network, names)) kill9(pid)
    await removeNetwork(plan.network, plan.shape.regions)
  }
  saveInstallation(dir, { ...installation, isUp: false, conditions: { ...installation.conditions, cut: [] } })
  return running.length
}

/** A second cut of a region is in place of the first. @returns what it is cut off from */
export async function cut(dir: string, region: string, options: CutOptions = {}): Promise<readonly Way[]> {
  const { wanOnly = false, keepRedis = false } = options
  const ways = WAYS.filter(way => way === 'wan' || (way === 'devices' ? !wanOnly : !keepRedis))
  await setWays(dir, region, ways)
  return ways
}

/** @returns what it was cut off from */
export const heal = (dir: string, region: string): Promise<readonly Way[]> => setWays(dir, region, [])

export async function setWan(dir: string, change: WanChange): Promise<void> {
  checkWan(change)
  const installation = needUp(dir)
  const next = { ...installation, conditions: { ...installation.conditions, ...change } }
  saveInstallation(dir, next)
  await applyConditions(dir)
}

/** `all`, `site` (RocketMQ and cores), `cores`, `edges`, or the name of a process. Those of a region end at once, in no order. @param graceMs 0: SIGKILL. @returns names of those that ran */
export async function end(dir: string, group: string, what: string, graceMs: number): Promise<readonly string[]> {
  const installation = needUp(dir)
  const all = processesOf(dir, installation, known(installation.plan, group))
  const chosen = all.filter(one => isPart(one, what))
  if (chosen.length === 0)
    throw new UsageError(
      `Region '${group}' has no '${what}'; allowed: all, ${all.map(one => one.name).join(', ')}, and of a region: site, cores, edges`,
    )
  const running = chosen.flatMap(({ name, identity }) => (identity === undefined ? [] : [{ name, identity }]))
  await Promise.all(running.map(({ identity }) => endProcess(identity, graceMs)))
  return running.map(({ name }) => name)
}

/** Starts what does not run in it; resolves when all of it is ready. @throws UsageError if it is cut off from what it needs to become so */
export async function restore(dir: string, group: string, onStep: (text: string) => void = () => {}): Promise<void> {
  const installation = needUp(dir)
  const { plan, conditions } = installation
  known(plan, group)
  const needs = plan.shape.sites.includes(group) ? 'redis' : 'wan'
  if (conditions.cut.includes(wayOf(group, needs)))
    throw new UsageError(`Region '${group}' is cut off and cannot become ready; heal it first`)
  await startGroup(dir, installation, group, onStep)
}

/** @throws UsageError if nothing runs there */
export function needUp(dir: string): Installation {
  const installation = loadInstallation(dir)
  if (installation === undefined || !installation.isUp)
    throw new UsageError(`No regions are up in ${dir}; npm run regions:up starts some`)
  return installation
}

/** In the order of their start. */
export const processesOf = (dir: string, installation: Installation, group: string): readonly ManagedProcess[] =>
  describeGroup(dir, installation, group).processes

/** Ports and names are those of an earlier `up` in the folder. */
async function prepare(dir: string, options: RegionsOptions): Promise<Installation> {
  const shape = checkOptions({ ...options, dir }, namespacesWork())
  const { wanMs = 50, loss = 0, program = PROGRAM, coreArgs = [], edgeArgs = [], flush = 'ASYNC' } = options
  requireProgram(program)
  const before = loadInstallation(dir)
  if (before !== undefined && !isDeepStrictEqual(before.plan.shape, shape))
    throw new UsageError(`Folder ${dir} holds other regions (${words(before.plan)}); another --dir takes these`)
  const isThere = before?.isUp === true && (before.plan.network === undefined || hasNetwork(before.plan.network, dir))
  const plan = before !== undefined && (isThere || !shape.namespaces) ? before.plan : await newPlan(shape)
  const installation: Installation = {
    plan,
    isUp: true,
    conditions: { wanMs, loss, cut: [] },
    program: resolve(program),
    coreArgs,
    edgeArgs,
    flush,
  }
  if (plan.network !== undefined && !isThere) await build(plan.network, dir, shape.regions)
  saveInstallation(dir, installation)
  return installation
}

async function build(network: number, dir: string, regions: readonly string[]): Promise<void> {
  try {
    buildNetwork(network, dir, regions)
  } catch (error) {
    await removeNetwork(network, regions)
    throw error
  }
}

async function newPlan(shape: Shape): Promise<Plan> {
  if (!shape.namespaces) return makePlan(shape, undefined)
  const network = claimNetwork()
  try {
    return await makePlan(shape, network)
  } catch (error) {
    await removeNetwork(network, [])
    throw error
  }
}

const words = ({ shape: { regions, sites, edges, cores, namespaces } }: Plan): string =>
  `--regions ${regions.join(',')} --sites ${sites.join(',')} --edges ${edges} --cores ${cores}${namespaces ? '' : ' --no-namespaces'}`

/** @returns those that were cut before */
async function setWays(dir: string, region: string, ways: readonly Way[]): Promise<readonly Way[]> {
  const installation = needUp(dir)
  const { plan, conditions } = installation
  if (!plan.shape.regions.includes(region)) throw unknown(plan, region)
  const own = WAYS.map(way => wayOf(region, way))
  const cut = [...conditions.cut.filter(one => !own.includes(one)), ...ways.map(way => wayOf(region, way))]
  const next = { ...installation, conditions: { ...conditions, cut } }
  saveInstallation(dir, next)
  await applyConditions(dir)
  return WAYS.filter(way => conditions.cut.includes(wayOf(region, way)))
}

/** Of several calls at once each does what the last one wants. */
async function applyConditions(dir: string): Promise<void> {
  const installation = needUp(dir)
  const { plan, conditions } = installation
  const { network, shape } = plan
  if (network !== undefined)
    for (const [index, name] of shape.regions.entries())
      setLinks(network, { name, index }, way => conditions.cut.includes(wayOf(name, way)))
  for (const [group, name] of RELAYS) {
    const relay = processesOf(dir, installation, group).find(one => one.name === name)
    // One that does not run reads them from its file when it is started.
    if (relay?.pid !== undefined) await tellRelay(relaySocket(dir, name), relayConditions(needUp(dir)))
  }
}

function kill9(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has just ended.
  }
}

function isPart({ name, kind }: ManagedProcess, what: string): boolean {
  if (what === 'all' || what === name) return true
  if (what === 'edges') return kind === 'edge'
  return (what === 'cores' && kind === 'core') || (what === 'site' && kind !== 'edge')
}

function known(plan: Plan, group: string): string {
  if (!groupsOf(plan).includes(group)) throw unknown(plan, group)
  return group
}

const unknown = ({ shape }: Plan, region: string): UsageError =>
  new UsageError(`Region '${region}' is not known; the regions are ${shape.regions.map(one => `'${one}'`).join(', ')}`)
