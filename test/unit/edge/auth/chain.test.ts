/** The chain of methods: their order, what counts as failure, and what an address may cost. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { EVERYTHING } from '../../../../edge/auth/acl.ts'
import { anonymous } from '../../../../edge/auth/anonymous.ts'
import { certificate } from '../../../../edge/auth/certificate.ts'
import { makeAuth } from '../../../../edge/auth/chain.ts'
import { FailureLimit, network } from '../../../../edge/auth/failure-limit.ts'
import { openAuth } from '../../../../edge/auth/open.node.ts'
import type { Authenticator, AuthVerdict, EnhancedMethod } from '../../../../edge/auth/ports.ts'
import { hashPassword } from '../../../../edge/auth/scrypt.node.ts'
import { EdgeStats } from '../../../../edge/stats.ts'
import { Reason, type ReasonCode } from '../../../../edge/wire/reason.ts'
import { CHEAP, connectAs, peerAt } from './samples.ts'

const refuse = (reason: ReasonCode): AuthVerdict => ({ do: 'refuse', reason, detail: '' })
const always = (verdict: AuthVerdict | Promise<AuthVerdict>): Authenticator => ({
  name: 'x',
  authenticate: () => verdict,
})
const chain = (
  authenticators: Authenticator[],
  more: { perMinute?: number; now?: () => number; enhanced?: EnhancedMethod[]; stats?: EdgeStats } = {},
) =>
  makeAuth({
    authenticators,
    enhanced: more.enhanced ?? [],
    authorizer: EVERYTHING,
    failures: new FailureLimit(more.perMinute ?? 3),
    now: more.now ?? (() => 0),
    stats: more.stats ?? new EdgeStats(),
  })
const ask = (auth: ReturnType<typeof chain>, address = '192.0.2.1') =>
  auth.authenticator.authenticate(connectAs('u', 'p'), peerAt(address))

describe('order', () => {
  test('the first that does not pass decides, with and without a promise', async () => {
    const bad = refuse(Reason.BadUserNameOrPassword)
    expect(ask(chain([always({ do: 'next' }), always(bad), anonymous]))).toBe(bad)
    expect(await ask(chain([always(Promise.resolve({ do: 'next' })), always({ do: 'next' }), always(bad)]))).toBe(bad)
  })

  test('nobody decides: 0x87', () => {
    expect(ask(chain([always({ do: 'next' })]))).toMatchObject({ do: 'refuse', reason: 0x87 })
    expect(ask(chain([]))).toMatchObject({ do: 'refuse', reason: 0x87 })
  })

  test('anonymous clients get no user name, whatever they say', () => {
    expect(ask(chain([anonymous]))).toEqual({ do: 'accept', username: undefined, tenant: '' })
  })

  test('a certificate names the user, peers without one are asked further', () => {
    const auth = chain([certificate(['tls']), anonymous])
    const at = (listener: 'tls' | 'tcp' | 'wss', name?: string) =>
      auth.authenticator.authenticate(connectAs('root'), { ...peerAt('192.0.2.1', name), listener })
    expect(at('tls', 'press-7')).toMatchObject({ do: 'accept', username: 'press-7' })
    expect(at('tls')).toMatchObject({ do: 'accept', username: undefined })
    // A PROXY header on a plain listener may claim any name.
    expect(at('tcp', 'press-7')).toMatchObject({ do: 'accept', username: undefined })
    expect(at('wss', 'press-7')).toMatchObject({ do: 'accept', username: undefined })
  })
})

describe('failures', () => {
  test('an address that failed too often is refused unasked for the rest of its minute', () => {
    let now = 0
    let asked = 0
    const counting: Authenticator = {
      name: 'x',
      authenticate() {
        asked++
        return refuse(Reason.BadUserNameOrPassword)
      },
    }
    const stats = new EdgeStats()
    const auth = chain([counting], { now: () => now, stats })
    const reasons = Array.from({ length: 5 }, () => (ask(auth) as { reason: number }).reason)
    expect(reasons).toEqual([0x86, 0x86, 0x86, 0x9f, 0x9f])
    expect(asked).toBe(3)
    expect(stats).toMatchObject({ authFailures: 3, authBlocked: 2 })
    expect(ask(auth, '192.0.2.2')).toMatchObject({ reason: 0x86 })
    now = 60_000
    expect(ask(auth)).toMatchObject({ reason: 0x86 })
  })

  test("a busy or unreachable backend is not the client's failure", async () => {
    for (const reason of [Reason.ServerBusy, Reason.ServerUnavailable]) {
      const auth = chain([always(Promise.resolve(refuse(reason)))])
      for (let i = 0; i < 10; i++) expect(await ask(auth)).toMatchObject({ reason })
    }
  })

  test('an enhanced method is guarded too', async () => {
    const never: EnhancedMethod = {
      method: 'NO',
      begin: () => ({ next: async () => refuse(Reason.NotAuthorized) as never }),
    }
    const stats = new EdgeStats()
    const auth = chain([], { enhanced: [never], stats })
    const tryIt = async () =>
      (await auth.enhanced[0]!.begin(connectAs(), peerAt('192.0.2.1'), false).next(undefined)) as { reason: number }
    expect([await tryIt(), await tryIt(), await tryIt(), await tryIt()].map(step => step.reason)).toEqual([
      0x87, 0x87, 0x87, 0x9f,
    ])
    expect(stats).toMatchObject({ authFailures: 3, authBlocked: 1 })
  })

  test('clients at a Unix socket share an address and are not held back', () => {
    const auth = chain([always(refuse(Reason.BadUserNameOrPassword))])
    for (let i = 0; i < 10; i++) {
      const verdict = auth.authenticator.authenticate(connectAs(), { ...peerAt(''), listener: 'unix' })
      expect(verdict).toMatchObject({ reason: 0x86 })
    }
  })

  test('addresses are bounded and the oldest go first', () => {
    const limit = new FailureLimit(1, 2)
    for (const address of ['a', 'b', 'c']) limit.failed(address, 0)
    expect(limit.size).toBe(2)
    expect(['a', 'b', 'c'].map(address => limit.blocked(address, 1))).toEqual([false, true, true])
  })

  test('the hosts of one IPv6 network count as one', () => {
    expect(network('2001:db8:0:1::5')).toBe(network('2001:0DB8:0000:0001:ffff::9'))
    expect(network('2001:db8:0:2::5')).not.toBe(network('2001:db8:0:1::5'))
    expect(network('::ffff:192.0.2.1')).toBe('192.0.2.1')
    expect(network('fe80::1%eth0')).toBe(network('fe80::2'))
    expect(network('::1')).toBe('0:0:0:0')
  })
})

describe('from settings', () => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-chain-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const order = ['certificate', 'password', 'anonymous'] as const
  const rest = { authFailuresPerMinute: 10, now: () => 0, stats: new EdgeStats(), report: () => {} }

  test('nothing configured: everybody, everything', async () => {
    const auth = await openAuth({ settings: { allowAnonymous: true, order, certificateListeners: [] }, ...rest })
    expect(await auth.authenticator.authenticate(connectAs(), peerAt('192.0.2.1'))).toMatchObject({ do: 'accept' })
    expect(auth.authorizer.unrestricted('publish')).toBe(true)
    expect(auth.enhanced).toEqual([])
    auth.close()
  })

  test('password and ACL files', async () => {
    const [passwordFile, aclFile] = [join(folder, 'users'), join(folder, 'acl')]
    writeFileSync(passwordFile, `alice:${await hashPassword('secret', CHEAP)}\n`)
    writeFileSync(aclFile, 'allow user alice all #\n')
    const auth = await openAuth({
      settings: { allowAnonymous: false, passwordFile, aclFile, order, certificateListeners: [] },
      ...rest,
    })
    const authenticate = (user?: string, password?: string) =>
      auth.authenticator.authenticate(connectAs(user, password), peerAt('192.0.2.1'))
    expect(await authenticate('alice', 'secret')).toMatchObject({ do: 'accept', username: 'alice' })
    expect(await authenticate()).toMatchObject({ do: 'refuse', reason: 0x87 })
    expect(auth.enhanced.map(({ method }) => method)).toEqual(['SCRAM-SHA-256'])
    expect(auth.authorizer.unrestricted('publish')).toBe(false)
    writeFileSync(aclFile, 'default allow\n')
    await auth.reload()
    expect(auth.authorizer.unrestricted('publish')).toBe(true)
    auth.close()
  })

  test('a file that cannot be used stops the start', async () => {
    writeFileSync(join(folder, 'bad'), 'nonsense\n')
    const settings = { allowAnonymous: true, aclFile: join(folder, 'bad'), order, certificateListeners: [] }
    await expect(openAuth({ settings, ...rest })).rejects.toThrow("Line 1 has 'nonsense'")
  })
})
