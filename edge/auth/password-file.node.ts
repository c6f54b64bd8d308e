/** Users and passwords from a file, checked with scrypt off the event loop. Also gives SCRAM its entries. */
import { DEFAULT_TENANT } from '../../core/contract/ids.ts'
import type { Connect } from '../wire/packets.ts'
import { Reason } from '../wire/reason.ts'
import { BoundedQueue } from './bounded-queue.ts'
import { type CredentialsByUser, parseCredentials, type ScramEntry, type ScryptEntry } from './credentials.ts'
import type { Authenticator, AuthVerdict } from './ports.ts'
import { SCRYPT_COST, verifyPassword } from './scrypt.node.ts'
import { VerifiedCache } from './verified-cache.node.ts'
import { type Watched, watchFile } from './watched-file.node.ts'

/** Checks at a time: half of libuv's pool, so that files and names are still served. */
const CONCURRENCY = 2
/** Checks that wait: some seconds' worth. Beyond it 0x89 at once is kinder than a timeout. */
const MAX_WAITING = 128
const MAX_REMEMBERED = 10_000

export interface PasswordFileOptions {
  readonly path: string
  readonly report: (detail: string) => void
  readonly concurrency?: number
  readonly maxWaiting?: number
  readonly watchEveryMs?: number
}

const WRONG: AuthVerdict = {
  do: 'refuse',
  reason: Reason.BadUserNameOrPassword,
  detail: 'Unknown user or wrong password',
}
const BUSY: AuthVerdict = { do: 'refuse', reason: Reason.ServerBusy, detail: 'Too many password checks wait' }

export class PasswordFile implements Authenticator {
  readonly name = 'password'
  readonly #queue: BoundedQueue
  readonly #verified = new VerifiedCache(MAX_REMEMBERED)
  /** Checks under way by mark: a fleet that shares a password and connects at once costs one. As many as the queue holds. */
  readonly #underWay = new Map<string, Promise<AuthVerdict>>()
  #users: CredentialsByUser = new Map()
  /** What unknown users are checked against: as costly as the file's entries, and never right. */
  #decoy: ScryptEntry = decoyLike(undefined)
  #watched: Watched | undefined

  private constructor(options: PasswordFileOptions) {
    this.#queue = new BoundedQueue(options.concurrency ?? CONCURRENCY, options.maxWaiting ?? MAX_WAITING)
  }

  /** Reads the file and watches it. Rejects with an error that names file and line. */
  static async open(options: PasswordFileOptions): Promise<PasswordFile> {
    const file = new PasswordFile(options)
    const { path, report } = options
    const everyMs = options.watchEveryMs === undefined ? {} : { everyMs: options.watchEveryMs }
    file.#watched = await watchFile({ path, report, use: text => file.#use(text), ...everyMs })
    return file
  }

  /** A CONNECT without user name is another method's business. */
  authenticate(connect: Connect): AuthVerdict | Promise<AuthVerdict> {
    const { username, password } = connect
    if (username === undefined) return { do: 'next' }
    if (password === undefined) return WRONG
    const entry = this.#users.get(username)?.scrypt
    const against = entry ?? this.#decoy
    const mark = this.#verified.mark(username, against.text, password)
    const accepted: AuthVerdict = { do: 'accept', username, tenant: DEFAULT_TENANT }
    if (this.#verified.has(mark)) return accepted
    const underWay = this.#underWay.get(mark)
    if (underWay !== undefined) return underWay
    // The password may be a view on the read buffer, and the check may wait.
    const kept = password.slice()
    const checked = this.#queue.run(() => verifyPassword(against, kept))
    if (checked === undefined) return BUSY
    const verdict = checked
      .then(right => {
        if (!right || entry === undefined) return WRONG
        this.#verified.add(mark)
        return accepted
      })
      .finally(() => this.#underWay.delete(mark))
    this.#underWay.set(mark, verdict)
    return verdict
  }

  scramEntry(username: string): ScramEntry | undefined {
    return this.#users.get(username)?.scram
  }

  /** Looks at once whether the file has changed. */
  async reload(): Promise<void> {
    await this.#watched?.check()
  }

  close(): void {
    this.#watched?.close()
  }

  #use(text: string): void {
    const users = parseCredentials(text)
    let first: ScryptEntry | undefined
    for (const { scrypt } of users.values()) if ((first = scrypt)) break
    this.#users = users
    this.#decoy = decoyLike(first)
  }
}

function decoyLike(entry: ScryptEntry | undefined): ScryptEntry {
  const { ln, r, p } = entry ?? SCRYPT_COST
  const hash = crypto.getRandomValues(new Uint8Array(entry?.hash.length ?? 32))
  return { ln, r, p, salt: crypto.getRandomValues(new Uint8Array(16)), hash, text: '' }
}
