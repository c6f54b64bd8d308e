/**
 * The password file: one `user:$scheme$…` per line, a user may have one line per scheme. Reads and writes its text; hashes nothing.
 *
 *     alice:$scrypt$ln=14,r=8,p=5$<salt>$<hash>
 *     alice:$scram-sha-256$i=15000$<salt>$<storedKey>$<serverKey>
 */
import { fromBase64, toBase64Bare } from './base64.ts'

export interface ScryptEntry {
  /** log2 of N. */
  readonly ln: number
  readonly r: number
  readonly p: number
  readonly salt: Uint8Array
  readonly hash: Uint8Array
  /** The entry as it stands in the file; changes when the password does. */
  readonly text: string
}

/** What a server keeps for SCRAM (RFC 5802, 3): neither key is enough to log in. */
export interface ScramEntry {
  readonly iterations: number
  readonly salt: Uint8Array
  readonly storedKey: Uint8Array
  readonly serverKey: Uint8Array
}

export interface Credentials {
  scrypt?: ScryptEntry
  scram?: ScramEntry
}

export type CredentialsByUser = ReadonlyMap<string, Credentials>

/** Memory one check may use: 128 · N · r bytes. */
const MAX_SCRYPT_BYTES = 256 * 1024 * 1024
const MAX_PARALLEL = 64
const SHA256_BYTES = 32

/** Parses a whole file. Throws an Error that names the line; blank lines and lines that start with '#' are skipped. */
export function parseCredentials(text: string): CredentialsByUser {
  const users = new Map<string, Credentials>()
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.replace(/\r$/, '')
    if (line.trim() === '' || line.startsWith('#')) continue
    const colon = line.indexOf(':')
    if (colon <= 0) throw new Error(`Line ${index + 1} is not 'user:$scheme$…'`)
    const user = line.slice(0, colon)
    const entry = parseEntry(line.slice(colon + 1))
    if (entry === undefined)
      throw new Error(`Line ${index + 1} has no scrypt or scram-sha-256 entry for user '${user}'`)
    const known = users.get(user) ?? {}
    const scheme = entry.scrypt ? 'scrypt' : 'scram'
    if (known[scheme]) throw new Error(`Line ${index + 1} is a second ${scheme} entry for user '${user}'`)
    users.set(user, { ...known, ...entry })
  }
  return users
}

function parseEntry(text: string): Credentials | undefined {
  const [empty, scheme, settings = '', ...values] = text.split('$')
  if (empty !== '') return undefined
  const bytes = values.map(fromBase64)
  if (bytes.some(part => part === undefined || part.length === 0)) return undefined
  if (scheme === 'scrypt') return parseScrypt(settings, bytes as Uint8Array[], text)
  if (scheme === 'scram-sha-256') return parseScram(settings, bytes as Uint8Array[])
  return undefined
}

function parseScrypt(settings: string, [salt, hash, more]: Uint8Array[], text: string): Credentials | undefined {
  const cost = /^ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,2})$/.exec(settings)
  if (!cost || !salt || !hash || more || hash.length < 16) return undefined
  const [ln, r, p] = [Number(cost[1]), Number(cost[2]), Number(cost[3])]
  const fits = ln >= 1 && r >= 1 && p >= 1 && p <= MAX_PARALLEL && 128 * 2 ** ln * r <= MAX_SCRYPT_BYTES
  return fits ? { scrypt: { ln, r, p, salt, hash, text } } : undefined
}

function parseScram(settings: string, [salt, storedKey, serverKey, more]: Uint8Array[]): Credentials | undefined {
  const count = /^i=(\d{1,7})$/.exec(settings)
  if (!count || !salt || storedKey?.length !== SHA256_BYTES || serverKey?.length !== SHA256_BYTES || more)
    return undefined
  const iterations = Number(count[1])
  // RFC 7677, 4: at least 4096.
  return iterations < 4096 ? undefined : { scram: { iterations, salt, storedKey, serverKey } }
}

export const scryptText = (entry: Omit<ScryptEntry, 'text'>): string =>
  `$scrypt$ln=${entry.ln},r=${entry.r},p=${entry.p}$${toBase64Bare(entry.salt)}$${toBase64Bare(entry.hash)}`

export const scramText = (entry: ScramEntry): string =>
  `$scram-sha-256$i=${entry.iterations}$${[entry.salt, entry.storedKey, entry.serverKey].map(toBase64Bare).join('$')}`

/** Why a name cannot stand in the file, or undefined if it can. */
export function checkUserName(user: string): string | undefined {
  if (user === '') return 'User name is empty'
  if (user.startsWith('#')) return `User name '${user}' starts with '#'`
  if (/[:\p{Cc}]/u.test(user)) return `User name ${JSON.stringify(user)} has a colon or a control character`
  return undefined
}

/** The file's text with all entries of `user` replaced by `entries`; every other line stays as it is. */
export function replaceUser(text: string, user: string, entries: readonly string[]): string {
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n')
  const isTheirs = (line: string): boolean => line.startsWith(`${user}:`)
  const at = lines.findIndex(isTheirs)
  const before = at < 0 ? lines : lines.slice(0, at)
  const after = at < 0 ? [] : lines.slice(at).filter(line => !isTheirs(line))
  return [...before, ...entries.map(entry => `${user}:${entry}`), ...after, ''].join('\n')
}
