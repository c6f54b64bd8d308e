/** Which messages an edge is handed for a session, beside shared groups. Routes nothing. */
import type { Message } from '../contract/message.ts'
import { matches, parseShare } from '../topic/validate.ts'
import type { Session } from './session.ts'

/** What is routed to an edge in this session's name, by its own subscriptions or to it alone. */
export const wants = (s: Pick<Session, 'client' | 'site' | 'subscriptions'>, message: Message): boolean => {
  // Whatever a peer is handed and not a group's copy is for its site.
  if (s.site !== undefined) return true
  if (message.target !== '') return message.target === s.client
  for (const { filter, qos, noLocal } of s.subscriptions.values())
    if (qos > 0 && !(noLocal && message.sender === s.client) && parseShare(filter) === undefined)
      if (matches(filter, message.topic)) return true
  return false
}
