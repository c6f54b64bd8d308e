/** The first words on a link: what is understood, what is refused, and that a token is compared whole. */
import { describe, expect, test } from 'vitest'
import {
  decodeAnswer,
  decodeHello,
  encodeHello,
  type Hello,
  LINK_VERSION,
  sameToken,
} from '../../../../core/contract/link/hello.ts'

const HELLO: Hello = {
  is: 'hello',
  version: LINK_VERSION,
  edge: 'e1',
  region: 'r1',
  incarnation: 'x',
  session: '1',
  token: 't',
  received: 3,
  probe: false,
  site: '',
  to: '',
  term: 7,
}
const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

test('comes as it was sent', () => {
  expect(decodeHello(encodeHello(HELLO))).toEqual(HELLO)
  const version = LINK_VERSION
  const welcome = {
    is: 'welcome',
    version,
    core: 'c1',
    site: 'eu',
    incarnation: 'y',
    resumed: true,
    received: 9,
  } as const
  expect(decodeAnswer(encodeHello(welcome))).toEqual(welcome)
  const refused = { is: 'refused', version, why: 'standby', site: 'eu', detail: 'Core c2 is active' } as const
  expect(decodeAnswer(encodeHello(refused))).toEqual(refused)
})

test('who does not say which term it is of says none', () => {
  const { term: _, ...without } = HELLO
  expect(decodeHello(bytes(without)).term).toBe(0)
})

test('of another version only that is read', () => {
  expect(decodeHello(bytes({ is: 'hello', version: 7 })).version).toBe(7)
  expect(() => decodeAnswer(bytes({ is: 'welcome', version: 7 }))).toThrow('speaks version 7')
  const older = { is: 'refused', version: 1, why: 'version', detail: 'Link version 2 is not spoken, only 1' } as const
  expect(decodeAnswer(bytes(older))).toEqual({ ...older, site: '' })
})

describe('anything else is refused', () => {
  test.each([
    ['no JSON', new Uint8Array([1, 2, 3]), 'is no JSON'],
    ['something else', bytes({ is: 'welcome' }), 'is no hello'],
    ['nothing', bytes(null), 'is no hello'],
    ['a number as text', bytes({ ...HELLO, edge: 1 }), "Field 'edge'"],
    ['a long text', bytes({ ...HELLO, token: 'x'.repeat(2000) }), "Field 'token'"],
    ['a fraction', bytes({ ...HELLO, received: 0.5 }), "Field 'received'"],
    ['below zero', bytes({ ...HELLO, received: -1 }), "Field 'received'"],
    ['much', new Uint8Array(100_000), '100000 bytes'],
  ])('%s', (_, sent, error) => {
    expect(() => decodeHello(sent)).toThrow(error)
  })
})

test('a token is right or not', () => {
  expect(sameToken('secret', 'secret')).toBe(true)
  for (const given of ['', 'secre', 'secrets', 'Secret', 'secresecret', 'ſecret'])
    expect(sameToken(given, 'secret')).toBe(false)
  expect(sameToken('x', '')).toBe(false)
  expect(sameToken('', '')).toBe(true)
})
