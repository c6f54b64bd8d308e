/** Envelopes as messages of RocketMQ: cut and put together again, whatever comes twice. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  Assembler,
  type Entry,
  frame,
  frameSeal,
  type Piece,
  readFrame,
} from '../../../../../core/log/rocketmq/wal-frame.ts'

const pieces = (body: Uint8Array): Piece[] => {
  const found: Piece[] = []
  readFrame(body, { piece: piece => found.push(piece), seal: () => expect.unreachable() })
  return found
}

const entries = fc
  .array(
    fc.record({ records: fc.integer({ min: 1, max: 9 }), envelope: fc.uint8Array({ minLength: 1, maxLength: 300 }) }),
    { maxLength: 8 },
  )
  .map(list => {
    let position = 1
    return list.map((e): Entry => {
      const entry = { ...e, position }
      position += e.records
      return entry
    })
  })

test('every envelope comes back whole and in order, also if each message comes twice', () => {
  fc.assert(
    fc.property(entries, fc.integer({ min: 4, max: 200 }), fc.boolean(), (list, bodyBytes, twice) => {
      const assembler = new Assembler()
      const found: Entry[] = []
      let end = 0
      const bodies = frame(list, bodyBytes)
      for (const { bytes } of bodies)
        for (let i = 0; i < (twice ? 2 : 1); i++)
          for (const piece of pieces(bytes)) {
            if (piece.position < end) continue
            const entry = assembler.take(piece)
            if (entry === undefined) continue
            end = entry.position + entry.records
            found.push({ ...entry, envelope: entry.envelope.slice() })
          }
      expect(found).toEqual(list)
      expect(bodies.flatMap(body => body.begins)).toEqual(list.map(e => e.position))
      for (const { bytes } of bodies) expect(bytes.length).toBeLessThan(bodyBytes + 48)
    }),
  )
})

test('an envelope whose first piece is missing is left out', () => {
  const [, second] = frame([{ position: 1, records: 1, envelope: new Uint8Array(100) }], 60)
  expect(pieces(second!.bytes).map(piece => new Assembler().take(piece))).toEqual([undefined])
})

test('a seal names who sealed', () => {
  let by = ''
  readFrame(frameSeal('wal-c2-x'), { piece: () => expect.unreachable(), seal: name => (by = name) })
  expect(by).toBe('wal-c2-x')
})

test.each([
  ['another version', [9, 1], 'A message of the log has version 9'],
  ['another kind', [1, 7], 'A message of the log is of unknown kind 7'],
  ['an early end', [1, 1, 1, 1, 5], 'Record of 5 bytes ends early'],
])('%s is refused', (_, bytes, text) => {
  expect(() => readFrame(new Uint8Array(bytes), { piece() {}, seal() {} })).toThrow(text)
})
