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
  readonly isMet: boolean
}

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
  for (const one of measured) {
    if (one.scenario === 'takeover') {
      const value = quantile(one.timesMs.all ?? [], 0.99)
      atMost('takeover between regions with 100 messages waiting, p99', value, TAKEOVER_MS, inSeconds)
    } else {
      atMost('cost of further regions to a publish in the first, p50', costOf(one), STEADY_SHARE, inPercent)
    }
  }
  const sum = (of: (round: RoundResult) => number): number => rounds.reduce((all, round) => all + of(round), 0)
  for (const scenario of new Set(rounds.map(one => one.scenario))) {
    const own = rounds.filter(one => one.scenario === scenario)
    const count = own.reduce((all, { tallies: [, one, two] }) => all + one.lost + two.lost, 0)
    none(`acknowledged QoS 1 and 2 messages lost, ${own.length} × ${scenario}`, count)
  }
  if (rounds.length > 0) {
    none(
      'QoS 2 duplicates',
      sum(round => round.tallies[2].duplicates),
    )
    none(
      'wills twice, missing, or of clients that were there',
      sum(round => round.wills.wrong + round.wills.lost),
    )
    none(
      'two live owners after the kick',
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

/** How much longer a publish takes with several regions, as a share of what it takes with one. */
function costOf({ timesMs }: Measured): number | undefined {
  const [one, several] = [quantile(timesMs.one ?? [], 0.5), quantile(timesMs.several ?? [], 0.5)]
  return one === undefined || several === undefined ? undefined : several / one - 1
}

export const inSeconds = (ms: number): string => (ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(2)} s`)
const inPercent = (share: number): string => `${(share * 100).toFixed(1)} %`
