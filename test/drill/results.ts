/** What drills leave behind: results of scenarios, and the bars they are held against. Pure. */
import { quantile } from '../history/words.ts'
import type { Kind } from './member.ts'
import type { RoundResult } from './round.ts'
import type { Settings } from './settings.ts'

/** Times of single clients, in milliseconds, by what was timed; and what was wrong. */
export interface Measured {
  readonly scenario: 'takeover' | 'steady'
  readonly timesMs: Readonly<Record<string, readonly number[]>>
  readonly figures: Readonly<Record<string, number>>
  readonly findings: readonly string[]
}

export interface DrillResults {
  /** ISO 8601. */
  readonly when: string
  readonly settings: Settings
  readonly rounds: readonly RoundResult[]
  readonly measured: readonly Measured[]
}

export interface Bar {
  readonly what: string
  readonly value: string
  readonly bar: string
  /** Undefined: a figure without a bar. */
  readonly isMet: boolean | undefined
}

/** What `steady` times: a publish in the first region under these circumstances. */
export const STEADY = {
  alone: 'that region alone',
  beside: 'the others beside it',
  listening: 'all of them listening',
} as const

const RECOVERY_BARS = [
  [0.5, 3_000],
  [0.99, 8_000],
] as const
const TAKEOVER_MS = 1_500
const STEADY_SHARE = 0.1

/** Those of the scenarios that were played. */
export function barsOf({ rounds, measured }: Pick<DrillResults, 'rounds' | 'measured'>): Bar[] {
  const bars: Bar[] = []
  const atMost = (what: string, value: number | undefined, most: number, show: (value: number) => string): void => {
    const text = value === undefined ? 'not measured' : show(value)
    bars.push({ what, value: text, bar: `≤ ${show(most)}`, isMet: value !== undefined && value <= most })
  }
  const none = (what: string, count: number): void =>
    void bars.push({ what, value: String(count), bar: '0', isMet: count === 0 })
  const lost = rounds.filter(one => one.scenario === 'region-loss')
  for (const [share, most] of lost.length > 0 ? RECOVERY_BARS : []) {
    const value = quantile(timesOf(lost, 'sdk', 'publishMs'), share)
    atMost(`SDK device in a lost region, first acknowledged publish, p${share * 100}`, value, most, inSeconds)
  }
  const timed = (scenario: Measured['scenario'], what: string): number[] =>
    measured.flatMap(one => (one.scenario === scenario ? [...(one.timesMs[what] ?? [])] : []))
  if (measured.some(one => one.scenario === 'takeover')) {
    const times = timed('takeover', 'all')
    const what = `takeover between regions with 100 messages waiting, ${times.length} of them, p99`
    atMost(what, quantile(times, 0.99), TAKEOVER_MS, inSeconds)
  }
  if (measured.some(one => one.scenario === 'steady')) {
    const alone = timed('steady', STEADY.alone)
    const cost = (what: string): number | undefined => shareMore(alone, timed('steady', what))
    const text = `a publish in the first region, p50: more with`
    atMost(`${text} ${STEADY.beside}`, cost(STEADY.beside), STEADY_SHARE, inPercent)
    const listening = cost(STEADY.listening)
    if (listening !== undefined)
      bars.push({ what: `${text} ${STEADY.listening}`, value: inPercent(listening), bar: '–', isMet: undefined })
  }
  const sum = (of: (round: RoundResult) => number): number => rounds.reduce((all, round) => all + of(round), 0)
  const ofAll = `, ${rounds.length} rounds`
  for (const scenario of new Set(rounds.map(one => one.scenario))) {
    const own = rounds.filter(one => one.scenario === scenario)
    const count = own.reduce((all, { tallies: [, one, two] }) => all + one.lost + two.lost, 0)
    none(`acknowledged QoS 1 and 2 messages lost, ${own.length} × ${scenario}`, count)
  }
  if (rounds.length > 0) {
    none(
      `QoS 2 duplicates${ofAll}`,
      sum(round => round.tallies[2].duplicates),
    )
    none(
      `wills twice, missing, or of clients that were there${ofAll}`,
      sum(round => round.wills.wrong + round.wills.lost),
    )
    none(
      `two live owners after the kick${ofAll}`,
      sum(round => round.twoOwners),
    )
  }
  const drains = rounds.filter(one => one.scenario === 'drain')
  if (drains.length > 0) {
    none(
      'drain: wills of clients that came back',
      drains.reduce((all, one) => all + one.wills.wrong, 0),
    )
    none(
      'drain: publishes that failed',
      drains.reduce((all, one) => all + one.publishesFailed, 0),
    )
  }
  return bars
}

export const timesOf = (rounds: readonly RoundResult[], kind: Kind, what: 'publishMs' | 'ownedMs'): number[] =>
  rounds.flatMap(round => [...round.recovery[kind][what]])

/** How much longer the median is, as a share of the one before. */
function shareMore(before: readonly number[], now: readonly number[]): number | undefined {
  const [one, other] = [quantile(before, 0.5), quantile(now, 0.5)]
  return one === undefined || other === undefined ? undefined : other / one - 1
}

export const inSeconds = (ms: number): string => (ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(2)} s`)
const inPercent = (share: number): string => `${(share * 100).toFixed(1)} %`
