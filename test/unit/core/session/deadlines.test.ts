/** Deadlines against a plain map, and the watermark against a plain count. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Envelope, Watermark } from '../../../../core/log/watermark.ts'
import { Deadlines } from '../../../../core/session/deadlines.ts'

test('everything is due once, in its second, whatever was moved or removed before', () => {
  const op = fc.oneof(
    fc.record({ do: fc.constant('set' as const), item: fc.nat(8), in: fc.integer({ min: -3000, max: 100_000 }) }),
    fc.record({ do: fc.constant('delete' as const), item: fc.nat(8) }),
    fc.record({ do: fc.constant('never' as const), item: fc.nat(8) }),
    fc.record({
      do: fc.constant('pass' as const),
      ms: fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 1_000_000 })),
    }),
  )
  fc.assert(
    fc.property(fc.array(op, { maxLength: 60 }), ops => {
      const deadlines = new Deadlines<number>()
      const model = new Map<number, number>()
      let now = 1_700_000_000_000
      for (const o of ops) {
        if (o.do === 'set') {
          deadlines.set(o.item, now + o.in)
          model.set(o.item, Math.ceil((now + o.in) / 1000))
        } else if (o.do !== 'pass') {
          if (o.do === 'never') deadlines.set(o.item, Number.POSITIVE_INFINITY)
          else deadlines.delete(o.item)
          model.delete(o.item)
        } else {
          now += o.ms
          const due = [...model].filter(([, second]) => second * 1000 <= now).map(([item]) => item)
          for (const item of due) model.delete(item)
          expect(deadlines.due(now).sort()).toEqual(due.sort())
        }
        expect(deadlines.size).toBe(model.size)
      }
    }),
  )
})

test('the log may be trimmed up to the oldest open envelope', () => {
  const watermark = new Watermark()
  const envelopes = Array.from({ length: 5000 }, (_, i) => new Envelope(i + 1))
  for (const e of envelopes) watermark.add(e)
  for (const e of envelopes.slice(0, 3000)) e.open--
  envelopes[10]!.open++
  expect([watermark.low(9999), watermark.size]).toEqual([11, 4990])
  envelopes[10]!.open--
  expect([watermark.low(9999), watermark.size]).toEqual([3001, 2000])
  for (const e of envelopes.slice(3000)) e.open--
  expect([watermark.low(9999), watermark.size]).toEqual([9999, 0])
})
