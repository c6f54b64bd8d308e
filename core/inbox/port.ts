/** Where the inboxes of sessions are kept: what arrived while a session was offline or not keeping up. Owns neither bounds nor order: positions are chosen by the caller, and reading follows them. */
import type { ClientKey } from '../contract/ids.ts'
import type { Message } from '../contract/message.ts'

export interface InboxEntry {
  /** Order within the inbox. May be negative, and in front of what is there. */
  readonly position: number
  /** When it was stored. ms since the epoch. */
  readonly at: number
  readonly message: Message
}

/** Where an inbox stands when it is loaded. */
export interface InboxSummary {
  readonly count: number
  readonly bytes: number
  readonly qos0: number
  readonly last: number
}

/** What is known of an entry without its message. */
export interface InboxHead {
  readonly position: number
  readonly bytes: number
  readonly qos: number
  readonly topic: string
}

export interface InboxStore {
  /** The record of a session has to keep what `mark` gives. */
  readonly marks: boolean
  /** The inboxes this store knows of by itself, at start. */
  load(visit: (client: ClientKey, summary: InboxSummary) => void): void
  /** At start, with what `mark` gave for the session's record: undefined if the inbox is empty, or told by `load`. */
  restore(client: ClientKey, mark: Uint8Array): InboxSummary | undefined
  /**
   * `entry.position` is not in use in this inbox; `bytes` is its size for the summary. The message is kept: it must own its
   * bytes, or be encoded at once. `durable` once it survives the process: never inside the call, and however long it takes.
   */
  put(client: ClientKey, entry: InboxEntry, bytes: number, durable: (() => void) | undefined): void
  /** Nobody needs the entry any more. It may come back if the process dies before the session's record has a later `mark`. */
  remove(client: ClientKey, position: number): void
  /** At most `limit` entries with positions above `after`, in order, at once or later. Fewer than `limit`: there are no more. */
  read(client: ClientKey, after: number, limit: number, done: (entries: readonly InboxEntry[]) => void): void
  /** The first entry above `after`, of QoS 0 if asked for; undefined if there is none, or if it cannot be told at once. */
  first(client: ClientKey, after: number, qos0Only: boolean): InboxHead | undefined
  /** The session is over. */
  drop(client: ClientKey): void
  /** What the session's record has to keep of its inbox, for `restore`; undefined if nothing. */
  mark(client: ClientKey): Uint8Array | undefined
}
