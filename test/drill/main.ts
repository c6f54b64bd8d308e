/** `npm run drill`: plays disasters on several regions of this machine under load, and holds what devices saw against the bars. Exit status 1 if one is missed or anything was found, 2 for a bad option. */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { keepResults } from './kept.ts'
import { barsTable, conclusionOf, isFine, linesOf, measuredText, tableOf } from './report.ts'
import { barsOf, type DrillResults } from './results.ts'
import { runDrills, SCENARIOS } from './run.ts'
import { parseSettings, type Settings, USAGE } from './settings.ts'

const EVIDENCE = fileURLToPath(new URL('../../.local/drill/', import.meta.url))
const RESULTS = `${EVIDENCE}results`
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

const settings = settingsOrExit()
console.log(`Seed ${settings.seed}`)
const keepAll = (results: DrillResults): void => {
  keepResults(RESULTS, results)
  if (settings.publish) keepResults(PUBLISHED, results)
  if (settings.json !== undefined) writeFileSync(settings.json, `${JSON.stringify(results, undefined, 1)}\n`)
}
const results = await runDrills(settings, EVIDENCE, {
  step: text => console.log(`     ${new Date().toISOString().slice(11, 19)} ${text}`),
  round(result, all) {
    console.log(linesOf(result))
    // What was played counts, whatever becomes of the rest.
    keepAll(all)
  },
  measured: result => console.log(measuredText(result)),
})
keepAll(results)
if (results.rounds.length > 0) console.log(`\n${tableOf(results.rounds)}`)
console.log(`\n${barsTable(barsOf(results))}\n\n${conclusionOf(results)}`)
process.exit(isFine(results) ? 0 : 1)
