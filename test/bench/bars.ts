/** What must hold: a bar takes one number from each round and compares their median, or the worst of them, with a limit. */
import type { Measure } from './load/report.ts'
import { type BrokerName, measureOf, median, type Round } from './outcome.ts'

export interface Bar {
  readonly text: string
  readonly brokers: readonly BrokerName[]
  readonly value: (round: Round) => number | undefined
  readonly sense: 'at most' | 'at least'
  readonly limit: number
  /** Noise is averaged away; a loss is not. */
  readonly over: 'median' | 'worst'
}

export interface Verdict {
  readonly text: string
  readonly sense: Bar['sense']
  readonly limit: number
  /** Undefined when a run failed. */
  readonly value: number | undefined
  /** By round. */
  readonly values: readonly (number | undefined)[]
  /** `skipped`: a broker of the bar was not asked for. */
  readonly verdict: 'pass' | 'fail' | 'skipped'
}

const ours = (measure: Measure) => (round: Round) => measureOf(round, 'meridian', measure)

export const atMost = (measure: Measure, limit: number, text: string): Bar => ({
  text,
  brokers: ['meridian'],
  value: ours(measure),
  sense: 'at most',
  limit,
  over: 'median',
})

export const atLeast = (measure: Measure, limit: number, text: string): Bar => ({
  ...atMost(measure, limit, text),
  sense: 'at least',
})

/** Zero in every round. */
export const none = (measure: Measure, text: string, broker: BrokerName = 'meridian'): Bar => ({
  text,
  brokers: [broker],
  value: round => measureOf(round, broker, measure),
  sense: 'at most',
  limit: 0,
  over: 'worst',
})

/** CPU per delivery of one broker, as a multiple of another's in the same round. */
export const cpuRatio = (
  limit: number,
  text: string,
  of: BrokerName = 'meridian',
  to: BrokerName = 'mosquitto',
): Bar => ({
  text,
  brokers: [of, to],
  value: round => {
    const [a, b] = [measureOf(round, of, 'cpu_us_per_delivery'), measureOf(round, to, 'cpu_us_per_delivery')]
    return a === undefined || !b ? undefined : a / b
  },
  sense: 'at most',
  limit,
  over: 'median',
})

export const judge = (bar: Bar, rounds: readonly Round[]): Verdict => {
  const { text, sense, limit } = bar
  const values = rounds.map(bar.value)
  const known = values.filter(value => value !== undefined)
  const value = known.length < rounds.length ? undefined : bar.over === 'median' ? median(known) : worst(known, sense)
  if (rounds.some(round => bar.brokers.some(broker => round[broker] === undefined))) {
    return { text, sense, limit, value, values, verdict: 'skipped' }
  }
  const holds = value !== undefined && (sense === 'at most' ? value <= limit : value >= limit)
  return { text, sense, limit, value, values, verdict: holds ? 'pass' : 'fail' }
}

const worst = (values: readonly number[], sense: Bar['sense']): number =>
  sense === 'at most' ? Math.max(...values) : Math.min(...values)
