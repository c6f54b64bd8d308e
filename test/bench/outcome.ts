/** The values that go from running scenarios to bars and results. */
import type { LoadReport, Measure } from './load/report.ts'

export const BROKERS = ['meridian', 'mosquitto', 'aedes'] as const
/** A broker that takes part; `meridian-durable` is Meridian with a data directory instead of memory. */
export type BrokerName = (typeof BROKERS)[number] | 'meridian-durable'

/** One run of one scenario on one broker. */
export type Outcome = { readonly ok: true; readonly report: LoadReport } | { readonly ok: false; readonly why: string }

/** One repetition of a scenario: all its brokers, one right after the other. */
export type Round = { readonly [B in BrokerName]?: Outcome }

export const measureOf = (round: Round, broker: BrokerName, measure: Measure): number | undefined => {
  const outcome = round[broker]
  return outcome?.ok ? outcome.report[measure] : undefined
}

/** The middle value (the mean of the two middle ones); undefined of nothing. */
export const median = (values: readonly number[]): number | undefined => {
  const sorted = [...values].sort((a, b) => a - b)
  const low = sorted[Math.floor((sorted.length - 1) / 2)]
  const high = sorted[Math.ceil((sorted.length - 1) / 2)]
  return low === undefined || high === undefined ? undefined : (low + high) / 2
}
