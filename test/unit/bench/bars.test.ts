/** Bars over several rounds: ratios by their median, losses by their worst. */
import { expect, test } from 'vitest'
import { atLeast, atMost, cpuRatio, judge, none } from '../../bench/bars.ts'
import { chartOf } from '../../bench/chart.ts'
import type { LoadReport } from '../../bench/load/report.ts'
import { median, type Outcome, type Round } from '../../bench/outcome.ts'
import type { Results } from '../../bench/results.ts'
import { scenarioLines, tableOf } from '../../bench/table.ts'

const ran = (report: Partial<LoadReport>): Outcome => ({
  ok: true,
  report: { scenario: 'p2p', qos: 1, v: 4, size: 64, ...report },
})
const round = (ours: number, theirs: number, lost = 0): Round => ({
  meridian: ran({ cpu_us_per_delivery: ours, lost, p99_ms: ours }),
  mosquitto: ran({ cpu_us_per_delivery: theirs, lost: 5, p99_ms: theirs }),
})

test('the median of nothing, one, two and three', () => {
  expect([median([]), median([4]), median([4, 2]), median([9, 1, 3])]).toEqual([undefined, 4, 3, 3])
})

test('a ratio is taken in each round, then its median', () => {
  const verdict = judge(cpuRatio(1.3, 'cpu'), [round(10, 10), round(30, 10), round(24, 20)])
  expect(verdict).toMatchObject({ value: 1.2, values: [1, 3, 1.2], verdict: 'pass' })
})

test('one loss in any round misses the bar', () => {
  expect(judge(none('lost', 'lost'), [round(1, 1), round(1, 1, 2), round(1, 1)])).toMatchObject({
    value: 2,
    verdict: 'fail',
  })
})

test('limits hold at the limit', () => {
  expect(judge(atMost('p99_ms', 50, 'p99'), [round(50, 1)]).verdict).toBe('pass')
  expect(judge(atLeast('p99_ms', 50, 'p99'), [round(49, 1)]).verdict).toBe('fail')
})

test('a run that failed misses its bars; a broker that was not asked for skips them', () => {
  const failed: Outcome = { ok: false, why: 'Exited with 1' }
  expect(judge(cpuRatio(1.3, 'cpu'), [{ ...round(1, 1), meridian: failed }])).toMatchObject({
    value: undefined,
    verdict: 'fail',
  })
  expect(judge(cpuRatio(1.3, 'cpu'), [{ meridian: failed }]).verdict).toBe('skipped')
})

test('table and chart show what was measured, and why something was not', () => {
  const rounds: Round[] = [{ ...round(8.5, 20), aedes: { ok: false, why: 'Exited with 1:\n stack <overflow>' } }]
  const bars = [judge(cpuRatio(1.3, 'CPU ≤ 1.3 × Mosquitto'), rounds)]
  const scenario = { name: 'p2p', title: 'p2p & more', load: '--qos 1', rounds, bars }
  const machine = {
    cpu: 'A',
    cores: 2,
    memoryGiB: 4,
    kernel: 'Linux',
    node: 'v24',
    pinning: 'none',
    versions: { aedes: '1' },
  }
  const results: Results = { when: '2026-01-01T00:00:00Z', machine, secs: 5, warm: 2, repeat: 1, scenarios: [scenario] }
  const lines = scenarioLines(scenario).join('\n')
  expect(lines).toContain('8.50')
  expect(lines).toContain('aedes              failed: Exited with 1: stack <overflow>')
  expect(lines).toContain('  PASS  CPU ≤ 1.3 × Mosquitto: 0.425')
  expect(tableOf(results)).toContain('Bars: 1 met, 0 missed, 0 skipped')
  expect(chartOf(results)).toMatch(/^<svg [\s\S]*>8\.5<[\s\S]*<\/svg>\n$/)
})
