/** `npm run bench:cluster`: every scenario on a site of real processes, then text and JSON. Exit status 1 if a bar is missed, 2 for a bad option. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { machine } from '../machine.ts'
import { type ClusterResult, type ClusterResults, conclusionOf, linesOf, textOf } from './results.ts'
import { type Length, runScenario, warmUp } from './run.ts'
import { type ClusterScenario, SCENARIOS } from './scenarios.ts'
import { LAYOUTS, type Layout, startBenchSite } from './site.ts'

const LATEST = fileURLToPath(new URL('../results/', import.meta.url))
const PARTIAL = fileURLToPath(new URL('../../../.local/bench/', import.meta.url))
const USAGE = `npm run bench:cluster -- [--only NAME,…] [--secs 10] [--layout free] [--quick]
  --only    scenarios: ${SCENARIOS.map(scenario => scenario.name).join(', ')}
  --secs    measured seconds of each run that has no time of its own
  --layout  ${Object.entries(LAYOUTS)
    .map(([name, text]) => `${name}: ${text}`)
    .join('; ')}
  --quick   3 s per run: a look, not a result`

interface Settings extends Length {
  readonly scenarios: readonly ClusterScenario[]
  readonly layout: Layout
  /** Everything, at full length: the results are kept as the latest. */
  readonly whole: boolean
}

const QUICK_SECS = 3
const WARM_SECS = 5

function settings(args: readonly string[]): Settings {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  const options = { only: text, secs: text, layout: text, quick: flag }
  const { values } = parseArgs({ args: [...args], options, strict: true })
  const names = values.only?.split(',')
  const unknown = names?.find(name => !SCENARIOS.some(scenario => scenario.name === name))
  if (unknown !== undefined) throw new Error(`Flag --only names '${unknown}', which is no scenario`)
  const layout = (Object.keys(LAYOUTS) as Layout[]).find(name => name === (values.layout ?? 'free'))
  if (layout === undefined)
    throw new Error(`Flag --layout is '${values.layout}' but must be one of ${Object.keys(LAYOUTS).join(', ')}`)
  const secs = values.secs === undefined ? 10 : Number(values.secs)
  if (!(secs >= 1 && secs <= 3600))
    throw new Error(`Flag --secs is '${values.secs}' but must be a number from 1 to 3600`)
  const quick = values.quick === true
  const wanted = SCENARIOS.filter(scenario => names?.includes(scenario.name) ?? true)
  return {
    scenarios: quick ? wanted.map(scenario => ({ ...scenario, secs: QUICK_SECS })) : wanted,
    layout,
    secs: quick ? QUICK_SECS : secs,
    warm: WARM_SECS,
    whole: names === undefined && !quick,
  }
}

function settingsOrExit(): Settings {
  const args = process.argv.slice(2)
  if (args.includes('--help')) {
    console.log(USAGE)
    process.exit(0)
  }
  try {
    return settings(args)
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`)
    process.exit(2)
  }
}

async function bench({ scenarios, layout, ...length }: Settings): Promise<ClusterResults> {
  const site = await startBenchSite(layout, text => console.log(text))
  const done: ClusterResult[] = []
  try {
    console.log('Warm-up')
    await warmUp(site)
    for (const scenario of scenarios) {
      const result = await runScenario(scenario, site, length)
      console.log(`\n${linesOf(result).join('\n')}`)
      done.push(result)
    }
  } finally {
    await site.stop()
  }
  const { secs, warm } = length
  return { when: new Date().toISOString(), machine: machine(), layout: LAYOUTS[layout], secs, warm, scenarios: done }
}

const asked = settingsOrExit()
const results = await bench(asked)
const folder = asked.whole ? LATEST : PARTIAL
mkdirSync(folder, { recursive: true })
writeFileSync(`${folder}cluster.json`, `${JSON.stringify(results, undefined, 1)}\n`)
writeFileSync(`${folder}cluster.txt`, textOf(results))
console.log(`\n${conclusionOf(results)}; results in ${folder}`)
if (asked.whole) console.log('npm run bench:readme puts them into README.md')
process.exit(results.scenarios.some(scenario => scenario.bars.some(bar => !bar.met)) ? 1 : 0)
