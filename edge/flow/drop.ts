/** What a device does not get: with its reason counted and told. Decides only about rights. */
import type { Message } from '../../core/contract/message.ts'
import type { EdgeContext } from '../context.ts'
import type { Session } from '../session/session.ts'
import type { EdgeEvent } from '../stats.ts'

type DropCause = Extract<EdgeEvent, { is: 'dropped' }>['why']

export function drop(ctx: EdgeContext, session: Session, message: Message, why: DropCause): void {
  if (why === 'slow') ctx.stats.droppedSlowQos0++
  else if (why === 'queue-full') ctx.stats.droppedQueueFull++
  else if (why === 'too-large') ctx.stats.droppedTooLarge++
  else if (why === 'expired') ctx.stats.droppedExpired++
  else ctx.stats.droppedNotAllowed++
  ctx.events({ is: 'dropped', client: session.key, topic: message.topic, why })
}

/** False if the device has no right to it: then it is dropped. */
export function mayReceive(ctx: EdgeContext, session: Session, message: Message): boolean {
  const { authorizer } = ctx.auth
  if (authorizer.unrestricted('receive') || authorizer.allows(session.identity, 'receive', message.topic)) return true
  drop(ctx, session, message, 'not-allowed')
  return false
}
