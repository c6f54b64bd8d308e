/** What of all that waits here for other sites had come to sessions that were fetched from here: their clients may come back before it is read. Kept with the inboxes of those sites, in memory; a bounded number of clients. */
import type { ClientKey } from '../contract/ids.ts'
import type { Limits } from '../contract/limits.ts'
import type { InboxEntry } from '../inbox/port.ts'
import type { Inbox, Session } from '../session/session.ts'
import { wants } from '../session/wants.ts'
import type { CoreStats } from '../stats.ts'

export type Waiting = Pick<InboxEntry, 'position' | 'message'>

export interface LeftOptions {
  /** Of other sites. */
  readonly sites: ReadonlySet<Session>
  readonly limits: Pick<Limits, 'relayedIds'>
  readonly stats: Pick<CoreStats, 'nowLeft'>
}

export class Left {
  readonly #o: LeftOptions

  constructor(options: LeftOptions) {
    this.#o = options
  }

  /** Another site is about to read what is left of what waits for the session: it has, or gets with that, whatever was published here. */
  note({ client, subscriptions, comesFrom }: Session): void {
    // Not all of it has come to the session.
    if (comesFrom !== '') return
    let copy: Session['subscriptions'] | undefined
    for (const { inbox } of this.#o.sites) {
      if (inbox === undefined || isEmpty(inbox)) continue
      copy ??= new Map(subscriptions)
      inbox.left ??= new Map()
      inbox.left.delete(client)
      inbox.left.set(client, { client, upTo: inbox.last, subscriptions: copy })
      if (inbox.left.size > this.#o.limits.relayedIds) inbox.left.delete(inbox.left.keys().next().value!)
    }
  }

  /** A few times a second. */
  tick(): void {
    let clients = 0
    for (const { inbox } of this.#o.sites) {
      if (inbox !== undefined && isEmpty(inbox)) inbox.left = undefined
      clients += inbox?.left?.size ?? 0
    }
    this.#o.stats.nowLeft = clients
  }
}

/** Since a restart its count may be a guess. */
const isEmpty = ({ count, isEstimate }: Inbox): boolean => count === 0 && !isEstimate

/** The client has had it, or the site that fetched its session has it for the client. */
export function isLeft(left: Inbox['left'], client: ClientKey | undefined, { position, message }: Waiting): boolean {
  const one = client === undefined ? undefined : left?.get(client)
  return one !== undefined && position <= one.upTo && wants({ ...one, site: undefined }, message)
}
