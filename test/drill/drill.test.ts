/**
 * A region is lost, one is cut off, and an edge is drained, with few devices: what `npm run drill` does with many.
 * MERIDIAN_DRILL_SEED repeats a run. Times are not judged: other tests run beside.
 */
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { linesOf } from './report.ts'
import { runDrills } from './run.ts'
import { parseSettings } from './settings.ts'

const seed = String(process.env.MERIDIAN_DRILL_SEED ?? Date.now() % 1_000_000)
const SCENARIOS = ['region-loss', 'partition', 'drain']
const EVIDENCE = resolve(import.meta.dirname, '../../.local/drill')

test(`nothing is lost, twice or owned by two when regions are lost, cut off and drained, seed ${seed}`, async () => {
  const few = ['--devices', '20', '--plain', '20', '--clients', '100', '--regions', 'eu,us', '--patience', '0.4']
  const settings = parseSettings([...SCENARIOS, '--seed', seed, ...few], SCENARIOS)
  const lines: string[] = []
  const { rounds } = await runDrills(settings, EVIDENCE, {
    step: () => {},
    round: result => lines.push(linesOf(result)),
    measured: () => {},
  })
  const found = rounds.flatMap(({ scenario, findings }) => findings.map(one => `${scenario}: ${one}`))
  expect(found, lines.join('\n')).toEqual([])
  expect(rounds.map(one => one.scenario)).toEqual(SCENARIOS)
  for (const { tallies } of rounds) expect(tallies[1].acknowledged + tallies[2].acknowledged).toBeGreaterThan(100)
}, 600_000)
