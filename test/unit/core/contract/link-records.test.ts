/** Parts of link records: they come as they were written, and no damaged byte does more than throw a RangeError. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteReader, ByteWriter } from '../../../../core/contract/codec.ts'
import type { ClientKey, Incarnation, Tenant, TopicFilter, TopicName } from '../../../../core/contract/ids.ts'
import { Ranges, Runs, readRanges, readRuns } from '../../../../core/contract/link/ranges.ts'
import {
  readOutbound,
  readRef,
  readSubscription,
  readWill,
  writeOutbound,
  writeRef,
  writeSubscription,
  writeWill,
} from '../../../../core/contract/link/records.ts'
import { Message, type QoS } from '../../../../core/contract/message.ts'
import type { Inflight, Subscription, Will } from '../../../../core/contract/session.ts'

const text = fc.string({ minLength: 1, maxLength: 20, unit: 'binary' }).filter(s => s.isWellFormed())
const bytes = fc.uint8Array({ maxLength: 40 })
const qos = fc.constantFrom<QoS[]>(0, 1, 2)
const u32 = fc.nat(0xffffffff)
const big = fc.nat(Number.MAX_SAFE_INTEGER)

const message = fc
  .record({
    origin: text,
    seq: big,
    topic: text,
    qos,
    payload: bytes,
    props: bytes,
    retain: fc.boolean(),
    ref: fc.nat(3),
  })
  .map(({ origin, seq, ref, topic, ...rest }) => {
    const m = new Message(origin as Incarnation, seq, {
      tenant: '' as Tenant,
      topic: topic as TopicName,
      ...rest,
      sender: ':c' as ClientKey,
    })
    m.ref = ref
    return m
  })
const subscription: fc.Arbitrary<Subscription> = fc.record({
  filter: text.map(t => t as TopicFilter),
  qos,
  noLocal: fc.boolean(),
  retainAsPublished: fc.boolean(),
  retainHandling: fc.constantFrom<(0 | 1 | 2)[]>(0, 1, 2),
  id: fc.nat(268_435_455),
})
const will: fc.Arbitrary<Will> = fc.record({
  topic: text.map(t => t as TopicName),
  payload: bytes,
  qos,
  retain: fc.boolean(),
  props: bytes,
  delaySec: u32,
  expirySec: fc.option(u32, { nil: undefined }),
})
const inflight: fc.Arbitrary<Inflight> = fc.record({
  packetId: fc.integer({ min: 1, max: 0xffff }),
  state: fc.constantFrom('sent' as const, 'received' as const),
  qos: fc.constantFrom(1 as const, 2 as const),
  retain: fc.boolean(),
  message: fc.option(message, { nil: undefined }),
})

function round<T>(value: T, write: (w: ByteWriter, value: T) => void, read: (r: ByteReader) => T): T {
  const w = new ByteWriter(8)
  write(w, value)
  const r = new ByteReader(w.copy())
  const back = read(r)
  expect(r.done).toBe(true)
  return back
}

test('subscriptions and wills', () => {
  fc.assert(
    fc.property(subscription, s => {
      expect(round(s, writeSubscription, readSubscription)).toEqual(s)
    }),
  )
  fc.assert(
    fc.property(will, w => {
      expect(round(w, writeWill, readWill)).toEqual(w)
    }),
  )
})

test('what is in flight and what waits: by delivery number while that is not answered, else whole', () => {
  fc.assert(
    fc.property(fc.array(inflight, { maxLength: 5 }), fc.array(message, { maxLength: 5 }), (flights, queue) => {
      const all = [...queue, ...flights.flatMap(f => f.message ?? [])]
      // As one link numbers them.
      for (const [i, m] of all.entries()) m.ref = m.ref === 0 ? 0 : i + 1
      const outbound = { inflight: flights, queue }
      const back = round(outbound, writeOutbound, r => readOutbound(r, n => all[n - 1]))
      for (const m of all) m.ref = 0
      expect(back).toEqual(outbound)
      for (const [i, m] of back.queue.entries()) if (all.indexOf(queue[i]!) + 1 === m.ref) expect(m).toBe(queue[i])
    }),
  )
})

test('a message that is finished is named only', () => {
  fc.assert(
    fc.property(message, m => {
      m.ref = 0
      const back = round<Message | undefined>(
        m,
        (w, v) => writeRef(w, v, true),
        r => readRef(r, () => undefined),
      )
      expect([back?.origin, back?.seq]).toEqual([m.origin, m.seq])
    }),
  )
})

test('a delivery that is answered cannot be named', () => {
  const w = new ByteWriter()
  w.u8(1)
  w.varint(5)
  expect(() => readRef(new ByteReader(w.copy()), () => undefined)).toThrow('Delivery 5 is answered')
})

test('ranges in any order, and runs', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(500), { maxLength: 60 }), numbers => {
      const ranges = new Ranges()
      for (const n of numbers) ranges.add(n)
      const back: number[] = []
      round(
        ranges,
        (w, r) => r.write(w),
        r => {
          readRanges(r, n => back.push(n))
          return ranges
        },
      )
      expect(back).toEqual(numbers)
      expect(ranges.isEmpty).toBe(true)
      const runs = new Runs()
      const rising = [...numbers].sort((a, b) => a - b)
      for (const n of rising) runs.add(n, n % 3 === 0)
      const flags = new Map<number, boolean>()
      let from = 0
      round(
        runs,
        (w, r) => r.write(w),
        r => {
          readRuns(r, (upTo, flag) => {
            for (const n of rising) if (n >= from && n <= upTo) flags.set(n, flag)
            from = upTo + 1
          })
          return runs
        },
      )
      for (const n of rising) expect(flags.get(n)).toBe(n % 3 === 0)
    }),
  )
})

test('damaged bytes throw a RangeError and nothing else', () => {
  const readers = [
    (r: ByteReader) => readOutbound(r, () => undefined),
    (r: ByteReader) => readWill(r),
    (r: ByteReader) => readSubscription(r),
    (r: ByteReader) =>
      readRanges(r, n => {
        if (n > 100) throw new RangeError('Too large')
      }),
  ]
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.constantFrom(...readers), (damaged, read) => {
      try {
        read(new ByteReader(damaged))
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError)
      }
    }),
    { numRuns: 3000 },
  )
})
