/** The conversations' own judgement: what counts as the packet a row wants, and the bytes of raw parts. */
import { describe, expect, test } from 'vitest'
import { bytesOf, varint } from './frame.ts'
import { absent, between, type Memory, oneOf, pattern, present, same, save, use } from './match.ts'
import { frame, props, text } from './row.ts'
import { ROWS } from './rows.ts'

const fits = (wanted: unknown, got: unknown, memory: Memory = new Map()) => same(wanted, got, memory)

describe('what fits', () => {
  test('only what is named is looked at', () => {
    expect(fits({ cmd: 'puback', messageId: 1 }, { cmd: 'puback', messageId: 1, code: 0 })).toBe(true)
    expect(fits({ cmd: 'puback', messageId: 1 }, { cmd: 'puback', messageId: 2 })).toBe(false)
    expect(fits({ cmd: 'puback' }, undefined)).toBe(false)
  })

  test('payloads compare as text, or byte by byte', () => {
    expect(fits({ payload: 'grüß' }, { payload: Buffer.from('grüß') })).toBe(true)
    expect(fits({ payload: Buffer.from([0xc3, 0x28]) }, { payload: Buffer.from([0xc3, 0x28]) })).toBe(true)
    expect(fits({ payload: Buffer.from([1]) }, { payload: Buffer.from([2]) })).toBe(false)
  })

  test('user properties compare with their order', () => {
    expect(fits({ userProperties: { z: '1', a: '2' } }, { userProperties: { z: '1', a: '2' } })).toBe(true)
    expect(fits({ userProperties: { z: '1', a: '2' } }, { userProperties: { a: '2', z: '1' } })).toBe(false)
    expect(fits({ userProperties: { z: '1' } }, { userProperties: { z: '1', a: '2' } })).toBe(false)
  })

  test('subscription identifiers compare as a set', () => {
    expect(fits({ subscriptionIdentifier: [1, 2] }, { subscriptionIdentifier: [2, 1] })).toBe(true)
    expect(fits({ subscriptionIdentifier: [1] }, { subscriptionIdentifier: 1 })).toBe(true)
    expect(fits({ subscriptionIdentifier: [1, 2] }, { subscriptionIdentifier: [1, 2, 3] })).toBe(false)
  })

  test('checks', () => {
    expect(fits(oneOf(1, 2), 2)).toBe(true)
    expect(fits(oneOf(1, 2), 3)).toBe(false)
    expect(fits(between(1, 3), 3)).toBe(true)
    expect(fits(between(1, 3), 4)).toBe(false)
    expect(fits({ a: absent }, {})).toBe(true)
    expect(fits({ a: absent }, { a: 0 })).toBe(false)
    expect(fits({ a: { b: absent } }, {})).toBe(true)
    expect(fits({ a: present }, { a: 0 })).toBe(true)
    expect(fits(pattern('^\\$SYS/'), '$SYS/x')).toBe(true)
  })

  test('what is saved is used', () => {
    const memory: Memory = new Map()
    expect(fits({ messageId: save('id') }, { messageId: 7 }, memory)).toBe(true)
    expect(fits({ messageId: use('id') }, { messageId: 7 }, memory)).toBe(true)
    expect(fits({ messageId: use('id') }, { messageId: 8 }, memory)).toBe(false)
  })
})

describe('raw bytes', () => {
  const hex = (...parts: Parameters<typeof bytesOf>[0]) => bytesOf(parts, t => t.replace('{t}', 'xy')).toString('hex')

  test('hex, text and whole packets', () => {
    expect(hex('c0 00')).toBe('c000')
    expect(hex(text('{t}'))).toBe('00027879')
    expect(hex(frame(0x30, text('{t}'), props('01 01'), '61'))).toBe('3008' + '00027879' + '020101' + '61')
  })

  test('variable byte integers', () => {
    expect([0, 127, 128, 16383, 16384, 268435455].map(n => varint(n).toString('hex'))).toEqual([
      ...['00', '7f', '8001', 'ff7f', '808001', 'ffffff7f'],
    ])
  })

  test('hex that is none is refused', () => {
    expect(() => hex('c')).toThrow("Hex 'c' is not pairs of hex digits")
  })
})

describe('the rows', () => {
  test('names are unique, and every row is played', () => {
    expect(new Set(ROWS.map(row => row.name)).size).toBe(ROWS.length)
    expect(ROWS.filter(row => row.versions.length === 0 || row.steps.length === 0)).toEqual([])
  })
})
