/** The README's parts that are made of finished runs. Writes no file. */
import { type ChaosReport, conclusionOf as foundBy, markdownOf } from '../chaos/cluster/report.ts'
import { type ClusterResults, textOf } from './cluster/results.ts'
import type { Results } from './results.ts'
import { tableOf } from './table.ts'

/** Where a part stands: between two comments with its name. */
export const marksOf = (part: string): readonly [begin: string, end: string] => [
  `<!-- ${part}:begin -->`,
  `<!-- ${part}:end -->`,
]

/** The README with this text between the markers of the part. Throws if it has none. */
export const withPart = (readme: string, part: string, markdown: string): string => {
  const [begin, end] = marksOf(part)
  const [from, to] = [readme.indexOf(begin), readme.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`README.md has no '${begin}' followed by '${end}'`)
  return `${readme.slice(0, from + begin.length)}\n${markdown}\n${readme.slice(to)}`
}

const block = (text: string): string => ['<!-- test: skip, a result -->', '```text', text.trimEnd(), '```'].join('\n')

export const benchPart = (results: Results): string =>
  `![Deliveries, latency and CPU of the three brokers](test/bench/results/latest.svg)\n\n${block(tableOf(results))}`

export const clusterPart = (results: ClusterResults): string => block(textOf(results))

export const chaosPart = (report: ChaosReport): string =>
  `${foundBy(report)} (${report.when.slice(0, 10)}).\n\n${markdownOf(report)}`
