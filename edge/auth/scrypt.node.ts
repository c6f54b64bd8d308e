/** Hashes passwords with scrypt, off the event loop. Keeps none. */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { type ScryptEntry, scryptText } from './credentials.ts'

export interface ScryptCost {
  /** log2 of N. */
  readonly ln: number
  readonly r: number
  readonly p: number
}

/** 16 MiB and some 0.1 s per check; one of the settings the OWASP password storage sheet lists as equally strong. */
export const SCRYPT_COST: ScryptCost = { ln: 14, r: 8, p: 5 }
const HASH_BYTES = 32
const SALT_BYTES = 16

/** A new `$scrypt$…` entry for a password, with a salt of its own. */
export async function hashPassword(password: string, cost: ScryptCost = SCRYPT_COST): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const hash = await derive(new TextEncoder().encode(password), salt, cost, HASH_BYTES)
  return scryptText({ ...cost, salt, hash })
}

/** Whether the password is the entry's. Takes as long for a wrong one as for the right one. */
export async function verifyPassword(entry: ScryptEntry, password: Uint8Array): Promise<boolean> {
  return timingSafeEqual(await derive(password, entry.salt, entry, entry.hash.length), entry.hash)
}

function derive(password: Uint8Array, salt: Uint8Array, cost: ScryptCost, length: number): Promise<Uint8Array> {
  const N = 2 ** cost.ln
  // OpenSSL counts N, p and a little of its own into the bound.
  const maxmem = 128 * cost.r * (N + cost.p + 2) + 1024 * 1024
  return new Promise((done, fail) => {
    scrypt(password, salt, length, { N, r: cost.r, p: cost.p, maxmem }, (error, hash) =>
      error ? fail(error) : done(hash),
    )
  })
}
