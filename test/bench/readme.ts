/** The README's part on benchmarks, made of a finished run. Writes no file. */
import type { Results } from './results.ts'
import { tableOf } from './table.ts'

export const BEGIN = '<!-- bench:begin -->'
export const END = '<!-- bench:end -->'

/** The README with the table of these results between the markers. Throws if it has no markers. */
export const withResults = (readme: string, results: Results): string => {
  const begin = readme.indexOf(BEGIN)
  const end = readme.indexOf(END)
  if (begin < 0 || end < begin) throw new Error(`README.md has no '${BEGIN}' followed by '${END}'`)
  return `${readme.slice(0, begin + BEGIN.length)}\n${markdown(results)}\n${readme.slice(end)}`
}

const markdown = (results: Results): string =>
  [
    '![Deliveries, latency and CPU of the three brokers](test/bench/results/latest.svg)',
    '',
    '<!-- test: skip, a result -->',
    '```text',
    tableOf(results).trimEnd(),
    '```',
  ].join('\n')
