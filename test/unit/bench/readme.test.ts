/** Where results go in a page. */
import { expect, test } from 'vitest'
import { benchPart, marksOf, withPart } from '../../bench/readme.ts'
import type { Results } from '../../bench/results.ts'

const results: Results = {
  when: '2026-01-02T03:04:05.000Z',
  machine: { cpu: 'A CPU', cores: 2, memoryGiB: 8, kernel: 'Linux 6', node: 'v24', pinning: 'none', versions: {} },
  secs: 5,
  warm: 1,
  repeat: 1,
  scenarios: [],
}
const [BEGIN, END] = marksOf('bench')

test('the table goes between the markers of its part and nowhere else', () => {
  const before = `before\n${BEGIN}\nwhat was there\n${END}\n${marksOf('chaos').join('\n')}\nafter\n`
  const written = withPart(before, 'bench', benchPart(results))
  expect(written.startsWith(`before\n${BEGIN}\n`)).toBe(true)
  expect(written.endsWith(`\n${END}\n${marksOf('chaos').join('\n')}\nafter\n`)).toBe(true)
  expect(written).toContain('2026-01-02T03:04:05.000Z')
  expect(written).not.toContain('what was there')
  expect(withPart(written, 'bench', benchPart(results))).toBe(written)
  expect(() => withPart('no markers', 'bench', '')).toThrow('The page has no')
})
