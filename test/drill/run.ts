/** Runs drills: brings regions up for each scenario, plays its rounds, keeps what a finding needs to be understood, ends everything. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Regions, type RegionsOptions, startRegions } from '../../infra/local/regions/start.ts'
import { seeded } from '../chaos/random.ts'
import { sleep, until } from '../harness/process.ts'
import { Recorder } from '../history/recorder.ts'
import { Crowd } from './crowd.ts'
import { ADMIN_TOKEN, DRAIN_CLIENTS_PER_SEC } from './drain.ts'
import { FAULTS } from './faults.ts'
import type { Endpoint } from './member.ts'
import type { DrillResults, Measured } from './results.ts'
import { type RoundResult, runRound, type Stage } from './round.ts'
import type { Scenario } from './scenario.ts'
import type { Settings } from './settings.ts'
import { runSteady } from './steady.ts'
import { runTakeover } from './takeover.ts'

export interface DrillEvents {
  step(text: string): void
  round(result: RoundResult): void
  measured(result: Measured): void
}

export const SCENARIOS: readonly string[] = [...FAULTS.map(one => one.name), 'takeover', 'steady']

const FIRST_MS = 120_000
/** Sites that have just started do not know yet what the others want. */
const LINKED_MS = 5_000
const DIST = process.env.MERIDIAN_TEST_DIST ?? fileURLToPath(new URL('../../dist', import.meta.url))

/** @param evidence where logs and history of a round with findings go. @throws Error if regions do not start */
export async function runDrills(settings: Settings, evidence: string, events: DrillEvents): Promise<DrillResults> {
  const faults = settings.scenarios.flatMap(name => FAULTS.find(one => one.name === name) ?? [])
  const rounds = faults.length > 0 ? await playFaults(settings, faults, evidence, events) : []
  const measured: Measured[] = []
  for (const name of settings.scenarios) {
    const run = { takeover: runTakeover, steady: runSteady }[name]
    if (run === undefined) continue
    const result = await run(settings, events.step)
    events.measured(result)
    measured.push(result)
  }
  return { when: new Date().toISOString(), settings, rounds, measured }
}

/** All in the same regions, which have as much as the most demanding of them needs, and with the same devices. */
async function playFaults(
  settings: Settings,
  faults: readonly Scenario[],
  evidence: string,
  events: DrillEvents,
): Promise<RoundResult[]> {
  const { seed, devices, plain, everyMs, sites, rounds } = settings
  const [edges, cores] = [Math.max(...faults.map(one => one.edges)), Math.max(...faults.map(one => one.cores))]
  return withRegions({ ...shapeOf(settings), edges, cores, onStep: events.step }, async (regions, dir) => {
    const recorder = new Recorder()
    const crowd = new Crowd({ seed, devices, plain, everyMs, sites, reach: reachOf(regions) }, recorder.record)
    const stage: Stage = {
      ...{ regions, settings, random: seeded(seed), sites, crowd, recorder, step: events.step },
      ...{ kept: new Map(), owed: new Map() },
    }
    const results: RoundResult[] = []
    try {
      events.step(`${devices + plain} devices connect`)
      await crowd.start()
      await until('all devices to be connected', FIRST_MS, () => crowd.isUp || undefined)
      await sleep(LINKED_MS)
      for (const scenario of faults) {
        for (let i = 0; i < rounds; i++) {
          const round = results.length + 1
          const result = await runRound(stage, scenario, round)
          if (result.findings.length > 0)
            keep(join(evidence, `${scenario.name}-seed${seed}-round${round}`), dir, recorder, result)
          results.push(result)
          events.round(result)
        }
      }
    } finally {
      await crowd.end()
    }
    return results
  })
}

/** What the regions of every scenario have in common. */
export const shapeOf = ({ regions, sites, wanMs, namespaces }: Settings): Omit<RegionsOptions, 'dir'> => ({
  ...{ regions, sites, wanMs, program: `${DIST}/meridian.mjs` },
  ...(namespaces !== undefined && { namespaces }),
  edgeArgs: ['--admin-token', ADMIN_TOKEN, '--limits-drain-clients-per-sec', String(DRAIN_CLIENTS_PER_SEC)],
})

/** Brings regions up in a folder of their own, and takes them down whatever happens. */
export async function withRegions<T>(
  options: Omit<RegionsOptions, 'dir'>,
  use: (regions: Regions, dir: string) => Promise<T>,
): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'drill-'))
  let regions: Regions | undefined
  try {
    regions = await startRegions({ ...options, dir })
    return await use(regions, dir)
  } finally {
    await regions?.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Edges as a device of each region reaches them: its own region's first. */
function reachOf(regions: Regions): ReadonlyMap<string, readonly Endpoint[]> {
  return new Map(
    Object.values(regions.regions).map(({ name, edges }) => {
      const own = edges.map(({ mqtt }) => ({ region: name, url: mqtt }))
      const others = regions.endpointsFrom(name).filter(one => one.name !== name)
      return [name, [...own, ...others.map(one => ({ region: one.name, url: one.mqtt }))]]
    }),
  )
}

function keep(to: string, dir: string, recorder: Recorder, result: RoundResult): void {
  rmSync(to, { recursive: true, force: true })
  mkdirSync(to, { recursive: true })
  writeFileSync(join(to, 'findings.txt'), `${result.findings.join('\n')}\n`)
  writeFileSync(join(to, 'history.jsonl'), recorder.events.map(event => `${JSON.stringify(event)}\n`).join(''))
  const isLog = (path: string): boolean => !/\/(?:store|data|appendonlydir|rocketmq)(?:\/|$)|\.sock$/.test(path)
  if (existsSync(dir)) cpSync(dir, join(to, 'logs'), { recursive: true, filter: isLog })
}
