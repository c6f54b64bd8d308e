/** Bars and tables of made-up results, and the command line. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { keepResults, keptResults } from './kept.ts'
import { barsTable, conclusionOf, isFine, readmePart, tableOf } from './report.ts'
import { barsOf, type DrillResults, type Measured, STEADY } from './results.ts'
import type { RoundResult } from './round.ts'
import { SCENARIOS } from './run.ts'
import { parseSettings } from './settings.ts'

const settings = parseSettings(['region-loss', '--seed', '7'], SCENARIOS)
const nothing = { sent: 0, acknowledged: 0, delivered: 0, duplicates: 0, lost: 0 }
const round = (more: Partial<RoundResult> = {}): RoundResult => ({
  ...{ scenario: 'region-loss', seed: 7, round: 1, seconds: 60 },
  recovery: { sdk: { publishMs: [1_000, 2_000], ownedMs: [900] }, plain: { publishMs: [9_000], ownedMs: [] } },
  tallies: [nothing, nothing, { ...nothing, acknowledged: 5 }],
  ...{ wills: { came: 3, lost: 0, wrong: 0 }, twoOwners: 0, retainedWrong: 0, publishesFailed: 0 },
  ...{ figures: {}, findings: [], unfit: [] },
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
      ...{
        scenario: 'steady',
        timesMs: { [STEADY.alone]: [one], [STEADY.beside]: [several] },
        figures: {},
        findings: [],
      },
    })
    expect(missed(results([], [steady(1, 1.09)]))).toEqual([])
    expect(missed(results([], [steady(1, 1.2)]))).toHaveLength(1)
    expect(missed(results([], [steady(1, 1), steady(1, 1.09), steady(1, 1.2), steady(1, 1.2)]))).toHaveLength(0)
  })

  test('what all regions want has no bar', () => {
    const timesMs = { [STEADY.alone]: [1], [STEADY.beside]: [1], [STEADY.listening]: [2] }
    const all = results([], [{ scenario: 'steady', timesMs, figures: {}, findings: [] }])
    expect(barsTable(barsOf(all)).split('\n')[3]).toBe(
      '| a publish in the first region, p50: more with all of them listening | 100.0 % | – |  |',
    )
    expect(conclusionOf(all)).toBe('1 bars met, 0 missed')
    expect(isFine(all)).toBe(true)
  })

  test('a finding is not fine, whatever the bars say', () => {
    const found = results([round({ findings: ['x'] })])
    expect(conclusionOf(found)).toBe('6 bars met, 0 missed; 1 findings')
    expect(isFine(found)).toBe(false)
  })
})

test('tables have a row for each variant and each bar', () => {
  const silent = round({ variant: 'silent', seed: 8 })
  const rounds = [round(), round({ round: 2, seed: 9 }), silent, round({ scenario: 'partition' })]
  const lines = tableOf(rounds).split('\n')
  expect(lines[2]).toBe(
    '| region-loss | 2 | 1.00 s / 2.00 s / 2.00 s | 9.00 s / 9.00 s / 9.00 s | 900 ms / 900 ms / 900 ms | 0 / 10 | 0 / 0 / 0 | 0 / 0 | 0 | 0 |',
  )
  expect(lines.map(line => line.split(' | ')[0])).toEqual([
    '| what was lost',
    '| ---',
    '| region-loss',
    '| region-loss, silent',
    '| partition',
  ])
  expect(barsTable(barsOf(results(rounds))).split('\n')).toHaveLength(2 + barsOf(results(rounds)).length)
})

test('results of several programs count together', () => {
  const folder = mkdtempSync(join(tmpdir(), 'drill-results-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const two = results([round(), round({ seed: 8, tallies: [nothing, { ...nothing, lost: 1 }, nothing] })])
  keepResults(folder, results([round()]))
  keepResults(folder, two)
  const others = { ...settings, seed: 20, scenarios: ['region-loss', 'partition', 'redis-loss'] }
  keepResults(folder, {
    ...results([round({ seed: 20 }), round({ scenario: 'partition', seed: 20 })]),
    settings: others,
  })
  expect(readdirSync(folder)).toEqual(['partition-20.json', 'region-loss-20.json', 'region-loss-7.json'])
  const part = readmePart(keptResults(folder))
  expect(part).toContain('| acknowledged QoS 1 and 2 messages lost, 3 × region-loss | 1 | 0 | missed |')
  expect(part).toContain('| QoS 2 duplicates, 4 rounds | 0 | 0 | met |')
  expect(part).toContain(
    'partition: seed 20, 200 + 200 devices, 2026-01-01; region-loss: seed 20, 200 + 200 devices, 2026-01-01; region-loss: seeds 7 to 8, 200 + 200 devices, 2026-01-01.',
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
