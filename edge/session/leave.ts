/** A connection has ended: what of its session goes to other members, what goes to the core, and what this edge forgets. */
import type { ClientKey } from '../../core/contract/ids.ts'
import type { EdgeContext } from '../context.ts'
import { outboundOf } from '../flow/inbox.ts'
import { redispatch } from '../flow/outbound.ts'
import type { Session } from './session.ts'

const NOTHING = { inflight: [], queue: [] }

/** What becomes of the will: gone, due, or held back in case the client, which the edge itself sent away, comes back. */
export type WillFate = 'removed' | 'due' | 'held'

export function leave(
  ctx: EdgeContext,
  session: Session,
  end: { readonly will: WillFate; readonly expirySec: number },
): void {
  const { link, stats } = ctx
  // First of all: a member that has to leave because of what it is given now must not give it back.
  for (const filter of session.subscriptions.keys()) ctx.index.remove(session, filter)
  if (!ctx.forgotten()) redispatch(ctx, session, ctx.now())
  if (ctx.sessions.get(session.key) === session) ctx.sessions.delete(session.key)
  if (session.doubt?.answered === false) spare(ctx, session.key)
  session.ended = true
  stats.nowSessions--
  stats.nowSubscriptions -= session.subscriptions.size
  stats.nowTopicAliases -= session.aliasesOut?.size ?? 0
  stats.nowInflight -= session.inflight.size
  stats.nowQueuedMessages -= session.queue.length
  stats.nowQueuedBytes -= session.queuedBytes
  if (ctx.forgotten()) return
  const outbound = session.persistent ? outboundOf(session) : NOTHING
  const will = { will: end.will !== 'removed', sentAway: end.will === 'held' }
  link.release(session.key, session.epoch, { ...will, expirySec: end.expirySec, outbound })
  // In this order on the link: the core holds what was un-acked before it counts as answered.
  for (const entries of [session.inflight.values(), session.queue.drain()])
    for (const entry of entries) if (entry.held && --entry.message!.pending === 0) link.delivered(entry.message!)
}

/** The connection ended at the first PUBREL that the client may not have known. */
function spare({ spared, limits, stats }: EdgeContext, client: ClientKey): void {
  stats.pubrelUnanswered++
  for (const oldest of spared) {
    if (spared.size < limits.maxConnections) break
    spared.delete(oldest)
  }
  spared.add(client)
}
