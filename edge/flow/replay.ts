/** Reads retained messages for a new subscription, page by page as the session has room, so that no subscribe is too large. */
import { tenantOf } from '../../core/contract/ids.ts'
import type { RetainedPage } from '../../core/contract/link.ts'
import type { Subscription } from '../../core/contract/session.ts'
import type { EdgeContext } from '../context.ts'
import { type Target, targetOf } from '../route/target.ts'
import type { Session } from '../session/session.ts'
import { Source } from './entry.ts'
import { offer } from './outbound.ts'

export interface Replay {
  readonly target: Target
  readonly subscription: Subscription
  cursor: string | undefined
  asked: boolean
}

/** Queues the retained messages of `subscription` for reading. */
export function addReplay(session: Session, subscription: Subscription): void {
  session.replays ??= []
  const same = session.replays.findIndex(r => r.subscription.filter === subscription.filter)
  if (same >= 0) session.replays.splice(same, 1)
  const target = { ...targetOf(session, subscription), own: undefined }
  session.replays.push({ target, subscription, cursor: undefined, asked: false })
}

/** Asks for the next page, if one is wanted and none is under way. */
export function askReplay(ctx: EdgeContext, session: Session): void {
  const replay = session.replays?.[0]
  if (replay === undefined || replay.asked) return
  replay.asked = true
  const tenant = tenantOf(session.key)
  ctx.link.retained(tenant, replay.subscription.filter, replay.cursor, ctx.limits.retainedPageMessages, page =>
    session.connection.guard(() => takePage(ctx, session, replay, page)),
  )
}

function takePage(ctx: EdgeContext, session: Session, replay: Replay, page: RetainedPage): void {
  if (!session.connection.serves(session) || session.replays?.[0] !== replay) return
  const now = ctx.now()
  replay.asked = false
  replay.cursor = page.next
  for (const message of page.messages) offer(ctx, message, replay.target, undefined, Source.Retained, now)
  if (page.next === undefined) {
    session.replays.shift()
    if (session.replays.length === 0) session.replays = undefined
  }
  session.connection.refill()
}
