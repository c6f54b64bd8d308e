/**
 * SCRAM-SHA-256 (RFC 5802, RFC 7677) over AUTH [MQTT5 4.12]: the password never crosses the wire, and the client learns
 * that the server knows it too. Authentication Data are the SCRAM messages: client-first in CONNECT (or in the first AUTH
 * if CONNECT has none), server-first in AUTH, client-final in AUTH, server-final in CONNACK (in AUTH when re-authenticating).
 */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { DEFAULT_TENANT } from '../../core/contract/ids.ts'
import { Reason, type ReasonCode } from '../wire/reason.ts'
import { fromBase64, toBase64 } from './base64.ts'
import { type ScramEntry, scramText } from './credentials.ts'
import type { EnhancedExchange, EnhancedMethod, EnhancedStep } from './ports.ts'
import { type ClientFirst, parseClientFinal, parseClientFirst, prepare } from './scram-message.ts'

/** What RFC 7677, 4 names where a client can afford it. */
export const SCRAM_ITERATIONS = 15_000
const SALT_BYTES = 16
const NONCE_BYTES = 18

const hmac = (key: Uint8Array, text: string | Uint8Array): Uint8Array => createHmac('sha256', key).update(text).digest()
const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest()

/** A new `$scram-sha-256$…` entry for a password. Throws if the password holds control characters. */
export async function scramEntryText(password: string, iterations = SCRAM_ITERATIONS): Promise<string> {
  const prepared = prepare(password)
  if (!prepared) throw new Error('Password is empty or has control characters, SCRAM cannot use it')
  const salt = randomBytes(SALT_BYTES)
  const salted = await promisify(pbkdf2)(prepared, salt, iterations, 32, 'sha256')
  const storedKey = sha256(hmac(salted, 'Client Key'))
  return scramText({ iterations, salt, storedKey, serverKey: hmac(salted, 'Server Key') })
}

/** The method over a source of entries; users without one get a full exchange that ends in refusal. */
export function scramSha256(entryOf: (username: string) => ScramEntry | undefined): EnhancedMethod {
  const secret = randomBytes(32)
  return {
    method: 'SCRAM-SHA-256',
    begin: () =>
      new ScramExchange(username => {
        const entry = entryOf(username)
        return { entry: entry ?? decoy(secret, username), known: entry !== undefined }
      }),
  }
}

/** The same salt for the same unknown name, so that a second try does not tell it apart. */
const decoy = (secret: Uint8Array, username: string): ScramEntry => ({
  iterations: SCRAM_ITERATIONS,
  salt: hmac(secret, `salt ${username}`).subarray(0, SALT_BYTES),
  storedKey: hmac(secret, `stored ${username}`),
  serverKey: hmac(secret, `server ${username}`),
})

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const refuse = (reason: ReasonCode, detail: string): EnhancedStep => ({ do: 'refuse', reason, detail })
const MALFORMED = refuse(Reason.ProtocolError, 'Malformed SCRAM message')
const WRONG = refuse(Reason.NotAuthorized, 'Unknown user or wrong password')

interface Challenge {
  readonly first: ClientFirst
  readonly entry: ScramEntry
  readonly known: boolean
  /** The client's nonce and the server's. */
  readonly nonce: string
  readonly serverFirst: string
}

class ScramExchange implements EnhancedExchange {
  readonly #lookUp: (username: string) => { entry: ScramEntry; known: boolean }
  #asked = false
  #challenge: Challenge | undefined
  #over = false

  constructor(lookUp: (username: string) => { entry: ScramEntry; known: boolean }) {
    this.#lookUp = lookUp
  }

  next(data: Uint8Array | undefined): EnhancedStep {
    if (this.#over) return MALFORMED
    const step = this.#step(data)
    this.#over = step.do !== 'continue'
    return step
  }

  #step(data: Uint8Array | undefined): EnhancedStep {
    const text = data === undefined ? undefined : textOf(data)
    if (this.#challenge) return text === undefined ? MALFORMED : finish(this.#challenge, text)
    if (data === undefined && !this.#asked) {
      this.#asked = true
      return { do: 'continue', data: undefined }
    }
    const first = text === undefined ? undefined : parseClientFirst(text)
    if (!first) return MALFORMED
    const { entry, known } = this.#lookUp(first.username)
    const nonce = first.nonce + toBase64(randomBytes(NONCE_BYTES))
    const serverFirst = `r=${nonce},s=${toBase64(entry.salt)},i=${entry.iterations}`
    this.#challenge = { first, entry, known, nonce, serverFirst }
    return { do: 'continue', data: bytesOf(serverFirst) }
  }
}

/** Checks the client's proof: it must come from a key whose hash is the stored one. */
function finish({ first, entry, known, nonce, serverFirst }: Challenge, text: string): EnhancedStep {
  const final = parseClientFinal(text)
  const proof = final && fromBase64(final.proof)
  if (!final || proof?.length !== entry.storedKey.length) return MALFORMED
  if (final.gs2Header !== first.gs2Header || final.nonce !== nonce) return MALFORMED
  const signed = `${first.bare},${serverFirst},${final.withoutProof}`
  const signature = hmac(entry.storedKey, signed)
  const clientKey = proof.map((byte, i) => byte ^ signature[i]!)
  if (!timingSafeEqual(sha256(clientKey), entry.storedKey) || !known) return WRONG
  const data = bytesOf(`v=${toBase64(hmac(entry.serverKey, signed))}`)
  return { do: 'accept', username: first.username, tenant: DEFAULT_TENANT, data }
}

function textOf(data: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data)
  } catch {
    return undefined
  }
}
