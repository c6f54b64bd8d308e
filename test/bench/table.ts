/** The results as text: one table per scenario, its bars under it. */
import type { Verdict } from './bars.ts'
import type { Measure } from './load/report.ts'
import type { BrokerName } from './outcome.ts'
import { barsOf, brokersOf, failureOf, overRounds, type Results, type ScenarioResult } from './results.ts'

const COLUMNS: readonly (readonly [Measure, string])[] = [
  ['delivered_per_s', 'delivered/s'],
  ['delivered', 'delivered'],
  ['per_s', 'connects/s'],
  ['retained_per_s', 'retained/s'],
  ['first_ms', 'first ms'],
  ['all_ms', 'all ms'],
  ['lost', 'lost'],
  ['dup', 'dup'],
  ['out_of_order', 'order'],
  ['unsent', 'unsent'],
  ['fails', 'fails'],
  ['p50_ms', 'p50 ms'],
  ['p99_ms', 'p99 ms'],
  ['p999_ms', 'p99.9 ms'],
  ['ack_p99_ms', 'ack p99'],
  ['cpu_us_per_delivery', 'CPU µs/delivery'],
  ['cpu_us_per_connect', 'CPU µs/connect'],
  ['rss_kib_per_conn', 'KiB/connection'],
  ['rss_mb', 'RSS MB'],
  ['match_us', 'median µs'],
  ['match_p99_us', 'p99 µs'],
  ['load_cores', 'generator'],
  ['other_cores', 'others'],
]

/** Cores that other programs may use before latencies and ratios mean little. */
export const QUIET_CORES = 0.15

const NAME_WIDTH = 17
const GAP = 2

export const tableOf = (results: Results): string => {
  const { machine: m } = results
  return [
    `Meridian benchmark, ${results.when}`,
    `${m.cpu}, ${m.cores} cores, ${m.memoryGiB} GiB, ${m.kernel}, Node ${m.node}`,
    Object.entries(m.versions)
      .map(([broker, version]) => `${broker} ${version}`)
      .join(', '),
    `Pinning: ${m.pinning}`,
    `${results.secs} s after ${results.warm} s of warm-up, ${results.repeat} round(s); 64-byte payloads; latency counts from the scheduled send time`,
    'unsent: due but held back by the window; generator, others: cores used by the load generator and by everything else',
    '',
    ...results.scenarios.flatMap(scenario => [...scenarioLines(scenario), '']),
    conclusion(results),
    '',
  ].join('\n')
}

/** How many bars were met, missed and skipped, and whether the machine was quiet enough to believe it. */
export const conclusion = (results: Results): string => {
  const count = (verdict: Verdict['verdict']): number => barsOf(results).filter(bar => bar.verdict === verdict).length
  const bars = `Bars: ${count('pass')} met, ${count('fail')} missed, ${count('skipped')} skipped`
  const noisy = results.scenarios.filter(s =>
    brokersOf(s).some(b => (overRounds(s, b, 'other_cores') ?? 0) > QUIET_CORES),
  )
  if (noisy.length === 0) return bars
  return `${bars}\nOther programs used more than ${QUIET_CORES} cores during ${noisy.map(s => s.name).join(', ')}: run again on a quiet machine`
}

/** The table of one scenario, without an empty line at its end. */
export const scenarioLines = (result: ScenarioResult): string[] => {
  const brokers = brokersOf(result)
  const used = COLUMNS.filter(([measure]) => brokers.some(b => overRounds(result, b, measure) !== undefined))
  const heads = used.map(([, head]) => head)
  const rows = brokers.map(broker => {
    const why = failureOf(result, broker)
    if (why !== undefined) return `${broker.padEnd(NAME_WIDTH)}  failed: ${why.replaceAll(/\s+/g, ' ')}`
    return line(broker, heads, cellsOf(result, broker, used))
  })
  return [`${result.name}: ${result.title}`, line('', heads, heads), ...rows, ...result.bars.map(barLine)]
}

const cellsOf = (result: ScenarioResult, broker: BrokerName, used: readonly (readonly [Measure, string])[]): string[] =>
  used.map(([measure]) => {
    const value = overRounds(result, broker, measure)
    return value === undefined ? '–' : plain(value)
  })

const line = (name: string, heads: readonly string[], cells: readonly string[]): string =>
  name.padEnd(NAME_WIDTH) + cells.map((cell, i) => cell.padStart(Math.max(7, heads[i]!.length) + GAP)).join('')

const barLine = (bar: Verdict): string => {
  const value = bar.value === undefined ? 'no value' : plain(bar.value)
  const spread =
    bar.values.length > 1 ? ` (rounds: ${bar.values.map(v => (v === undefined ? '–' : plain(v))).join(', ')})` : ''
  return `  ${bar.verdict === 'skipped' ? 'skip' : bar.verdict.toUpperCase()}  ${bar.text}: ${value}${spread}`
}

/** Three digits behind the point for small numbers, none for large ones. */
export const plain = (value: number): string =>
  Number.isInteger(value) ? String(value) : value.toFixed(value < 1 ? 3 : value < 100 ? 2 : 0)
