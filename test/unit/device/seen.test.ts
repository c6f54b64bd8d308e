/** Message ids that came already. */
import { expect, test } from 'vitest'
import { Seen } from '../../../device/seen.ts'

test('an id is new once, and again when newer ones have pushed it out', () => {
  const seen = new Seen(2)
  expect(['a', 'b', 'a', 'c', 'b', 'a'].map(id => seen.isNew(id))).toEqual([true, true, false, true, true, true])
  expect(seen.size).toBe(2)
})

test('an id that is too long is not remembered', () => {
  const seen = new Seen(2)
  const long = 'x'.repeat(60_000)
  expect([seen.isNew(long), seen.isNew(long), seen.size]).toEqual([true, true, 0])
})
