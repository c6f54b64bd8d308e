/** Bars and tables of made-up results, and the command line. */
import { describe, expect, test } from 'vitest'
import { barsTable, conclusionOf, isFine, readmePart, tableOf } from './report.ts'
import { barsOf, type DrillResults, type Measured } from './results.ts'
import type { RoundResult } from './round.ts'
import { SCENARIOS } from './run.ts'
import { parseSettings } from './settings.ts'

const settings = parseSettings(['region-loss', '--seed', '7'], SCENARIOS)
const nothing = { sent: 0, acknowledged: 0, delivered: 0, duplicates: 0, lost: 0 }
const round = (more: Partial<RoundResult> = {}): RoundResult => ({
  ...{ scenario: 'region-loss', round: 1, seconds: 60 },
  recovery: { sdk: { publishMs: [1_000, 2_000], ownedMs: [900] }, plain: { publishMs: [9_000], ownedMs: [] } },
  tallies: [nothing, nothing, { ...nothing, acknowledged: 5 }],
  ...{ wills: { came: 3, lost: 0, wrong: 0 }, twoOwners: 0, retainedWrong: 0, publishesFailed: 0 },
  ...{ figures: {}, findings: [] },
  ...more,
})
const takeover = (...all: number[]): Measured => ({
  ...{ scenario: 'takeover', timesMs: { all }, figures: {}, findings: [] },
})
const results = (rounds: RoundResult[], measured: Measured[] = []): DrillResults => ({
  ...{ when: '2026-01-01T00:00:00.000Z', settings, rounds, measured },
})
const missed = (of: DrillResults): string[] => barsOf(of).flatMap(({ what, isMet }) => (isMet ? [] : [what]))

describe('bars', () => {
  test('all are met', () => {
    expect(missed(results([round()], [takeover(1_000, 1_500)]))).toEqual([])
    expect(conclusionOf(results([round()]))).toBe('6 bars met, 0 missed')
    expect(isFine(results([round()]))).toBe(true)
  })

  test.each([
    [
      'a slow device',
      round({ recovery: { sdk: { publishMs: [8_001], ownedMs: [] }, plain: round().recovery.plain } }),
      2,
    ],
    ['a lost message', round({ tallies: [nothing, { ...nothing, lost: 1 }, nothing] }), 1],
    ['a lost one of QoS 0', round({ tallies: [{ ...nothing, lost: 1 }, nothing, nothing] }), 0],
    ['QoS 2 twice', round({ tallies: [nothing, nothing, { ...nothing, duplicates: 1 }] }), 1],
    ['a will that did not come', round({ wills: { came: 2, lost: 1, wrong: 0 } }), 1],
    ['two owners', round({ twoOwners: 1 }), 1],
    [
      'a drain that fails publishes and fires wills',
      round({ scenario: 'drain', publishesFailed: 1, wills: { came: 1, lost: 0, wrong: 1 } }),
      3,
    ],
  ] as const)('%s', (_, one, count) => {
    expect(missed(results([one]))).toHaveLength(count)
  })

  test('what was measured, and what could not be', () => {
    expect(missed(results([], [takeover(1_501)]))).toHaveLength(1)
    expect(missed(results([], [takeover()]))).toHaveLength(1)
    const steady = (one: number, several: number): Measured => ({
      ...{ scenario: 'steady', timesMs: { one: [one], several: [several] }, figures: {}, findings: [] },
    })
    expect(missed(results([], [steady(1, 1.09)]))).toEqual([])
    expect(missed(results([], [steady(1, 1.2)]))).toHaveLength(1)
  })

  test('a finding is not fine, whatever the bars say', () => {
    const found = results([round({ findings: ['x'] })])
    expect(conclusionOf(found)).toBe('6 bars met, 0 missed; 1 findings')
    expect(isFine(found)).toBe(false)
  })
})

test('tables have a row for each scenario and each bar', () => {
  const rounds = [round(), round({ round: 2 }), round({ scenario: 'partition' })]
  expect(tableOf(rounds).split('\n')[2]).toBe(
    '| region-loss | 2 | 1.00 s / 2.00 s | 9.00 s / 9.00 s | 900 ms / 900 ms | 0 / 10 | 0 / 0 / 0 | 0 / 0 | 0 | 0 |',
  )
  expect(tableOf(rounds).split('\n')).toHaveLength(4)
  expect(barsTable(barsOf(results(rounds))).split('\n')).toHaveLength(2 + barsOf(results(rounds)).length)
  expect(readmePart({ 'region-loss': results(rounds) })).toContain(
    'region-loss: seed 7, 200 + 200 devices, 2026-01-01.',
  )
})

describe('the command line', () => {
  test('defaults', () => {
    expect(settings).toMatchObject({
      devices: 200,
      plain: 200,
      rounds: 1,
      regions: ['eu', 'us', 'ap'],
      sites: ['eu', 'us'],
    })
  })

  test.each([
    [[], "Scenario is '' but must be some of region-loss, site-loss"],
    [['flood'], "Scenario is 'flood' but must be some of region-loss"],
    [['drain', '--rounds', '0'], "Flag --rounds is '0' but must be a number from 1 to 10000"],
    [['drain', '--patience', 'much'], "Flag --patience is 'much'"],
  ])('%j is refused', (args, text) => {
    expect(() => parseSettings(args, SCENARIOS)).toThrow(text)
  })
})
