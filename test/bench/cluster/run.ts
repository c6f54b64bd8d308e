/** Runs one scenario of the cluster benchmark on a site that is up. A failure is a result, never an exception. */
import { fileURLToPath } from 'node:url'
import { nowMs, sleep } from '../load/clock.ts'
import type { LoadReport } from '../load/report.ts'
import { runCommand } from '../processes.ts'
import { type ClusterResult, judge } from './results.ts'
import { type ClusterScenario, isHeld } from './scenarios.ts'
import type { BenchSite } from './site.ts'

const LOAD = fileURLToPath(new URL('../load/main.ts', import.meta.url))
/** What connecting, filling and waiting for stragglers may take on top of the measured time. */
const SLACK_MS = 240_000
const SETTLE_MS = 2_000
/** A look at whether a rate is worth its whole time. */
const LOOK_SECS = 6

export interface Length {
  readonly secs: number
  readonly warm: number
}

export async function runScenario(scenario: ClusterScenario, bench: BenchSite, length: Length): Promise<ClusterResult> {
  const { name, title, load, reference } = scenario
  const about = { name, title, load, ...(reference !== undefined && { reference }) }
  const secs = scenario.secs ?? length.secs
  const [beginMs, before] = [nowMs(), bench.cpu()]
  try {
    const { report, tried } =
      scenario.rates === undefined
        ? { report: await generate(load, bench, { ...length, secs }), tried: undefined }
        : await highest(scenario, bench, { ...length, secs })
    const cores = coresOf(before, bench.cpu(), (nowMs() - beginMs) / 1000)
    const trouble = bench.trouble()
    if (trouble.length > 0) throw new Error(trouble.join('\n'))
    return { ...about, report, ...(tried !== undefined && { tried }), cores, bars: judge(scenario, report) }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const cores = coresOf(before, bench.cpu(), (nowMs() - beginMs) / 1000)
    return { ...about, why, cores, bars: judge(scenario, undefined) }
  } finally {
    await sleep(SETTLE_MS)
  }
}

/** Java compiles what is used often, for some ten seconds of full load: the first scenarios would measure that. */
export const warmUp = (bench: BenchSite): Promise<unknown> =>
  generate('--scenario p2p --pubs 100 --rate 5000 --qos 1 --window 200', bench, { secs: 25, warm: 0 })

async function generate(load: string, { site, generator }: BenchSite, { secs, warm }: Length): Promise<LoadReport> {
  const [edge, other] = site.edges
  const target = [
    '--addr',
    `127.0.0.1:${edge?.mqttPort}`,
    '--other-port',
    String(other?.mqttPort ?? 0),
    '--workers',
    '1',
  ]
  const time = ['--secs', String(secs), '--warm', String(warm)]
  const command = [...generator, process.execPath, LOAD, ...target, ...load.split(' '), ...time]
  return JSON.parse(await runCommand(command, (secs + warm) * 1000 + SLACK_MS)) as LoadReport
}

interface Highest {
  readonly report: LoadReport
  readonly tried: readonly (readonly [rate: number, held: boolean])[]
}

/** Climbs while short looks are held, then wants the whole time, one step lower each time it fails. */
async function highest(scenario: ClusterScenario, bench: BenchSite, length: Length): Promise<Highest> {
  const rates = scenario.rates ?? []
  const tried: [number, boolean][] = []
  const at = async (rate: number, secs: number): Promise<LoadReport> => {
    const report = await generate(`${scenario.load} --rate ${rate}`, bench, { ...length, secs })
    tried.push([rate, isHeld(report)])
    await sleep(SETTLE_MS)
    return report
  }
  let top = 0
  while (top < rates.length && isHeld(await at(rates[top]!, Math.min(LOOK_SECS, length.secs)))) top++
  for (let step = Math.max(0, top - 1); ; step--) {
    const report = await at(rates[step]!, length.secs)
    if (isHeld(report) || step === 0) return { report, tried }
  }
}

/** Cores used by kind of process. */
function coresOf(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
  secs: number,
): Record<string, number> {
  const cores: Record<string, number> = {}
  for (const [name, cpuSecs] of after) {
    const kind = ['namesrv', 'broker', 'proxy'].includes(name) ? 'RocketMQ' : name
    cores[kind] = (cores[kind] ?? 0) + (cpuSecs - (before.get(name) ?? 0)) / secs
  }
  return cores
}
