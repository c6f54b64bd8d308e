/** Where the results go in the README. */
import { expect, test } from 'vitest'
import { BEGIN, END, withResults } from '../../bench/readme.ts'
import type { Results } from '../../bench/results.ts'

const results: Results = {
  when: '2026-01-02T03:04:05.000Z',
  machine: { cpu: 'A CPU', cores: 2, memoryGiB: 8, kernel: 'Linux 6', node: 'v24', pinning: 'none', versions: {} },
  secs: 5,
  warm: 1,
  repeat: 1,
  scenarios: [],
}

test('the table goes between the markers and nowhere else', () => {
  const written = withResults(`before\n${BEGIN}\nwhat was there\n${END}\nafter\n`, results)
  expect(written.startsWith(`before\n${BEGIN}\n`)).toBe(true)
  expect(written.endsWith(`\n${END}\nafter\n`)).toBe(true)
  expect(written).toContain('2026-01-02T03:04:05.000Z')
  expect(written).not.toContain('what was there')
  expect(withResults(written, results)).toBe(written)
  expect(() => withResults('no markers', results)).toThrow('README.md has no')
})
