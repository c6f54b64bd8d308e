/** Puts the methods of a configuration together: asks them in order, and refuses an address that failed too often before any of them works. */

import type { Peer } from '../listen/transport.ts'
import type { EdgeStats } from '../stats.ts'
import type { Connect } from '../wire/packets.ts'
import { Reason } from '../wire/reason.ts'
import type { FailureLimit } from './failure-limit.ts'
import type { Auth, Authenticator, AuthVerdict, EnhancedMethod, EnhancedStep } from './ports.ts'

export interface ChainParts {
  readonly authenticators: readonly Authenticator[]
  readonly enhanced: Auth['enhanced']
  readonly authorizer: Auth['authorizer']
  readonly failures: FailureLimit
  /** Milliseconds since any fixed moment. */
  readonly now: () => number
  readonly stats: AuthStats
}

/** What the chain counts: failed attempts, and attempts refused unasked because their address failed too often. */
export type AuthStats = Pick<EdgeStats, 'authFailures' | 'authBlocked'>

/** One `Auth` from its parts: its authenticator asks the given ones in their order. */
export function makeAuth(parts: ChainParts): Auth {
  return {
    authenticator: guardedList(parts),
    enhanced: parts.enhanced.map(method => guardedMethod(method, parts)),
    authorizer: parts.authorizer,
  }
}

const NOBODY: AuthVerdict = { do: 'refuse', reason: Reason.NotAuthorized, detail: 'No method knows the client' }
const TOO_OFTEN = {
  do: 'refuse',
  reason: Reason.ConnectionRateExceeded,
  detail: 'Too many failed authentications from this address',
} as const

function guardedList(parts: ChainParts): Authenticator {
  return {
    name: parts.authenticators.map(method => method.name).join(', '),
    authenticate(connect, peer) {
      if (isBlocked(parts, peer)) return TOO_OFTEN
      const verdict = ask(parts.authenticators, 0, connect, peer)
      return verdict instanceof Promise ? verdict.then(late => count(parts, peer, late)) : count(parts, peer, verdict)
    },
  }
}

/** Answers without a promise as long as the methods do. */
function ask(
  list: readonly Authenticator[],
  from: number,
  connect: Connect,
  peer: Peer,
): AuthVerdict | Promise<AuthVerdict> {
  for (let i = from; i < list.length; i++) {
    const verdict = list[i]!.authenticate(connect, peer)
    if (verdict instanceof Promise) {
      return verdict.then(late => (late.do === 'next' ? ask(list, i + 1, connect, peer) : late))
    }
    if (verdict.do !== 'next') return verdict
  }
  return NOBODY
}

function guardedMethod(method: EnhancedMethod, parts: ChainParts): EnhancedMethod {
  return {
    method: method.method,
    begin(connect, peer, reauthentication) {
      const exchange = method.begin(connect, peer, reauthentication)
      return {
        next(data): EnhancedStep | Promise<EnhancedStep> {
          if (isBlocked(parts, peer)) return TOO_OFTEN
          const step = exchange.next(data)
          return step instanceof Promise ? step.then(late => count(parts, peer, late)) : count(parts, peer, step)
        },
      }
    },
  }
}

/** A Unix socket's peers share one address and are on this machine: they are never blocked. */
function isBlocked(parts: ChainParts, peer: Peer): boolean {
  if (peer.listener === 'unix' || !parts.failures.blocked(peer.address, parts.now())) return false
  parts.stats.authBlocked++
  return true
}

/** Only wrong credentials count as failure; a busy or unreachable backend is not the client's fault. */
function count<V extends AuthVerdict | EnhancedStep>(parts: ChainParts, peer: Peer, verdict: V): V {
  if (verdict.do === 'refuse' && BLAMES_CLIENT.has(verdict.reason)) {
    parts.stats.authFailures++
    parts.failures.failed(peer.address, parts.now())
  }
  return verdict
}

const BLAMES_CLIENT: ReadonlySet<number> = new Set([
  Reason.BadUserNameOrPassword,
  Reason.NotAuthorized,
  Reason.Banned,
  Reason.BadAuthenticationMethod,
  Reason.ProtocolError,
])
