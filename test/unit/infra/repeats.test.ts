/** Lines that come again and again: the first, one in 30 s, and the end. */
import { expect, test } from 'vitest'
import { Repeats } from '../../../infra/repeats.ts'

test('the same cause is said once, then every 30 s with how often it was left out', () => {
  let now = 0
  const repeats = new Repeats(() => now)
  const said: unknown[] = []
  for (; now < 70_000; now += 1_000) {
    const leftOut = repeats.take('a')
    if (leftOut !== undefined) said.push([now, leftOut])
  }
  expect(said).toEqual([
    [0, 0],
    [30_000, 29],
    [60_000, 29],
  ])
  expect(repeats.take('b')).toBe(0)
})

test('what has not come for a while has ceased; what came once is not worth a word', () => {
  let now = 0
  const repeats = new Repeats(() => now)
  repeats.take('once')
  repeats.take('often')
  now = 5_000
  repeats.take('often')
  expect(repeats.ceased()).toEqual([])
  now = 20_000
  expect(repeats.ceased()).toEqual([{ cause: 'often', times: 2, forMs: 5_000 }])
  expect(repeats.take('often')).toBe(0)
})

test('what is over begins anew', () => {
  const repeats = new Repeats(() => 0)
  repeats.take('link-failed ws://a')
  repeats.over('link-failed')
  expect(repeats.take('link-failed ws://a')).toBe(0)
})
