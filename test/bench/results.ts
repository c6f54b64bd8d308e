/** A finished benchmark as one value, and the summary of rounds that table and chart show. */
import type { Verdict } from './bars.ts'
import type { Measure } from './load/report.ts'
import type { Machine } from './machine.ts'
import { type BrokerName, median, type Round } from './outcome.ts'

export interface ScenarioResult {
  readonly name: string
  readonly title: string
  readonly load: string
  readonly rounds: readonly Round[]
  readonly bars: readonly Verdict[]
}

export interface Results {
  /** ISO 8601. */
  readonly when: string
  readonly machine: Machine
  readonly secs: number
  readonly warm: number
  readonly repeat: number
  readonly scenarios: readonly ScenarioResult[]
}

/** Counts of what must not happen: their worst round is shown, not their median. */
const WORST: ReadonlySet<Measure> = new Set<Measure>([
  'lost',
  'dup',
  'out_of_order',
  'stray',
  'closed',
  'fails',
  'unsent',
])

/** Brokers that took part in a scenario, in the order they ran. */
export const brokersOf = (result: ScenarioResult): BrokerName[] => Object.keys(result.rounds[0] ?? {}) as BrokerName[]

/** One number for all rounds of a broker; undefined if a round failed or does not have it. */
export const overRounds = (result: ScenarioResult, broker: BrokerName, measure: Measure): number | undefined => {
  const values: number[] = []
  for (const round of result.rounds) {
    const outcome = round[broker]
    const value = outcome?.ok ? outcome.report[measure] : undefined
    if (value === undefined) return undefined
    values.push(value)
  }
  return WORST.has(measure) ? Math.max(...values) : median(values)
}

/** Why a broker has no numbers, if it has none. */
export const failureOf = (result: ScenarioResult, broker: BrokerName): string | undefined => {
  for (const round of result.rounds) {
    const outcome = round[broker]
    if (outcome !== undefined && !outcome.ok) return outcome.why
  }
  return undefined
}

export const barsOf = (results: Results): Verdict[] => results.scenarios.flatMap(s => s.bars)
