/** What a session gets of a message that matches its subscriptions: computed once per topic, shared by all messages on it. */
import type { QoS } from '../../core/contract/message.ts'
import type { Subscription } from '../../core/contract/session.ts'
import type { Session } from '../session/session.ts'

export const NO_IDS: readonly number[] = []

export interface Target {
  readonly session: Session
  /** Highest QoS of the matching subscriptions [MQTT-3.3.4-2]. */
  readonly qos: QoS
  readonly retainAsPublished: boolean
  /** Subscription Identifiers of all matching subscriptions [MQTT-3.3.4-4]. */
  readonly ids: readonly number[]
  /** For the session's own messages, where a No Local subscription matches: what the others give, or nothing. */
  readonly own: { readonly target: Target | undefined } | undefined
}

/** One target for one subscription. */
export function targetOf(session: Session, s: Subscription): Target {
  return {
    session,
    qos: s.qos,
    retainAsPublished: s.retainAsPublished,
    ids: s.id === 0 ? NO_IDS : [s.id],
    own: s.noLocal ? { target: undefined } : undefined,
  }
}

/** One target for the several subscriptions of one session that match a topic. */
export function mergeTarget(session: Session, matching: readonly Subscription[]): Target {
  if (matching.length === 1) return targetOf(session, matching[0]!)
  const foreign = matching.filter(s => !s.noLocal)
  const own =
    foreign.length === matching.length
      ? undefined
      : { target: foreign.length === 0 ? undefined : join(session, foreign) }
  return { ...join(session, matching), own }
}

function join(session: Session, subscriptions: readonly Subscription[]): Target {
  let qos: QoS = 0
  let retainAsPublished = false
  const ids: number[] = []
  for (const s of subscriptions) {
    if (s.qos > qos) qos = s.qos
    if (s.retainAsPublished) retainAsPublished = true
    if (s.id !== 0) ids.push(s.id)
  }
  return { session, qos, retainAsPublished, ids: ids.length === 0 ? NO_IDS : ids, own: undefined }
}
