/** `npm run drill`: plays disasters on several regions of this machine under load, and holds what devices saw against the bars. Exit status 1 if one is missed or anything was found, 2 for a bad option. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { barsTable, conclusionOf, isFine, type KeptResults, linesOf, measuredText, tableOf } from './report.ts'
import { barsOf, type DrillResults } from './results.ts'
import { runDrills, SCENARIOS } from './run.ts'
import { parseSettings, type Settings, USAGE } from './settings.ts'

const EVIDENCE = fileURLToPath(new URL('../../.local/drill/', import.meta.url))
const PUBLISHED = fileURLToPath(new URL('results/', import.meta.url))

function settingsOrExit(): Settings {
  const args = process.argv.slice(2)
  if (args.includes('--help')) {
    console.log(USAGE)
    process.exit(0)
  }
  try {
    return parseSettings(args, SCENARIOS)
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`)
    process.exit(2)
  }
}

/** By scenario, so that they can be played one by one; what the file has of others stays. */
function save(folder: string, results: DrillResults): void {
  mkdirSync(folder, { recursive: true })
  const file = `${folder}latest.json`
  const kept = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as KeptResults) : {}
  const played = results.settings.scenarios.map(name => {
    const rounds = results.rounds.filter(one => one.scenario === name)
    return [name, { ...results, rounds, measured: results.measured.filter(one => one.scenario === name) }] as const
  })
  const lines = Object.entries({ ...kept, ...Object.fromEntries(played) }).map(
    ([name, one]) => `${JSON.stringify(name)}: ${JSON.stringify(one)}`,
  )
  writeFileSync(file, `{\n${lines.join(',\n')}\n}\n`)
}

const settings = settingsOrExit()
console.log(`Seed ${settings.seed}`)
const results = await runDrills(settings, EVIDENCE, {
  step: text => console.log(`     ${new Date().toISOString().slice(11, 19)} ${text}`),
  round: result => console.log(linesOf(result)),
  measured: result => console.log(measuredText(result)),
})
save(EVIDENCE, results)
if (settings.publish) save(PUBLISHED, results)
if (settings.json !== undefined) writeFileSync(settings.json, `${JSON.stringify(results, undefined, 1)}\n`)
if (results.rounds.length > 0) console.log(`\n${tableOf(results.rounds)}`)
console.log(`\n${barsTable(barsOf(results))}\n\n${conclusionOf(results)}`)
process.exit(isFine(results) ? 0 : 1)
