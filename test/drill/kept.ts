/** Results of drills as files: one for each scenario and run, so that several programs may play at once and all of them count. Judges nothing. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DrillResults } from './results.ts'

/** In place of what was kept of the same scenario and seed. */
export function keepResults(folder: string, results: DrillResults): void {
  mkdirSync(folder, { recursive: true })
  const { settings, rounds, measured } = results
  for (const name of settings.scenarios) {
    const own = (of: { readonly scenario: string }): boolean => of.scenario === name
    const part = { ...results, rounds: rounds.filter(own), measured: measured.filter(own) }
    if (part.rounds.length + part.measured.length > 0)
      writeFileSync(join(folder, `${name}-${settings.seed}.json`), `${JSON.stringify(part)}\n`)
  }
}

/** All of them, by name of the file; none if there is no such folder. */
export function keptResults(folder: string): DrillResults[] {
  if (!existsSync(folder)) return []
  const files = readdirSync(folder).filter(name => name.endsWith('.json'))
  return files.sort().map(name => JSON.parse(readFileSync(join(folder, name), 'utf8')) as DrillResults)
}
