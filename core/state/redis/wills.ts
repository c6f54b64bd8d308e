/** Wills of offline sessions that are due, taken so that nobody else publishes them. Publishes none. */
import type { ClientKey } from '../../contract/ids.ts'
import type { Will } from '../../contract/session.ts'
import { decodeSession } from '../record.ts'
import { bytesOf, numberOf, textOf } from './driver.ts'
import type { Fence } from './fence.ts'
import type { Keys } from './keys.ts'

export interface DueWill {
  readonly client: ClientKey
  readonly epoch: number
  readonly will: Will
}

export interface DueWills {
  readonly wills: readonly DueWill[]
  /** There may be more. */
  readonly more: boolean
}

/**
 * Takes at most `limit` wills of a site that were due at `now` (ms since the epoch), which may be another site than that of
 * `fence`: at most once per session and epoch, also when its site comes back. Throws FencedError, or RedisError: then some may
 * have been taken and are not published by anybody.
 */
export async function popDueWills(fence: Fence, keys: Keys, now: number, limit: number): Promise<DueWills> {
  const { before, after } = keys.session
  const [due, ...rest] = await fence.write('wills', [keys.wills], [Math.floor(now), limit, before, after])
  const wills: DueWill[] = []
  for (let i = 0; i < rest.length; i += 2) {
    const client = textOf(rest[i]) as ClientKey
    const { epoch, will } = decodeSession(client, bytesOf(rest[i + 1])!)
    if (will !== undefined) wills.push({ client, epoch, will })
  }
  return { wills, more: numberOf(due) >= limit }
}
