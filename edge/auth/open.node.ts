/** Builds the `Auth` of an edge from its settings: opens the files they name, leaves out what is not configured. */
import type { Peer } from '../listen/transport.ts'
import { EVERYTHING } from './acl.ts'
import { AclFile } from './acl-file.node.ts'
import { anonymous } from './anonymous.ts'
import { certificate } from './certificate.ts'
import { type AuthStats, makeAuth } from './chain.ts'
import { FailureLimit } from './failure-limit.ts'
import { PasswordFile } from './password-file.node.ts'
import type { Auth, Authenticator } from './ports.ts'
import { scramSha256 } from './scram-sha-256.node.ts'

export interface AuthSettings {
  readonly allowAnonymous: boolean
  readonly passwordFile?: string | undefined
  readonly aclFile?: string | undefined
  /** Kinds of listeners whose client certificates name the user. */
  readonly certificateListeners: readonly Peer['listener'][]
  readonly order: readonly ('certificate' | 'password' | 'anonymous')[]
}

export interface OpenAuthOptions {
  readonly settings: AuthSettings
  readonly authFailuresPerMinute: number
  /** Milliseconds since any fixed moment. */
  readonly now: () => number
  readonly stats: AuthStats
  /** A text for the log: a changed file that cannot be used. */
  readonly report: (detail: string) => void
  readonly watchEveryMs?: number
}

export interface OpenAuth extends Auth {
  /** Looks at once whether a file has changed. */
  reload(): Promise<void>
  close(): void
}

/** Rejects with an error that names the file (and line) that cannot be used. */
export async function openAuth(options: OpenAuthOptions): Promise<OpenAuth> {
  const { settings, report } = options
  const watch = { report, ...(options.watchEveryMs === undefined ? {} : { watchEveryMs: options.watchEveryMs }) }
  const acl = settings.aclFile === undefined ? undefined : await AclFile.open({ path: settings.aclFile, ...watch })
  const passwords = await openPasswords(settings.passwordFile, watch).catch(error => {
    acl?.close()
    throw error
  })
  const methods: Record<AuthSettings['order'][number], Authenticator | undefined> = {
    certificate: certificate(settings.certificateListeners),
    password: passwords,
    anonymous: settings.allowAnonymous ? anonymous : undefined,
  }
  const auth = makeAuth({
    authenticators: settings.order.map(name => methods[name]).filter(method => method !== undefined),
    enhanced: passwords ? [scramSha256(username => passwords.scramEntry(username))] : [],
    authorizer: acl ?? EVERYTHING,
    failures: new FailureLimit(options.authFailuresPerMinute),
    now: options.now,
    stats: options.stats,
  })
  return {
    ...auth,
    async reload() {
      await Promise.all([acl?.reload(), passwords?.reload()])
    },
    close() {
      acl?.close()
      passwords?.close()
    },
  }
}

const openPasswords = async (
  path: string | undefined,
  watch: { report: (detail: string) => void; watchEveryMs?: number },
): Promise<PasswordFile | undefined> => (path === undefined ? undefined : PasswordFile.open({ path, ...watch }))
