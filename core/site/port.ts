/** What the sites of one installation know of each other through the global state: where each session lives, whose will was published, which site is dead. Owns no session and no link. */
import type { ClientKey } from '../contract/ids.ts'
import type { Message } from '../contract/message.ts'
import type { SessionRecord, StoredSubscription } from '../state/port.ts'

/** A name as `--site` has it: letters, digits, `-`, `_`. */
export type SiteName = string

export interface Claimed {
  /** Above every epoch the client had at any site, as far as the global state and `atLeast` tell. */
  readonly epoch: number
  /** Other sites that may hold something of the session and have not been settled, the one that had it last first. */
  readonly from: readonly SiteName[]
  /** Where it has lived until now, which may be here; '' if nowhere. */
  readonly before: SiteName
}

/** A session as another site has written it to the global state, which may be a moment behind. */
export interface Foreign {
  readonly record: SessionRecord
  readonly subscriptions: readonly StoredSubscription[]
}

/** How long `taken` names whom. ms. */
export const TAKEN_KEPT_MS = 60_000

/** Of one site. Callbacks run later, never inside the call; `undefined` where the global state cannot be reached. */
export interface Directory {
  /**
   * The session of this client lives here from now on. `atLeast`: the highest epoch that is known here. In the order of the
   * calls. One that was answered with `undefined` may have been carried out; claiming again is harmless, and names the same `from`.
   */
  claim(client: ClientKey, atLeast: number, done: (claimed: Claimed | undefined) => void): void
  /** What `from` held of the session is durable here, or nobody wants it any more. No effect if another site has claimed it since. Tried again until it is known to all. */
  settled(client: ClientKey, from: SiteName): void
  /** The session is over. No effect if another site, or a later epoch, has it. Tried again until it is known to all. */
  forget(client: ClientKey, epoch: number): void
  /** Where the session lives; '' if nowhere. */
  find(client: ClientKey, done: (site: SiteName | undefined) => void): void
  /**
   * The will of this epoch is to be published: true for one asker only, and only while no later epoch was claimed. Asked again
   * until the global state answers; `undefined` only if too much waits for that, or this core ends. `of`: whose record says that
   * it is to be published; default our own site. If a core of that site has taken it, and is not the one that asks, it has died before
   * the record was changed: it may be taken once more.
   */
  takeWill(client: ClientKey, epoch: number, done: (mine: boolean | undefined) => void, of?: SiteName): void
  /** `none` if that site has written nothing of it. */
  read(site: SiteName, client: ClientKey, done: (found: Foreign | 'none' | undefined) => void): void
  /**
   * Of these, whose session lives at, or ended at, another site, which has claimed it in the same epoch or a later one: what is
   * here of it is remains. True if they are still wanted there: not settled. Rejects if the global state cannot be reached.
   */
  elsewhere(sessions: readonly SessionEpoch[]): Promise<ReadonlyMap<ClientKey, boolean>>
  /**
   * Whom other sites have claimed from this one since the call before, as far as that was within the last `TAKEN_KEPT_MS`; they
   * may be here again. Undefined if there were more than are kept. Rejects like `elsewhere`.
   */
  taken(): Promise<readonly ClientKey[] | undefined>
  /**
   * The global state has lost writes: these sessions live here, unless another site has claimed them in a later epoch or in the
   * same one: the result. Rejects like `elsewhere`.
   */
  restore(sessions: Iterable<SessionEpoch>): Promise<ReadonlySet<ClientKey>>
  /** At start. What other sites have of sessions that live, or ended, here: not settled. Rejects like `elsewhere`. */
  owed(): Promise<ReadonlyMap<ClientKey, readonly SiteName[]>>
}

export type SessionEpoch = Readonly<Pick<SessionRecord, 'client' | 'epoch'>>

export interface Seen {
  readonly site: SiteName
  /** For how long its lease has been over; undefined while it is good, and for a site that was never there. ms. */
  readonly expiredMs: number | undefined
  /** How far its clock is before ours. ms. */
  readonly aheadMs: number
}

/** What the global state tells of other sites. All of it rejects if that cannot be reached. */
export interface SiteWatch {
  look(): Promise<readonly Seen[]>
  /** Records of that site which hold a will. */
  willed(site: SiteName): AsyncIterable<SessionRecord>
  retained(site: SiteName): AsyncIterable<Message>
}
