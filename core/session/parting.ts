/** What the end of a connection changes in its session. Changes the session alone: whether it goes on without its connection is its caller's to see to. */
import type { Release } from '../contract/link.ts'
import type { Session } from './session.ts'

/** `at`: when it ended. ms since the epoch. `holdMs`: how long the will of a client that was sent away waits for it. */
export function part(s: Session, { will, sentAway, expirySec }: Release, at: number, holdMs: number): void {
  s.offlineAt = at
  // What another site gives back is as it was.
  if (!s.persistent || expirySec === 0) s.expirySec = 0
  else if (!s.parked || s.site !== undefined) s.expirySec = expirySec
  if (!will) s.will = undefined
  if (sentAway === true && s.will !== undefined) s.heldUntil = at + holdMs
}
