/** Results of drills as Markdown: a table by scenario, the bars, and what was found. Pure. */

import { sumOf } from '../history/tally.ts'
import { quantile } from '../history/words.ts'
import type { Kind } from './member.ts'
import { type Bar, barsOf, type DrillResults, inSeconds, type Measured, timesOf } from './results.ts'
import type { RoundResult } from './round.ts'

const KINDS: readonly Kind[] = ['sdk', 'plain']

export const linesOf = (round: RoundResult): string =>
  [
    `${nameOf(round)} ${round.round}, seed ${round.seed}: ${round.seconds.toFixed(0)} s, ${round.findings.length === 0 ? 'nothing found' : `${round.findings.length} FOUND`}`,
    ...KINDS.map(kind => `  ${kind.padEnd(6)}${recoveryText([round], kind)}`),
    ...([0, 1, 2] as const).map(qos => {
      const { sent, acknowledged, delivered, duplicates, lost } = round.tallies[qos]
      const first = qos === 0 ? `${sent} sent` : `${acknowledged} of ${sent} acknowledged`
      return `  QoS ${qos} ${first}, ${delivered} delivered, ${duplicates} duplicates, ${lost} lost`
    }),
    `  wills  ${round.wills.came} came, ${round.wills.lost} missing, ${round.wills.wrong} wrong; two owners ${round.twoOwners}; retained wrong ${round.retainedWrong}`,
    ...Object.entries(round.figures).map(([name, value]) => `  ${name}: ${Math.round(value * 10) / 10}`),
    ...round.findings.map(one => `  ! ${one}`),
    ...round.unfit.map(one => `  no ground for the next round: ${one}`),
  ].join('\n')

const nameOf = ({ scenario, variant }: RoundResult): string =>
  variant === undefined ? scenario : `${scenario}, ${variant}`

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
  'what was lost',
  'rounds',
  'RTO, device SDK: p50 / p99 / worst',
  'RTO, MQTT.js: p50 / p99 / worst',
  'sessions owned again: p50 / p99 / worst',
  'acknowledged QoS 1 / 2',
  'RPO: lost of QoS 0 / 1 / 2',
  'twice QoS 1 / 2',
  'wills wrong',
  'retained wrong',
]

/** One row by scenario and variant, over the devices of all its rounds. RTO: from the fault to the first acknowledged publish, of devices that were connected there. RPO: deliveries that never came. */
export function tableOf(rounds: readonly RoundResult[]): string {
  const spread = (times: readonly number[]): string => [0.5, 0.99, 1].map(share => timeOf(times, share)).join(' / ')
  const numbers = (...all: number[]): string => all.map(one => one.toLocaleString('en')).join(' / ')
  const rows = [...Map.groupBy(rounds, nameOf)].map(([name, own]) => {
    const [zero, one, two] = sumOf(own.map(round => round.tallies))
    return [
      name,
      own.length,
      ...KINDS.map(kind => spread(timesOf(own, kind, 'publishMs'))),
      spread(KINDS.flatMap(kind => timesOf(own, kind, 'ownedMs'))),
      numbers(one.acknowledged, two.acknowledged),
      numbers(zero.lost, one.lost, two.lost),
      numbers(one.duplicates, two.duplicates),
      own.reduce((all, round) => all + round.wills.wrong + round.wills.lost, 0),
      own.reduce((all, round) => all + round.retainedWrong, 0),
    ]
  })
  return markdown(HEAD, rows)
}

export const barsTable = (bars: readonly Bar[]): string =>
  markdown(
    ['', 'measured', 'bar', ''],
    bars.map(({ what, value, bar, isMet }) => [what, value, bar, isMet === undefined ? '' : isMet ? 'met' : 'missed']),
  )

/** The README's part: all results that are kept, together. */
export function readmePart(kept: readonly DrillResults[]): string {
  const [rounds, measured] = [kept.flatMap(one => one.rounds), kept.flatMap(one => one.measured)]
  const runs = kept.flatMap(({ settings: { devices, plain, seed }, when, rounds, measured }) => [
    ...[...Map.groupBy(rounds, one => one.scenario)].map(([scenario, own]) => {
      const seeds = own.map(one => one.seed)
      const range = own.length === 1 ? `seed ${seeds[0]}` : `seeds ${Math.min(...seeds)} to ${Math.max(...seeds)}`
      return `${scenario}: ${range}, ${devices} + ${plain} devices, ${when.slice(0, 10)}`
    }),
    ...measured.map(one => `${one.scenario}: seed ${seed}, ${when.slice(0, 10)}`),
  ])
  return `${tableOf(rounds)}\n\n${barsTable(barsOf({ rounds, measured }))}\n\n${runs.join('; ')}.`
}

function markdown(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [head, ['---', ...head.slice(1).map(() => '---:')], ...rows]
    .map(cells => `| ${cells.join(' | ')} |`)
    .join('\n')
}

/** `N bars met, M missed`, and findings if there are any. */
export function conclusionOf(results: DrillResults): string {
  const bars = barsOf(results)
  const count = (isMet: boolean): number => bars.filter(bar => bar.isMet === isMet).length
  const found = [...results.rounds, ...results.measured].reduce((sum, one) => sum + one.findings.length, 0)
  const more = found === 0 ? '' : `; ${found} findings`
  return `${count(true)} bars met, ${count(false)} missed${more}`
}

export const isFine = (results: DrillResults): boolean =>
  barsOf(results).every(bar => bar.isMet !== false) &&
  [...results.rounds, ...results.measured].every(one => one.findings.length === 0)
