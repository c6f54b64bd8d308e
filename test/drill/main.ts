/** `npm run drill`: plays disasters on several regions of this machine under load, and holds what devices saw against the bars. Exit status 1 if one is missed or anything was found, 2 for a bad option. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { barsTable, conclusionOf, isFine, linesOf, measuredText, tableOf } from './report.ts'
import type { DrillResults } from './results.ts'
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

/** A file for each scenario, so that they can be played one by one. */
function save(folder: string, results: DrillResults): void {
  mkdirSync(folder, { recursive: true })
  for (const name of results.settings.scenarios) {
    const rounds = results.rounds.filter(one => one.scenario === name)
    const measured = results.measured.filter(one => one.scenario === name)
    writeFileSync(`${folder}${name}.json`, `${JSON.stringify({ ...results, rounds, measured }, undefined, 1)}\n`)
  }
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
if (results.rounds.length > 0) console.log(`\n${tableOf(results)}`)
console.log(`\n${barsTable(results)}\n\n${conclusionOf(results)}`)
process.exit(isFine(results) ? 0 : 1)
