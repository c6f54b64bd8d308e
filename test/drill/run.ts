/** Runs drills: brings regions up for each scenario, plays its rounds, keeps what a finding needs to be understood, ends everything. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Regions, type RegionsOptions, startRegions } from '../../infra/local/regions/start.ts'
import { sleep, until } from '../harness/process.ts'
import { Recorder } from '../history/recorder.ts'
import { Crowd } from './crowd.ts'
import { ADMIN_TOKEN, DRAIN_CLIENTS_PER_SEC } from './drain.ts'
import { FAULTS } from './faults.ts'
import type { Endpoint } from './member.ts'
import type { DrillResults, Measured } from './results.ts'
import { type RoundResult, runRound, type Stage } from './round.ts'
import type { Turn } from './scenario.ts'
import type { Settings } from './settings.ts'
import { runSteady } from './steady.ts'
import { runTakeover } from './takeover.ts'

export interface DrillEvents {
  step(text: string): void
  /** @param all so far */
  round(result: RoundResult, all: DrillResults): void
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
  const turns = faults.flatMap(scenario =>
    Array.from({ length: settings.rounds }, (_, i) => ({ scenario, seed: settings.seed + i })),
  )
  const rounds: RoundResult[] = []
  // In other regions after a round that was no ground for the next one.
  while (rounds.length < turns.length) await playTurns(settings, turns, rounds, evidence, events)
  const measured: Measured[] = []
  for (const name of settings.scenarios) {
    const run = { takeover: runTakeover, steady: runSteady }[name]
    if (run === undefined) continue
    const result = await run(settings, events.step)
    events.measured(result)
    measured.push(result)
  }
  return resultsOf(settings, rounds, measured)
}

const resultsOf = (
  settings: Settings,
  rounds: readonly RoundResult[],
  measured: readonly Measured[],
): DrillResults => ({ when: new Date().toISOString(), settings, rounds, measured })

/**
 * Plays what of `turns` has no result in `rounds` yet, all in the same regions and with the same devices. The regions have as much as
 * the most demanding scenario needs. Ends early after a round that leaves them unfit for the next one.
 */
async function playTurns(
  settings: Settings,
  turns: readonly Turn[],
  rounds: RoundResult[],
  evidence: string,
  events: DrillEvents,
): Promise<void> {
  const { seed, devices, plain, everyMs, sites } = settings
  const most = (of: 'edges' | 'cores'): number => Math.max(...turns.map(({ scenario }) => scenario[of]))
  const options = { ...shapeOf(settings), edges: most('edges'), cores: most('cores'), onStep: events.step }
  await withRegions(options, async (regions, dir) => {
    const recorder = new Recorder()
    const crowd = new Crowd({ seed, devices, plain, everyMs, reach: reachOf(regions) }, recorder.record)
    const stage: Stage = {
      ...{ regions, settings, sites, crowd, recorder, step: events.step },
      ...{ kept: new Map(), owed: new Map() },
    }
    try {
      events.step(`${devices + plain} devices connect`)
      await crowd.start()
      await until('all devices to be connected', FIRST_MS, () => crowd.isUp || undefined)
      await sleep(LINKED_MS)
      for (const turn of turns.slice(rounds.length)) {
        const result = await runRound(stage, turn, rounds.length + 1)
        if (result.findings.length + result.unfit.length > 0)
          keep(join(evidence, `${turn.scenario.name}-seed${turn.seed}`), dir, recorder, result)
        rounds.push(result)
        events.round(result, resultsOf(settings, rounds, []))
        if (result.unfit.length > 0) return
      }
    } finally {
      await crowd.end()
    }
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
  writeFileSync(join(to, 'findings.txt'), `${[...result.findings, ...result.unfit].join('\n')}\n`)
  writeFileSync(join(to, 'history.jsonl'), recorder.events.map(event => `${JSON.stringify(event)}\n`).join(''))
  const isLog = (path: string): boolean => !/\/(?:store|data|appendonlydir|rocketmq)(?:\/|$)|\.sock$/.test(path)
  if (existsSync(dir)) cpSync(dir, join(to, 'logs'), { recursive: true, filter: isLog })
}
