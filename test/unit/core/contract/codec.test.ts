/** Messages and envelopes come back from bytes as they went in, and damaged bytes are refused. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteReader, ByteWriter, decodeMessage, encodeMessage, own } from '../../../../core/contract/codec.ts'
import type { ClientKey, Incarnation, Tenant, TopicFilter, TopicName } from '../../../../core/contract/ids.ts'
import type { Step } from '../../../../core/contract/link.ts'
import { Message, messageKey, type QoS } from '../../../../core/contract/message.ts'
import { EnvelopeWriter, readEnvelope } from '../../../../core/log/envelope.ts'

const name = fc.string({ unit: 'grapheme', maxLength: 200 })
const bytes = fc.uint8Array({ maxLength: 300 })
const seq = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
const packetId = fc.integer({ min: 1, max: 65_535 })
const message = fc
  .record({
    origin: fc.constantFrom('a', 'b', 'ein/anderer'),
    seq,
    tenant: fc.constantFrom('', 't1'),
    topic: name,
    qos: fc.constantFrom<QoS[]>(0, 1, 2),
    payload: bytes,
    retain: fc.boolean(),
    props: fc.oneof(fc.constant(new Uint8Array(0)), bytes),
    expiresAt: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 4_000_000_000_000 })),
    sender: name,
    packetId: fc.oneof(fc.constant(0), packetId),
    target: fc.oneof(fc.constant(''), name),
  })
  .map(
    m =>
      new Message(m.origin as Incarnation, m.seq, {
        ...m,
        tenant: m.tenant as Tenant,
        topic: m.topic as TopicName,
        sender: m.sender as ClientKey,
        target: m.target as ClientKey,
      }),
  )
const plain = (m: Message) => ({ ...m, payload: [...m.payload], props: [...m.props] })

test('a message comes back as it was', () => {
  fc.assert(
    fc.property(message, m => {
      expect(plain(decodeMessage(encodeMessage(m)))).toEqual(plain(m))
    }),
  )
})

test('a message that is owned shares no bytes', () => {
  fc.assert(
    fc.property(message, m => {
      const mine = own(m)
      const before = plain(m)
      m.payload.fill(0)
      m.props.fill(0)
      expect(plain(mine)).toEqual(before)
    }),
  )
})

test('numbers of every size and text of every kind come back', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.maxSafeNat(), name)), values => {
      const w = new ByteWriter(1)
      for (const [n, s] of values) {
        w.varint(n)
        w.text(s)
      }
      const r = new ByteReader(w.copy())
      for (const [n, s] of values) expect([r.varint(), r.text()]).toEqual([n, s])
      expect(r.done).toBe(true)
    }),
  )
})

test('bytes that end early, or are anything, are refused with a RangeError or read as something', () => {
  fc.assert(
    fc.property(message, fc.nat(), (m, cut) => {
      const whole = encodeMessage(m)
      expect(() => decodeMessage(whole.subarray(0, cut % whole.length))).toThrow(RangeError)
    }),
  )
  fc.assert(
    fc.property(bytes, noise => {
      try {
        decodeMessage(noise)
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError)
      }
    }),
  )
})

test('an envelope gives back its records in order, at their positions', () => {
  const client = name.map(n => n as ClientKey)
  const record = fc.oneof(
    message.map(m => ({ message: m })),
    fc.record({
      client,
      whole: fc.boolean(),
      step: fc.record({ step: fc.constant('out' as const), packetId, message }),
    }),
    fc.record({
      client,
      whole: fc.constant(false),
      step: fc.record({ step: fc.constantFrom('rec' as const, 'rel' as const), packetId }),
    }),
    fc.record({
      client,
      whole: fc.constant(false),
      step: fc.record({
        step: fc.constant('done' as const),
        packetId,
        message: fc.option(message, { nil: undefined }),
      }),
    }),
    fc.record({
      client,
      whole: fc.constant(false),
      step: fc.record({ step: fc.constant('taken' as const), group: name.map(n => n as TopicFilter), message }),
    }),
  )
  const stored = (step: Step, whole: boolean) => {
    if (step.step === 'out')
      return {
        step: 'out',
        packetId: step.packetId,
        key: messageKey(step.message),
        message: whole ? plain(step.message) : undefined,
      }
    if (step.step === 'done') return { ...step, message: undefined, key: step.message && messageKey(step.message) }
    if (step.step === 'taken') return { ...step, message: undefined, key: messageKey(step.message) }
    return step
  }
  fc.assert(
    fc.property(fc.array(record, { minLength: 1 }), records => {
      const writer = new EnvelopeWriter()
      for (const r of records) 'message' in r ? writer.message(r.message) : writer.step(r.client, r.step, r.whole)
      expect(writer.records).toBe(records.length)
      const taken = writer.take()
      const found: unknown[] = []
      readEnvelope(10, taken.copy(), {
        message: (position, m) => found.push([position, plain(m)]),
        step: (position, c, s) =>
          found.push([
            position,
            c,
            'message' in s && s.message !== undefined ? { ...s, message: plain(s.message) } : s,
          ]),
      })
      expect(found).toEqual(
        records.map((r, i) =>
          'message' in r ? [10 + i, plain(r.message)] : [10 + i, r.client, stored(r.step, r.whole)],
        ),
      )
    }),
  )
})
