/** SCRAM-SHA-256: the whole exchange against a client of its own that reproduces the example of RFC 7677, 3. */
import { describe, expect, test } from 'vitest'
import { fromBase64, toBase64 } from '../../../../edge/auth/base64.ts'
import { parseCredentials, type ScramEntry } from '../../../../edge/auth/credentials.ts'
import type { EnhancedStep } from '../../../../edge/auth/ports.ts'
import { parseClientFirst, prepare } from '../../../../edge/auth/scram-message.ts'
import { scramEntryText, scramSha256 } from '../../../../edge/auth/scram-sha-256.node.ts'
import { Reason } from '../../../../edge/wire/reason.ts'
import { bytes, connectAs, peerAt } from './samples.ts'

const subtle = crypto.subtle
const text = (data: Uint8Array | undefined): string => new TextDecoder().decode(data)

async function hmac(key: Uint8Array, message: string): Promise<Uint8Array> {
  const imported = await subtle.importKey('raw', key.slice(), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  return new Uint8Array(await subtle.sign('HMAC', imported, bytes(message).slice()))
}

async function saltedPassword(password: string, salt: Uint8Array, iterations: number): Promise<Uint8Array> {
  const key = await subtle.importKey('raw', bytes(password).slice(), 'PBKDF2', false, ['deriveBits'])
  const bits = await subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt: salt.slice(), iterations }, key, 256)
  return new Uint8Array(bits)
}

/** What a client sends last, and what it expects to hear then. */
async function clientFinal(password: string, firstBare: string, serverFirst: string, header = 'n,,') {
  const [, nonce, salt, count] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(serverFirst)!
  const salted = await saltedPassword(password, fromBase64(salt!)!, Number(count))
  const clientKey = await hmac(salted, 'Client Key')
  const storedKey = new Uint8Array(await subtle.digest('SHA-256', clientKey.slice()))
  const withoutProof = `c=${btoa(header)},r=${nonce}`
  const signed = `${firstBare},${serverFirst},${withoutProof}`
  const signature = await hmac(storedKey, signed)
  const proof = clientKey.map((byte, i) => byte ^ signature[i]!)
  const serverSignature = await hmac(await hmac(salted, 'Server Key'), signed)
  return { message: `${withoutProof},p=${toBase64(proof)}`, expected: `v=${toBase64(serverSignature)}` }
}

test('the client of this test gives the messages of RFC 7677, 3', async () => {
  const bare = 'n=user,r=rOprNGfwEbeRWgbNEkqO'
  const serverFirst = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096'
  const { message, expected } = await clientFinal('pencil', bare, serverFirst)
  expect(message).toContain('p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=')
  expect(expected).toBe('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')
})

const entries = new Map<string, ScramEntry>()
const method = scramSha256(user => entries.get(user))
async function enroll(user: string, password: string): Promise<void> {
  entries.set(user, parseCredentials(`u:${await scramEntryText(password, 4096)}`).get('u')!.scram!)
}

interface Attempt {
  readonly user?: string
  readonly password?: string
  readonly header?: string
  /** Changes the client's last message. */
  readonly spoil?: (message: string) => string
}

async function attempt({ user = 'alice', password = 'pencil', header = 'n,,', spoil }: Attempt) {
  const exchange = method.begin(connectAs(), peerAt('192.0.2.1'), false)
  const bare = `n=${user},r=clientNonce`
  const challenge = await exchange.next(bytes(header + bare))
  if (challenge.do !== 'continue') return { challenge, last: challenge, expected: '' }
  const { message, expected } = await clientFinal(password, bare, text(challenge.data), header)
  return { challenge, last: await exchange.next(bytes(spoil ? spoil(message) : message)), expected, exchange }
}

const refused = (reason: number) => expect.objectContaining({ do: 'refuse', reason })

describe('the exchange', () => {
  test('the right password is accepted and the server proves itself', async () => {
    await enroll('alice', 'pencil')
    const { challenge, last, expected } = await attempt({})
    expect(text((challenge as { data: Uint8Array }).data)).toMatch(/^r=clientNonce.{24},s=[^,]+,i=4096$/)
    expect(last).toMatchObject({ do: 'accept', username: 'alice', tenant: '' })
    expect(text((last as { data: Uint8Array }).data)).toBe(expected)
  })

  test('a client may send its first message in AUTH', async () => {
    await enroll('alice', 'pencil')
    const exchange = method.begin(connectAs(), peerAt('192.0.2.1'), false)
    expect(await exchange.next(undefined)).toEqual({ do: 'continue', data: undefined })
    expect((await exchange.next(bytes('n,,n=alice,r=abc'))).do).toBe('continue')
    const again = method.begin(connectAs(), peerAt('192.0.2.1'), false)
    await again.next(undefined)
    expect(await again.next(undefined)).toEqual(refused(Reason.ProtocolError))
  })

  test('a wrong password, and an unknown user after a challenge that looks real', async () => {
    await enroll('alice', 'pencil')
    expect((await attempt({ password: 'pencils' })).last).toEqual(refused(Reason.NotAuthorized))
    const unknown = [await attempt({ user: 'nobody' }), await attempt({ user: 'nobody' })]
    const salts = unknown.map(({ challenge }) => /s=([^,]+)/.exec(text((challenge as { data: Uint8Array }).data))![1])
    expect(unknown[0]!.last).toEqual((await attempt({ password: 'x' })).last)
    expect(salts[0]).toBe(salts[1])
  })

  test('names and passwords beyond ASCII, with commas and equals signs', async () => {
    await enroll('a,b=c', 'pässwörd')
    expect((await attempt({ user: 'a=2Cb=3Dc', password: 'pässwörd' })).last).toMatchObject({ username: 'a,b=c' })
    expect(prepare('I\u00adX\u00a0\u2168')).toBe('IX IX')
    expect(prepare('a\u0007')).toBeUndefined()
  })

  test('a client that could bind to a channel but was not offered it', async () => {
    await enroll('alice', 'pencil')
    expect((await attempt({ header: 'y,,' })).last.do).toBe('accept')
  })

  test.each<[string, (message: string) => string]>([
    ['another nonce', message => message.replace(/r=clientNonce/, 'r=clientNonceX')],
    ['another header', message => message.replace('c=biws', `c=${btoa('y,,')}`)],
    ['no proof', message => message.replace(/,p=.*/, '')],
    ['a short proof', message => message.replace(/,p=.*/, ',p=AAAA')],
    ['nonsense', () => 'hello'],
  ])('%s is refused', async (_, spoil) => {
    await enroll('alice', 'pencil')
    expect((await attempt({ spoil })).last).toEqual(refused(Reason.ProtocolError))
  })

  test.each([
    'p=tls-unique,,n=alice,r=abc',
    'n,a=root,n=alice,r=abc',
    'n,,m=x,n=alice,r=abc',
    'n,,n=,r=abc',
    'n,,n=alice,r=',
    'n,,n=ali=ce,r=abc',
    'n,,n=alice,r=a\u0001',
    '',
  ])("the first message '%s' is refused", first => {
    expect(parseClientFirst(first)).toBeUndefined()
    expect(method.begin(connectAs(), peerAt('192.0.2.1'), false).next(bytes(first))).toEqual(
      refused(Reason.ProtocolError),
    )
  })

  test('invalid UTF-8 is refused, and nothing follows the end of an exchange', async () => {
    await enroll('alice', 'pencil')
    const broken = method.begin(connectAs(), peerAt('192.0.2.1'), false)
    expect(broken.next(Uint8Array.of(0x6e, 0x2c, 0x2c, 0xff))).toEqual(refused(Reason.ProtocolError))
    const { exchange, last } = await attempt({})
    expect(last.do).toBe('accept')
    expect((exchange!.next(bytes('n,,n=alice,r=abc')) as EnhancedStep).do).toBe('refuse')
  })
})
