/** Results of drills as Markdown: a table by scenario, the bars, and what was found. Pure. */

import { sumOf } from '../history/tally.ts'
import { quantile } from '../history/words.ts'
import type { Kind } from './member.ts'
import { barsOf, type DrillResults, inSeconds, type Measured, timesOf } from './results.ts'
import type { RoundResult } from './round.ts'

const KINDS: readonly Kind[] = ['sdk', 'plain']

export const linesOf = (round: RoundResult): string =>
  [
    `${round.scenario} ${round.round}: ${round.seconds.toFixed(0)} s, ${round.findings.length === 0 ? 'nothing found' : `${round.findings.length} FOUND`}`,
    ...KINDS.map(kind => `  ${kind.padEnd(6)}${recoveryText([round], kind)}`),
    ...([0, 1, 2] as const).map(qos => {
      const { sent, acknowledged, delivered, duplicates, lost } = round.tallies[qos]
      const first = qos === 0 ? `${sent} sent` : `${acknowledged} of ${sent} acknowledged`
      return `  QoS ${qos} ${first}, ${delivered} delivered, ${duplicates} duplicates, ${lost} lost`
    }),
    `  wills  ${round.wills.came} came, ${round.wills.lost} missing, ${round.wills.wrong} wrong; two owners ${round.twoOwners}; retained wrong ${round.retainedWrong}`,
    ...Object.entries(round.figures).map(([name, value]) => `  ${name}: ${Math.round(value * 10) / 10}`),
    ...round.findings.map(one => `  ! ${one}`),
  ].join('\n')

const recoveryText = (rounds: readonly RoundResult[], kind: Kind): string =>
  `publish again p50 ${timeOf(timesOf(rounds, kind, 'publishMs'), 0.5)}, p99 ${timeOf(timesOf(rounds, kind, 'publishMs'), 0.99)} (${timesOf(rounds, kind, 'publishMs').length}); ` +
  `owned again p50 ${timeOf(timesOf(rounds, kind, 'ownedMs'), 0.5)}, p99 ${timeOf(timesOf(rounds, kind, 'ownedMs'), 0.99)} (${timesOf(rounds, kind, 'ownedMs').length})`

export const measuredText = ({ scenario, timesMs, figures, findings }: Measured): string =>
  [
    `${scenario}: ${findings.length === 0 ? 'nothing found' : `${findings.length} FOUND`}`,
    ...Object.entries(timesMs).map(
      ([what, times]) => `  ${what}: p50 ${timeOf(times, 0.5)}, p99 ${timeOf(times, 0.99)} (${times.length})`,
    ),
    ...Object.entries(figures).map(([name, value]) => `  ${name}: ${Math.round(value * 100) / 100}`),
    ...findings.map(one => `  ! ${one}`),
  ].join('\n')

const timeOf = (times: readonly number[], share: number): string => {
  const value = quantile(times, share)
  return value === undefined ? '–' : inSeconds(value)
}

const HEAD = [
  'scenario',
  'rounds',
  'SDK: publish again p50 / p99',
  'plain: p50 / p99',
  'sessions owned again p50 / p99',
  'acknowledged QoS 1 / 2',
  'delivered QoS 0 / 1 / 2',
  'lost QoS 0 / 1 / 2',
  'twice QoS 1 / 2',
  'wills wrong',
  'retained wrong',
]

/** One row by scenario. */
export function tableOf({ rounds }: Pick<DrillResults, 'rounds'>): string {
  const pair = (times: readonly number[]): string => `${timeOf(times, 0.5)} / ${timeOf(times, 0.99)}`
  const rows = [...new Set(rounds.map(one => one.scenario))].map(scenario => {
    const own = rounds.filter(one => one.scenario === scenario)
    const [zero, one, two] = sumOf(own.map(round => round.tallies))
    const number = (value: number): string => value.toLocaleString('en')
    return [
      scenario,
      own.length,
      pair(timesOf(own, 'sdk', 'publishMs')),
      pair(timesOf(own, 'plain', 'publishMs')),
      pair(KINDS.flatMap(kind => timesOf(own, kind, 'ownedMs'))),
      [one, two].map(qos => number(qos.acknowledged)).join(' / '),
      [zero, one, two].map(qos => number(qos.delivered)).join(' / '),
      [zero, one, two].map(qos => number(qos.lost)).join(' / '),
      [one, two].map(qos => number(qos.duplicates)).join(' / '),
      own.reduce((all, round) => all + round.wills.wrong + round.wills.lost, 0),
      own.reduce((all, round) => all + round.retainedWrong, 0),
    ]
  })
  return markdown(HEAD, rows)
}

export const barsTable = (results: DrillResults): string =>
  markdown(
    ['', 'measured', 'bar', ''],
    barsOf(results).map(({ what, value, bar, isMet }) => [what, value, bar, isMet ? 'met' : 'missed']),
  )

function markdown(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [head, ['---', ...head.slice(1).map(() => '---:')], ...rows]
    .map(cells => `| ${cells.join(' | ')} |`)
    .join('\n')
}

/** `N bars met, M missed`, and findings if there are any. */
export function conclusionOf(results: DrillResults): string {
  const bars = barsOf(results)
  const met = bars.filter(bar => bar.isMet).length
  const found = [...results.rounds, ...results.measured].reduce((sum, one) => sum + one.findings.length, 0)
  const more = found === 0 ? '' : `; ${found} findings`
  return `${met} bars met, ${bars.length - met} missed${more}`
}

export const isFine = (results: DrillResults): boolean =>
  barsOf(results).every(bar => bar.isMet) &&
  [...results.rounds, ...results.measured].every(one => one.findings.length === 0)
