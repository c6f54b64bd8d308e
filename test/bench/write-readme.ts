/** `npm run bench:readme`: puts the latest whole run into README.md, between its markers. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { withResults } from './readme.ts'
import type { Results } from './results.ts'

const README = fileURLToPath(new URL('../../README.md', import.meta.url))
const LATEST = fileURLToPath(new URL('./results/latest.json', import.meta.url))

let text: string
try {
  text = readFileSync(LATEST, 'utf8')
} catch {
  console.error('test/bench/results/latest.json cannot be read; a whole run of npm run bench writes it')
  process.exit(1)
}
writeFileSync(README, withResults(readFileSync(README, 'utf8'), JSON.parse(text) as Results))
