/** A run as text, Markdown and JSON: recovery times by fault, and what was found. */

import { quantile } from '../../history/words.ts'
import type { RoundResult } from './round.ts'
import type { Settings } from './settings.ts'

export interface Row {
  readonly fault: string
  readonly rounds: number
  readonly acknowledged: number
  readonly delivered: number
  /** Publishers, and sessions that lost their connection, over all rounds of the fault. */
  readonly publishers: number
  readonly sessions: number
  readonly publishP50Ms: number | undefined
  readonly publishP99Ms: number | undefined
  readonly ownedP50Ms: number | undefined
  readonly ownedP99Ms: number | undefined
  readonly findings: number
}

export interface ChaosReport {
  /** ISO 8601. */
  readonly when: string
  readonly settings: Settings
  readonly rows: readonly Row[]
  readonly rounds: readonly RoundResult[]
}

export const reportOf = (settings: Settings, rounds: readonly RoundResult[], when: Date): ChaosReport => ({
  when: when.toISOString(),
  settings,
  rows: [...new Set(rounds.map(round => round.fault))].sort().map(fault =>
    rowOf(
      fault,
      rounds.filter(round => round.fault === fault),
    ),
  ),
  rounds,
})

function rowOf(fault: string, rounds: readonly RoundResult[]): Row {
  const publish = rounds.flatMap(round => round.recovery.publishMs)
  const owned = rounds.flatMap(round => round.recovery.ownedMs)
  const sum = (of: (round: RoundResult) => number): number => rounds.reduce((all, round) => all + of(round), 0)
  return {
    fault,
    rounds: rounds.length,
    acknowledged: sum(round => round.acknowledged),
    delivered: sum(round => round.delivered),
    publishers: publish.length,
    sessions: owned.length,
    publishP50Ms: quantile(publish, 0.5),
    publishP99Ms: quantile(publish, 0.99),
    ownedP50Ms: quantile(owned, 0.5),
    ownedP99Ms: quantile(owned, 0.99),
    findings: sum(round => round.findings.length),
  }
}

export const roundLine = ({
  round,
  fault,
  seconds,
  acknowledged,
  delivered,
  recovery,
  findings,
}: RoundResult): string =>
  [
    `${String(round).padStart(3)}  ${fault.padEnd(19)}${seconds.toFixed(0).padStart(4)} s`,
    `${acknowledged.toLocaleString('en')} acknowledged`.padStart(21),
    `${delivered.toLocaleString('en')} delivered`.padStart(18),
    `publish again ${ms(quantile(recovery.publishMs, 0.99))}`.padStart(24),
    `connected again ${ms(quantile(recovery.ownedMs, 0.99))}`.padStart(26),
    findings.length === 0 ? '  fine' : `  ${findings.length} FOUND`,
    ...findings.map(one => `\n       ${one.replaceAll('\n', '\n       ')}`),
  ].join('')

const HEAD = [
  'fault',
  'rounds',
  'acknowledged',
  'delivered',
  'publish again p50',
  'p99',
  'sessions',
  'connected again p50',
  'p99',
  'found',
]

/** A Markdown table; times count from the fault. */
export function markdownOf({ rows }: ChaosReport): string {
  const lines = rows.map(row => [
    row.fault,
    row.rounds,
    row.acknowledged.toLocaleString('en'),
    row.delivered.toLocaleString('en'),
    ms(row.publishP50Ms),
    ms(row.publishP99Ms),
    row.sessions,
    ms(row.ownedP50Ms),
    ms(row.ownedP99Ms),
    row.findings,
  ])
  return [HEAD, ['---', ...HEAD.slice(1).map(() => '---:')], ...lines]
    .map(cells => `| ${cells.join(' | ')} |`)
    .join('\n')
}

export function conclusionOf({ settings, rounds }: ChaosReport): string {
  const found = rounds.reduce((sum, round) => sum + round.findings.length, 0)
  const broken = rounds.filter(round => round.findings.length > 0).map(round => round.round)
  const what = `${rounds.length} rounds, seed ${settings.seed}`
  return found === 0 ? `${what}: nothing found` : `${what}: ${found} findings in round ${broken.join(', ')}`
}

const ms = (value: number | undefined): string =>
  value === undefined ? '–' : value < 1_000 ? `${Math.round(value)} ms` : `${(value / 1_000).toFixed(1)} s`
