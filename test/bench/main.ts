/** `npm run bench`: every scenario on every broker, then table, JSON and chart. Exit status 1 if a bar is missed, 2 for a bad option. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { judge } from './bars.ts'
import { chartOf } from './chart.ts'
import { machine } from './machine.ts'
import type { BrokerName, Outcome, Round } from './outcome.ts'
import { barsOf, type Results, type ScenarioResult } from './results.ts'
import { runScenario } from './run-scenario.ts'
import type { BenchScenario } from './scenarios.ts'
import { parseSettings, type Settings, USAGE } from './settings.ts'
import { conclusion, scenarioLines, tableOf } from './table.ts'

const LATEST = fileURLToPath(new URL('./results/', import.meta.url))
const PARTIAL = fileURLToPath(new URL('../../.local/bench/', import.meta.url))

/** All rounds of one scenario; within a round one broker right after the other, so that noise of the machine hits them alike. */
const measure = async (scenario: BenchScenario, settings: Settings): Promise<ScenarioResult> => {
  const brokers = scenario.brokers.filter(broker => settings.brokers.includes(broker))
  const rounds: Round[] = []
  for (let i = 0; i < settings.repeat; i++) {
    const round: Partial<Record<BrokerName, Outcome>> = {}
    for (const broker of brokers) round[broker] = await runScenario(scenario, broker, settings)
    rounds.push(round)
  }
  const { name, title, load, bars } = scenario
  return { name, title, load, rounds, bars: bars.map(bar => judge(bar, rounds)) }
}

const bench = async (settings: Settings): Promise<Results> => {
  const scenarios: ScenarioResult[] = []
  for (const scenario of settings.scenarios) {
    if (!scenario.brokers.some(broker => settings.brokers.includes(broker))) continue
    const result = await measure(scenario, settings)
    console.log(`${scenarioLines(result).join('\n')}\n`)
    scenarios.push(result)
  }
  const { secs, warm, repeat } = settings
  return { when: new Date().toISOString(), machine: machine(), secs, warm, repeat, scenarios }
}

const keep = (results: Results, folder: string): void => {
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}latest.json`, `${JSON.stringify(results, undefined, 1)}\n`)
  writeFileSync(`${folder}latest.txt`, tableOf(results))
  writeFileSync(`${folder}latest.svg`, chartOf(results))
}

const settingsOrExit = (): Settings => {
  const args = process.argv.slice(2)
  if (args.includes('--help')) {
    console.log(USAGE)
    process.exit(0)
  }
  try {
    return parseSettings(args)
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`)
    process.exit(2)
  }
}

const settings = settingsOrExit()
const results = await bench(settings)
const folder = settings.whole ? LATEST : PARTIAL
keep(results, folder)
console.log(`${conclusion(results)}; results in ${folder}`)
if (settings.whole) console.log('npm run bench:readme puts them into README.md')
process.exit(barsOf(results).some(bar => bar.verdict === 'fail') ? 1 : 0)
