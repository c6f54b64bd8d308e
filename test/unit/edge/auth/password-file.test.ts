/** Password file: right and wrong passwords, bounds, what a reconnect costs, and changes of the file. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { AclFile } from '../../../../edge/auth/acl-file.node.ts'
import { BoundedQueue } from '../../../../edge/auth/bounded-queue.ts'
import { checkUserName, parseCredentials, replaceUser } from '../../../../edge/auth/credentials.ts'
import { PasswordFile, type PasswordFileOptions } from '../../../../edge/auth/password-file.node.ts'
import type { AuthVerdict } from '../../../../edge/auth/ports.ts'
import { hashPassword, SCRYPT_COST } from '../../../../edge/auth/scrypt.node.ts'
import { VerifiedCache } from '../../../../edge/auth/verified-cache.node.ts'
import { Reason } from '../../../../edge/wire/reason.ts'
import { bytes, CHEAP, connectAs, identity } from './samples.ts'

const folder = mkdtempSync(join(tmpdir(), 'meridian-auth-'))
const path = join(folder, 'users')
const reports: string[] = []
let cheap = ''
let costly = ''
let open: { close(): void }[] = []

beforeAll(async () => {
  cheap = await hashPassword('secret', CHEAP)
  costly = await hashPassword('secret', SCRYPT_COST)
})
afterEach(() => {
  for (const file of open) file.close()
  open = []
  reports.length = 0
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function openFile(text: string, more: Partial<PasswordFileOptions> = {}): Promise<PasswordFile> {
  writeFileSync(path, text)
  const file = await PasswordFile.open({
    path,
    report: text => void reports.push(text),
    watchEveryMs: 3_600_000,
    ...more,
  })
  open.push(file)
  return file
}

const accepted = (username: string) => ({ do: 'accept', username, tenant: '' })
const refused = (reason: number) => expect.objectContaining({ do: 'refuse', reason })

describe('verdicts', () => {
  test('right, wrong, unknown, none', async () => {
    const file = await openFile(`alice:${cheap}\n`)
    expect(await file.authenticate(connectAs('alice', 'secret'))).toEqual(accepted('alice'))
    expect(await file.authenticate(connectAs('alice', 'Secret'))).toEqual(refused(Reason.BadUserNameOrPassword))
    expect(await file.authenticate(connectAs('alice', ''))).toEqual(refused(Reason.BadUserNameOrPassword))
    expect(await file.authenticate(connectAs('alice'))).toEqual(refused(Reason.BadUserNameOrPassword))
    expect(await file.authenticate(connectAs('mallory', 'secret'))).toEqual(refused(Reason.BadUserNameOrPassword))
    expect(await file.authenticate(connectAs())).toEqual({ do: 'next' })
  })

  test('unknown users and users that only have a SCRAM entry look the same', async () => {
    const scram = `$scram-sha-256$i=4096$c2FsdA$${'A'.repeat(43)}$${'A'.repeat(43)}`
    const file = await openFile(`alice:${cheap}\nbob:${scram}\n`)
    const verdicts = await Promise.all(['bob', 'nobody'].map(user => file.authenticate(connectAs(user, 'secret'))))
    expect(verdicts[0]).toEqual(verdicts[1])
    expect(file.scramEntry('bob')?.iterations).toBe(4096)
  })

  test('an unknown user costs as much time as a known one', async () => {
    const file = await openFile(`alice:${costly}\n`)
    const best = { alice: Number.POSITIVE_INFINITY, nobody: Number.POSITIVE_INFINITY }
    // In turns, and the best of some: what a busy machine adds is not ours.
    for (let i = 0; i < 6; i++)
      for (const user of ['alice', 'nobody'] as const) {
        const before = performance.now()
        await file.authenticate(connectAs(user, `wrong ${i}`))
        best[user] = Math.min(best[user], performance.now() - before)
      }
    expect(best.nobody / best.alice).toBeGreaterThan(0.5)
    expect(best.nobody / best.alice).toBeLessThan(2)
  })

  test('the password is copied before it waits: its bytes may be a view on the read buffer', async () => {
    const file = await openFile(`alice:${cheap}\n`, { concurrency: 1 })
    const password = bytes('secret')
    const first = file.authenticate(connectAs('alice', 'x'))
    const second = file.authenticate({ ...connectAs('alice'), password })
    password.fill(0)
    await first
    expect(await second).toEqual(accepted('alice'))
  })
})

describe('load', () => {
  test('a password that was right is not hashed again, until it changes', async () => {
    const file = await openFile(`alice:${cheap}\n`)
    expect(file.authenticate(connectAs('alice', 'secret'))).toBeInstanceOf(Promise)
    await file.authenticate(connectAs('alice', 'secret'))
    expect(file.authenticate(connectAs('alice', 'secret'))).toEqual(accepted('alice'))
    expect(file.authenticate(connectAs('alice', 'wrong'))).toBeInstanceOf(Promise)
    writeFileSync(path, `alice:${await hashPassword('other', CHEAP)}\n`)
    await file.reload()
    expect(await file.authenticate(connectAs('alice', 'secret'))).toEqual(refused(Reason.BadUserNameOrPassword))
    expect(await file.authenticate(connectAs('alice', 'other'))).toEqual(accepted('alice'))
  })

  test('a fleet that shares a password and connects at once costs one check', async () => {
    const file = await openFile(`alice:${cheap}\n`, { concurrency: 1, maxWaiting: 1 })
    const fleet = Array.from({ length: 50 }, () => file.authenticate(connectAs('alice', 'secret')))
    const wrong = Array.from({ length: 50 }, () => file.authenticate(connectAs('alice', 'wrong')))
    expect(new Set(await Promise.all(fleet))).toEqual(new Set([accepted('alice')]))
    for (const verdict of await Promise.all(wrong)) expect(verdict).toEqual(refused(Reason.BadUserNameOrPassword))
  })

  test('more checks than the queue holds are refused as busy, not as wrong', async () => {
    const file = await openFile(`alice:${cheap}\n`, { concurrency: 1, maxWaiting: 2 })
    const verdicts = await Promise.all(
      Array.from({ length: 5 }, (_, i) => file.authenticate(connectAs('alice', `w${i}`))),
    )
    const reasons = verdicts.map((verdict: AuthVerdict) => (verdict.do === 'refuse' ? verdict.reason : 0))
    expect(reasons).toEqual([0x86, 0x86, 0x86, 0x89, 0x89])
    expect(await file.authenticate(connectAs('alice', 'secret'))).toEqual(accepted('alice'))
  })

  test('the queue keeps order and its concurrency, also when a task fails', async () => {
    const queue = new BoundedQueue(2, 10)
    const started: number[] = []
    let running = 0
    let most = 0
    const task = (i: number) => async () => {
      started.push(i)
      most = Math.max(most, ++running)
      await new Promise(done => setTimeout(done, 1))
      running--
      if (i === 1) throw new Error('No')
      return i
    }
    const results = await Promise.allSettled([0, 1, 2, 3, 4, 5].map(i => queue.run(task(i))))
    expect(results.map(result => result.status === 'fulfilled')).toEqual([true, false, true, true, true, true])
    expect(started).toEqual([0, 1, 2, 3, 4, 5])
    expect(most).toBe(2)
  })

  test('what is remembered is bounded, the least recently used goes first', () => {
    const cache = new VerifiedCache(2)
    const [a, b, c] = ['a', 'b', 'c'].map(user => cache.mark(user, '', bytes('p'))) as [string, string, string]
    cache.add(a)
    cache.add(b)
    expect(cache.has(a)).toBe(true)
    cache.add(c)
    expect([a, b, c].map(mark => cache.has(mark))).toEqual([true, false, true])
    expect(new VerifiedCache(2).mark('a', '', bytes('p'))).not.toBe(a)
  })
})

describe('the file', () => {
  test('a broken new version is reported once and the old one stays in force', async () => {
    const file = await openFile(`alice:${cheap}\n`)
    writeFileSync(path, 'alice=secret\n')
    await file.reload()
    await file.reload()
    expect(reports).toEqual([
      `File '${path}' cannot be used: Line 1 is not 'user:$scheme$…'; what was read before stays in force`,
    ])
    expect(await file.authenticate(connectAs('alice', 'secret'))).toEqual(accepted('alice'))
    rmSync(path)
    await file.reload()
    expect(reports).toHaveLength(2)
    expect(await file.authenticate(connectAs('alice', 'secret'))).toEqual(accepted('alice'))
  })

  test('it is watched, also when replaced by another file', async () => {
    const file = await openFile(`alice:${cheap}\n`, { watchEveryMs: 10 })
    writeFileSync(`${path}.new`, `bob:${cheap}\n`)
    renameSync(`${path}.new`, path)
    await expect.poll(async () => (await file.authenticate(connectAs('bob', 'secret'))).do).toBe('accept')
  })

  test('a missing file is refused at the start', async () => {
    await expect(PasswordFile.open({ path: join(folder, 'none'), report: () => {} })).rejects.toThrow(
      `File '${join(folder, 'none')}'`,
    )
  })

  test('an ACL file is watched the same way', async () => {
    const aclPath = join(folder, 'acl')
    writeFileSync(aclPath, 'default allow\n')
    const acl = await AclFile.open({ path: aclPath, report: text => void reports.push(text), watchEveryMs: 3_600_000 })
    open.push(acl)
    expect(acl.unrestricted('publish')).toBe(true)
    writeFileSync(aclPath, 'default deny\n')
    await acl.reload()
    expect(acl.unrestricted('publish')).toBe(false)
    expect(acl.allows(identity('c'), 'publish', 'a')).toBe(false)
    writeFileSync(aclPath, 'default  perhaps\n')
    await acl.reload()
    expect(reports[0]).toContain('Line 1')
    expect(acl.unrestricted('publish')).toBe(false)
  })
})

describe('the text', () => {
  const hash = 'aGFzaGhhc2hoYXNoaGFzaA'
  test.each<[string, string]>([
    ['alice', "Line 1 is not 'user:$scheme$…'"],
    [':x', "Line 1 is not 'user:$scheme$…'"],
    ['a:plain', "Line 1 has no scrypt or scram-sha-256 entry for user 'a'"],
    [`a:$scrypt$ln=30,r=8,p=1$c2FsdA$${hash}`, 'Line 1 has no scrypt'],
    [`a:$scrypt$ln=14,r=8,p=0$c2FsdA$${hash}`, 'Line 1 has no scrypt'],
    ['a:$scrypt$ln=14,r=8,p=1$c2FsdA$aGFzaA', 'Line 1 has no scrypt'],
    [`a:$scrypt$ln=14,r=8,p=1$c2!sdA$${hash}`, 'Line 1 has no scrypt'],
    [`a:$scram-sha-256$i=1$c2FsdA$${'A'.repeat(43)}$${'A'.repeat(43)}`, 'Line 1 has no scrypt'],
    [
      `a:$scrypt$ln=4,r=1,p=1$c2FsdA$${hash}\na:$scrypt$ln=4,r=1,p=1$c2FsdA$${hash}`,
      "Line 2 is a second scrypt entry for user 'a'",
    ],
  ])('%s', (text, error) => {
    expect(() => parseCredentials(text)).toThrow(error)
  })

  test('names that cannot stand in it', () => {
    expect(['', '#a', 'a:b', 'a\nb', 'a b', 'ü'].map(name => checkUserName(name) === undefined)).toEqual([
      false,
      false,
      false,
      false,
      true,
      true,
    ])
  })

  test('replacing a user touches no line of another, also if its name begins the same', () => {
    expect(replaceUser('ab:1\na:2\na:3\n', 'a', ['9'])).toBe('ab:1\na:9\n')
    expect(replaceUser('x:1', 'a', ['9'])).toBe('x:1\na:9\n')
    expect(replaceUser('', 'a', ['8', '9'])).toBe('a:8\na:9\n')
  })
})
