/** `npm run chaos`: breaks a running installation again and again, and judges what its clients saw. Exit status 1 if something was found, 2 for a bad option. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { conclusionOf, markdownOf, reportOf, roundLine } from './report.ts'
import { runChaos } from './run.ts'
import { parseSettings, type Settings, USAGE } from './settings.ts'

const LATEST = fileURLToPath(new URL('../results/', import.meta.url))
const PARTIAL = fileURLToPath(new URL('../../../.local/chaos/', import.meta.url))

function settingsOrExit(): Settings {
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
console.log(`Seed ${settings.seed}`)
const rounds = await runChaos(settings, PARTIAL, {
  step: text => console.log(`     ${text}`),
  round: result => console.log(roundLine(result)),
})
const report = reportOf(settings, rounds, new Date())
const markdown = markdownOf(report)
const conclusion = conclusionOf(report)
const isWhole = settings.target === 'cluster' && settings.faults === undefined && settings.patience === 1
const folder = isWhole ? LATEST : PARTIAL
mkdirSync(folder, { recursive: true })
writeFileSync(`${folder}cluster.json`, `${JSON.stringify(report, undefined, 1)}\n`)
writeFileSync(`${folder}cluster.md`, `${conclusion}, ${report.when}\n\n${markdown}\n`)
console.log(`\n${markdown}\n\n${conclusion}; results in ${folder}`)
process.exit(rounds.some(round => round.findings.length > 0) ? 1 : 0)
