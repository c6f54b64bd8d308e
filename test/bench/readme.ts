/** Parts of README.md and docs/benchmarks.md that are made of finished runs. Writes no file. */
import { type ChaosReport, conclusionOf as foundBy, markdownOf } from '../chaos/cluster/report.ts'
import { type ClusterResults, textOf } from './cluster/results.ts'
import type { Results } from './results.ts'
import { plain, tableOf } from './table.ts'

/** Where a part stands: between two comments with its name. */
export const marksOf = (part: string): readonly [begin: string, end: string] => [
  `<!-- ${part}:begin -->`,
  `<!-- ${part}:end -->`,
]

/** The page with this text between the markers of the part. Throws if it has none. */
export const withPart = (page: string, part: string, markdown: string): string => {
  const [begin, end] = marksOf(part)
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`The page has no '${begin}' followed by '${end}'`)
  return `${page.slice(0, from + begin.length)}\n${markdown}\n${page.slice(to)}`
}

const block = (text: string): string => ['<!-- test: skip, a result -->', '```text', text.trimEnd(), '```'].join('\n')

export const benchPart = (results: Results): string =>
  `![Deliveries, latency and CPU of the three brokers](../test/bench/results/latest.svg)\n\n${block(tableOf(results))}`

/** What must hold, and what was measured: a row per bar that is no count of what must not happen, and one for all those. */
export function barsPart(one: Results, cluster: ClusterResults): string {
  const rows = [
    ...one.scenarios.flatMap(({ title, bars }) =>
      bars.map(({ text, limit, value, verdict }) => ({ title, text, limit, value, met: verdict === 'pass' })),
    ),
    ...cluster.scenarios.flatMap(({ title, bars }) =>
      bars.map(({ text, limit, value, met }) => ({ title: `Edge and core apart: ${title}`, text, limit, value, met })),
    ),
  ]
  const isFault = ({ limit }: { limit: number }): boolean => limit === 0
  const figures = rows.filter(row => !isFault(row))
  const faults = rows.filter(isFault)
  const lines = figures.map(
    ({ title, text, value, met }) =>
      `| ${title} | ${text} | ${value === undefined ? '–' : plain(value)} | ${met ? 'met' : 'missed'} |`,
  )
  const none = faults.filter(row => row.met).length
  return [
    '![Deliveries, latency and CPU of the three brokers](test/bench/results/latest.svg)',
    ['| load | bar | measured | |', '|---|---|---:|---|', ...lines].join('\n'),
    `Nothing lost, nothing twice, in order, no failures: ${none} of ${faults.length} met. ${one.machine.cpu}, ${one.machine.cores} cores; ${one.when.slice(0, 10)}.`,
  ].join('\n\n')
}

export const clusterPart = (results: ClusterResults): string => block(textOf(results))

export const chaosPart = (report: ChaosReport): string =>
  `${foundBy(report)} (${report.when.slice(0, 10)}).\n\n${markdownOf(report)}`
