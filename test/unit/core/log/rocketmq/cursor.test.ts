/** A reader of a lite topic: what it takes, and when it asks again. */
import { expect, test } from 'vitest'
import { Cursor } from '../../../../../core/log/rocketmq/cursor.ts'

test('each offset once, in order; a gap is asked for again', () => {
  const cursor = new Cursor(3, 0)
  expect([2, 3, 3, 4].map(offset => cursor.take(offset, 0))).toEqual(['known', 'deliver', 'known', 'deliver'])
  expect(cursor.take(9, 0)).toBe('gap')
  expect(cursor.take(10, 0)).toBe('gap')
  expect([5, 6].map(offset => cursor.take(offset, 0))).toEqual(['deliver', 'deliver'])
  expect(cursor.next).toBe(7)
})

test('the same gap after many seconds: RocketMQ has deleted what is between', () => {
  const cursor = new Cursor(0, 0)
  const batch = (now: number) => [40, 41].map(offset => cursor.take(offset, now))
  expect(batch(0)).toEqual(['gap', 'gap'])
  expect(batch(4_999)).toEqual(['gap', 'gap'])
  expect(batch(5_000)).toEqual(['deliver', 'deliver'])
  expect(cursor.next).toBe(42)
})

test('a gap that another reader has made is no sign of that, however often it comes', () => {
  const cursor = new Cursor(0, 0)
  for (let now = 0; now < 4_000; now += 10) expect(cursor.take(3, now)).toBe('gap')
  expect([0, 1, 2, 3].map(offset => cursor.take(offset, 4_000))).toEqual(['deliver', 'deliver', 'deliver', 'deliver'])
  // Long after, another one begins anew.
  expect(cursor.take(9, 60_000)).toBe('gap')
  expect(cursor.take(9, 60_010)).toBe('gap')
})

test('what the gap was known by may be deleted as well', () => {
  const cursor = new Cursor(0, 0)
  expect([cursor.take(40, 0), cursor.take(50, 6_000), cursor.take(50, 11_000)]).toEqual(['gap', 'gap', 'deliver'])
})

test('silence is asked about with growing patience, and a message ends that', () => {
  const cursor = new Cursor(0, 0)
  const asked: number[] = []
  for (let now = 0; now <= 60_000; now += 500) if (cursor.silent(now)) asked.push(now)
  expect(asked).toEqual([2_000, 6_000, 14_000, 30_000, 60_000])
  cursor.take(0, 60_000)
  expect(cursor.silent(61_500)).toBe(false)
  expect(cursor.silent(62_000)).toBe(true)
})

test('who has lost it to another reader waits long, and a new beginning forgets that', () => {
  const cursor = new Cursor(0, 0)
  cursor.yield(0)
  expect(cursor.silent(29_000)).toBe(false)
  cursor.begin(5, 29_000)
  expect(cursor.silent(31_000)).toBe(true)
  expect(cursor.take(5, 31_000)).toBe('deliver')
})
