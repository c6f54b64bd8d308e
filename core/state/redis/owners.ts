/** Who owns a client, across sites: raises epochs so that each is given once. Does not tell the owner before. */
import type { ClientKey } from '../../contract/ids.ts'
import { numberOf, textOf } from './driver.ts'
import type { Fence } from './fence.ts'
import type { Keys } from './keys.ts'

export interface Owner {
  readonly edge: string
  readonly core: string
}

export interface Raised {
  readonly epoch: number
  /** Undefined if nobody owned the client for a long time. */
  readonly previous: Owner | undefined
}

/** Epochs that were forgotten are made up for by `given`. */
const KEPT_MS = 7 * 24 * 3600 * 1000

/**
 * The next epoch of a client: above the one Redis has and above `given`, the highest that edges or cores know, so that a Redis
 * that has lost some never gives one twice. Throws FencedError, or RedisError: then the epoch may have been raised.
 */
export async function raise(fence: Fence, keys: Keys, client: ClientKey, owner: Owner, given: number): Promise<Raised> {
  const reply = await fence.write('claim', [keys.owner(client)], [given, owner.edge, owner.core, KEPT_MS])
  const before = { edge: textOf(reply[1]), core: textOf(reply[2]) }
  return { epoch: numberOf(reply[0]), previous: before.core === '' ? undefined : before }
}
