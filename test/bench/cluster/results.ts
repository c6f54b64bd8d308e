/** Results of the cluster benchmark, and what is shown of them. Measures nothing. */
import type { LoadReport, Measure } from '../load/report.ts'
import type { Machine } from '../machine.ts'
import { plain } from '../table.ts'
import type { ClusterBar, ClusterScenario } from './scenarios.ts'

export interface ClusterResult {
  readonly name: string
  readonly title: string
  readonly load: string
  readonly reference?: string
  /** Undefined if the run failed. */
  readonly report?: LoadReport
  readonly why?: string
  /** CPU used while it ran, in cores, by process; RocketMQ's three and the edges' are added up. */
  readonly cores: Readonly<Record<string, number>>
  /** Rates that were tried, and whether they were held. */
  readonly tried?: readonly (readonly [rate: number, held: boolean])[]
  readonly bars: readonly Verdict[]
}

export interface Verdict extends ClusterBar {
  readonly value?: number
  readonly met: boolean
}

export interface ClusterResults {
  /** ISO 8601. */
  readonly when: string
  readonly machine: Machine
  readonly layout: string
  readonly secs: number
  readonly warm: number
  readonly scenarios: readonly ClusterResult[]
}

export const judge = ({ bars }: ClusterScenario, report: LoadReport | undefined): Verdict[] =>
  bars.map(bar => {
    const value = report?.[bar.measure]
    const met = value !== undefined && (bar.sense === 'at most' ? value <= bar.limit : value >= bar.limit)
    return { ...bar, ...(value !== undefined && { value }), met }
  })

const COLUMNS: readonly (readonly [Measure, string])[] = [
  ['rate', 'rate'],
  ['delivered_per_s', 'delivered/s'],
  ['delivered', 'delivered'],
  ['per_s', 'connects/s'],
  ['lost', 'lost'],
  ['dup', 'dup'],
  ['out_of_order', 'order'],
  ['unsent', 'unsent'],
  ['fails', 'fails'],
  ['p50_ms', 'p50 ms'],
  ['p99_ms', 'p99 ms'],
  ['p999_ms', 'p99.9 ms'],
  ['ack_p99_ms', 'ack p99'],
  ['first_ms', 'first ms'],
  ['all_ms', 'all ms'],
]

export function linesOf(result: ClusterResult): string[] {
  const { name, title, report, why, cores, tried, reference, bars } = result
  const used = COLUMNS.filter(([measure]) => report?.[measure] !== undefined)
  const width = (head: string): number => Math.max(7, head.length) + 2
  return [
    `${name}: ${title}`,
    ...(report === undefined
      ? [`  failed: ${why}`]
      : [
          used.map(([, head]) => head.padStart(width(head))).join(''),
          used.map(([measure, head]) => plain(report[measure] ?? 0).padStart(width(head))).join(''),
        ]),
    ...(tried === undefined
      ? []
      : [`  tried: ${tried.map(([rate, held]) => `${rate} ${held ? 'held' : 'not held'}`).join(', ')}`]),
    `  cores: ${Object.entries(cores)
      .map(([process, used_]) => `${process} ${used_.toFixed(2)}`)
      .join(', ')}`,
    ...(reference === undefined ? [] : [`  rocketmq-mqtt: ${reference}`]),
    ...bars.map(
      bar => `  ${bar.met ? 'PASS' : 'FAIL'}  ${bar.text}: ${bar.value === undefined ? 'no value' : plain(bar.value)}`,
    ),
  ]
}

export function textOf(results: ClusterResults): string {
  const { machine: m } = results
  return [
    `Meridian cluster benchmark, ${results.when}`,
    `Two edges, a core, RocketMQ, Redis and the generator together on: ${m.cpu}, ${m.cores} cores, ${m.memoryGiB} GiB, ${m.kernel}, Node ${m.node}`,
    `Pinning: ${results.layout}; ${results.secs} s after ${results.warm} s of warm-up; 64-byte payloads; latency counts from the scheduled send time`,
    'unsent: due but held back by the window. rocketmq-mqtt: the same load on that system, measured on such a machine',
    '',
    ...results.scenarios.flatMap(scenario => [...linesOf(scenario), '']),
    conclusionOf(results),
    '',
  ].join('\n')
}

export function conclusionOf({ scenarios }: ClusterResults): string {
  const bars = scenarios.flatMap(scenario => scenario.bars)
  const missed = scenarios.filter(scenario => scenario.bars.some(bar => !bar.met)).map(scenario => scenario.name)
  const met = bars.filter(bar => bar.met).length
  return `Bars: ${met} met, ${bars.length - met} missed${missed.length === 0 ? '' : ` (${missed.join(', ')})`}`
}
