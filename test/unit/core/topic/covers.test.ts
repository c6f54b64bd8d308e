/** Which filters a pattern takes in. */
import { expect, test } from 'vitest'
import { covers } from '../../../../core/topic/covers.ts'

test.each([
  ['a/b', 'a/b', true],
  ['a/b', 'a/c', false],
  ['a/+', 'a/b', true],
  ['a/+', 'a/+', true],
  ['a/+', 'a/#', false],
  ['a/+', 'a', false],
  ['a/#', 'a', true],
  ['a/#', 'a/#', true],
  ['a/#', 'a/+/c', true],
  ['a/+/#', 'a/#', false],
  ['a/+/#', 'a/+', true],
  ['+/#', '#', true],
  ['/+/#', '/#', true],
  ['+/+/#', '/#', true],
  ['+/+/#', '+/#', false],
  ['#', '+/a', true],
  ['#', '$SYS/#', false],
  ['+/a', '$x/a', false],
  ['$SYS/#', '$SYS/+', true],
  ['a/b', 'a/+', false],
  ['a/b/c', 'a/b', false],
  ['a/b', 'a/b/c', false],
])('covers(%s, %s) is %s', (pattern, filter, expected) => {
  expect(covers(pattern, filter)).toBe(expected)
})
