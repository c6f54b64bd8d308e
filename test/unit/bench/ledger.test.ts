/** The accounting of lost, doubled and misordered deliveries, with deliveries made up by hand. */
import { describe, expect, test } from 'vitest'
import { Ledger, ledgerBits, lostOf } from '../../bench/load/ledger.ts'

const ledger = (streams: number, messages: number, ordered = true): Ledger =>
  new Ledger(ledgerBits(streams, messages), streams, messages, ordered)

const feed = (to: Ledger, stream: number, ...seqs: number[]): void => {
  for (const seq of seqs) to.record(stream, seq)
}

describe('one stream', () => {
  test('everything once and in order leaves nothing to say', () => {
    const l = ledger(1, 100)
    feed(l, 0, ...Array.from({ length: 100 }, (_, i) => i))
    expect(l.counts()).toEqual({ seen: 100, dup: 0, outOfOrder: 0, stray: 0 })
    expect(lostOf(100, [l.counts()])).toBe(0)
  })

  test('a duplicate does not hide a loss', () => {
    const l = ledger(1, 10)
    feed(l, 0, 0, 1, 1, 3)
    expect(l.counts()).toMatchObject({ seen: 4, dup: 1, outOfOrder: 0 })
    expect(lostOf(4, [l.counts()])).toBe(1)
  })

  test('a late first delivery is out of order, a late repetition is a duplicate only', () => {
    const l = ledger(1, 10)
    feed(l, 0, 0, 2, 1, 2, 0)
    expect(l.counts()).toEqual({ seen: 5, dup: 2, outOfOrder: 1, stray: 0 })
  })

  test('order is not judged where several receivers share a stream', () => {
    const l = ledger(1, 10, false)
    feed(l, 0, 3, 1, 2, 0)
    expect(l.counts()).toMatchObject({ outOfOrder: 0, dup: 0 })
  })
})

describe('many streams', () => {
  test('are kept apart, also where their bits are neighbours', () => {
    const l = ledger(3, 33)
    for (const stream of [0, 1, 2]) feed(l, stream, ...Array.from({ length: 33 }, (_, i) => i))
    expect(l.counts()).toEqual({ seen: 99, dup: 0, outOfOrder: 0, stray: 0 })
  })

  test('what belongs to no stream, or cannot have been sent, is a stray and makes up for nothing', () => {
    const l = ledger(2, 10)
    feed(l, -1, 0)
    feed(l, 2, 0)
    feed(l, 1, 10)
    expect(l.counts()).toEqual({ seen: 3, dup: 0, outOfOrder: 0, stray: 3 })
    expect(lostOf(3, [l.counts()])).toBe(3)
  })

  test('two threads that share the bits see each other’s deliveries', () => {
    const bits = ledgerBits(1, 10)
    const [a, b] = [new Ledger(bits, 1, 10, false), new Ledger(bits, 1, 10, false)]
    feed(a, 0, 0, 1)
    feed(b, 0, 1, 2)
    expect(a.dup + b.dup).toBe(1)
    expect(lostOf(4, [a.counts(), b.counts()])).toBe(1)
  })
})
