/** Strict UTF-8 against TextDecoder and TextEncoder. Knows no packets. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hasNoNul, isUtf8, readUtf8, utf8Length, writeUtf8 } from '../../../../edge/wire/utf8.ts'

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function oracle(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes)
  } catch {
    return undefined
  }
}

/** Bytes around the borders that UTF-8 has. */
const border = fc.constantFrom(
  0,
  0x41,
  0x7f,
  0x80,
  0x8f,
  0x90,
  0x9f,
  0xa0,
  0xbf,
  0xc0,
  0xc1,
  0xc2,
  0xdf,
  0xe0,
  0xe1,
  0xec,
  0xed,
  0xee,
  0xef,
  0xf0,
  0xf1,
  0xf3,
  0xf4,
  0xf5,
  0xff,
)

test('isUtf8 and readUtf8 accept what a strict decoder accepts [MQTT-1.5.4-1, -2]', () => {
  const bytes = fc.array(border, { maxLength: 6 }).map(list => new Uint8Array(list))
  fc.assert(
    fc.property(bytes, input => {
      const text = oracle(input)
      expect(isUtf8(input)).toBe(text !== undefined)
      expect(readUtf8(input, 0, input.length)).toBe(text?.includes('\0') ? undefined : text)
      expect(hasNoNul(input, 0, input.length)).toBe(!input.includes(0))
    }),
    { numRuns: 5000 },
  )
})

test('every pair of bytes', () => {
  for (let pair = 0; pair < 0x10000; pair++) {
    const input = new Uint8Array([pair >> 8, pair & 0xff])
    if (isUtf8(input) !== (oracle(input) !== undefined)) expect(pair).toBe('judged as TextDecoder does')
  }
})

test('any string is written as TextEncoder writes it, lone surrogates as U+FFFD', () => {
  const unit = fc.oneof(
    fc.integer({ min: 1, max: 0xffff }),
    fc.integer({ min: 0xd7f0, max: 0xe010 }),
    fc.constant(0x61),
  )
  const text = fc.array(unit, { maxLength: 30 }).map(units => String.fromCharCode(...units))
  fc.assert(
    fc.property(text, input => {
      const expected = new TextEncoder().encode(input)
      expect(utf8Length(input)).toBe(expected.length)
      const out = new Uint8Array(expected.length + 4)
      expect(writeUtf8(out, 2, input)).toBe(expected.length + 2)
      expect(out.subarray(2, -2)).toEqual(expected)
    }),
    { numRuns: 1000 },
  )
})
