/**
 * Ten rounds against a whole site, with short outages: what `npm run chaos` runs as long as wanted.
 * MERIDIAN_CHAOS_SEED repeats a run, MERIDIAN_CHAOS_ROUNDS makes it longer.
 */
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { roundLine } from './report.ts'
import { runChaos } from './run.ts'

const seed = Number(process.env.MERIDIAN_CHAOS_SEED ?? Date.now() % 1_000_000)
const rounds = Number(process.env.MERIDIAN_CHAOS_ROUNDS ?? 10)
const EVIDENCE = resolve(import.meta.dirname, '../../../.local/chaos')
const START_MS = 90_000
const ROUND_MS = 45_000

test(
  `nothing is lost, twice, out of order or owned by two over ${rounds} faults, seed ${seed}`,
  async () => {
    const settings = { seed, rounds, faults: undefined, target: 'cluster', edges: 3, patience: 0.15 } as const
    const lines: string[] = []
    const results = await runChaos(settings, EVIDENCE, {
      step: () => {},
      round: result => lines.push(roundLine(result)),
    })
    const found = results.flatMap(({ round, fault, findings }) => findings.map(one => `${round} ${fault}: ${one}`))
    expect(found, lines.join('\n')).toEqual([])
    expect(results.length).toBe(rounds)
  },
  START_MS + rounds * ROUND_MS,
)
