/** Percentiles of the load generator's histogram against exact ones. */
import { describe, expect, test } from 'vitest'
import { bucketOf, Histogram, middleOf } from '../../bench/load/histogram.ts'

describe('buckets', () => {
  test('the middle of a bucket is within 0.8 % of every value in it, over 32 bits', () => {
    for (let value = 1; value < 2 ** 32; value = Math.ceil(value * 1.003)) {
      expect(Math.abs(middleOf(bucketOf(value)) - value) / value).toBeLessThan(1 / 127)
    }
  })

  test('buckets rise with the value and have no gap', () => {
    let last = bucketOf(0)
    for (let value = 1; value < 100_000; value++) {
      const bucket = bucketOf(value)
      if (bucket - last !== 0 && bucket - last !== 1) expect.fail(`Bucket ${bucket} follows ${last} at ${value}`)
      last = bucket
    }
  })

  test('values outside of the range count at its ends', () => {
    expect(bucketOf(-5)).toBe(0)
    expect(bucketOf(2 ** 40)).toBe(bucketOf(2 ** 32 - 1))
    expect(bucketOf(2 ** 32 - 1)).toBeLessThan(new Histogram().counts.length)
  })
})

describe('quantiles', () => {
  test('agree with the sorted values', () => {
    const histogram = new Histogram()
    const values = Array.from({ length: 10_000 }, (_, i) => ((i * 7919) % 10_000) ** 1.7 + 30)
    for (const value of values) histogram.add(value)
    values.sort((a, b) => a - b)
    for (const p of [0.5, 0.9, 0.99, 0.999, 1]) {
      const exactMs = values[Math.ceil(p * values.length) - 1]! / 1000
      expect(Math.abs(histogram.quantileMs(p) / exactMs - 1)).toBeLessThan(0.01)
    }
  })

  test('one slow value in a hundred shows at p99.9 and not at p99', () => {
    const histogram = new Histogram()
    for (let i = 0; i < 990; i++) histogram.add(100)
    for (let i = 0; i < 10; i++) histogram.add(1_000_000)
    expect(histogram.quantileMs(0.99)).toBe(0.1)
    expect(histogram.quantileMs(0.999)).toBeGreaterThan(990)
  })

  test('are 0 when nothing was counted', () => expect(new Histogram().quantileMs(0.99)).toBe(0))

  test('merged counts are the counts of both', () => {
    const [a, b] = [new Histogram(), new Histogram()]
    for (let i = 0; i < 100; i++) a.add(1000)
    for (let i = 0; i < 100; i++) b.add(5000)
    a.merge(b.counts)
    expect(a.total).toBe(200)
    expect(a.quantileMs(0.5)).toBeCloseTo(1, 1)
    expect(a.quantileMs(0.51)).toBeCloseTo(5, 1)
  })
})
