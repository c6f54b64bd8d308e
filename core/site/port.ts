/** What the sites of one installation know of each other through the global state: where each session lives, whose will was published. Owns no session and no link. */
import type { ClientKey } from '../contract/ids.ts'
import type { SessionRecord, StoredSubscription } from '../state/port.ts'

/** A name as `--site` has it. */
export type SiteName = string

export interface Claimed {
  /** Above every epoch the client had at any site. */
  readonly epoch: number
  /** Other sites that may hold something of the session and have not been settled, the one that had it last first. */
  readonly from: readonly SiteName[]
}

/** A session as another site has written it to the global state, which may be a moment behind. */
export interface Foreign {
  readonly record: SessionRecord
  readonly subscriptions: readonly StoredSubscription[]
}

/** Of one site. Callbacks run later, never inside the call; `undefined` where the global state cannot be reached. */
export interface Directory {
  /** The session of this client lives here from now on. `atLeast`: the highest epoch that is known here. In the order of the calls. */
  claim(client: ClientKey, atLeast: number, done: (claimed: Claimed | undefined) => void): void
  /** What `from` held of the session is durable here, or nobody wants it any more. Tried again until it is known to all. */
  settled(client: ClientKey, from: SiteName): void
  /** The session is over. No effect if another site, or a later epoch, has it. Tried again until it is known to all. */
  forget(client: ClientKey, epoch: number): void
  /** Where the session lives; '' if nowhere. */
  find(client: ClientKey, done: (site: SiteName | undefined) => void): void
  /** The will of this epoch is to be published: true for one asker only; `unless` a later epoch was claimed (a client that is back within its will delay), or whether or not (its owner knows that it was due before). */
  takeWill(client: ClientKey, epoch: number, unless: 'claimed' | 'never', done: (mine: boolean | undefined) => void): void
  /** `none` if that site has written nothing of it. */
  read(site: SiteName, client: ClientKey, done: (found: Foreign | 'none' | undefined) => void): void
  /** At start. Of these clients, which live elsewhere. Rejects if the global state cannot be reached. */
  elsewhere(clients: readonly ClientKey[]): Promise<ReadonlySet<ClientKey>>
  /** At start. What other sites have of sessions that live, or ended, here: not settled. Rejects like `elsewhere`. */
  owed(): Promise<ReadonlyMap<ClientKey, readonly SiteName[]>>
}
