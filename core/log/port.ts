/** The log as the core sees it: append-only envelopes of records at increasing positions, trimmed from the front. Knows nothing of what an envelope holds. */

/** What makes writes durable: everything that was said to a port before the call, at once. */
export interface Commits {
  /** Something was written that is not durable yet. */
  readonly dirty: boolean
  /** So much waits that the next commit should not be waited for. */
  readonly full: boolean
  /**
   * `done` once durable, in the same call or later; one commit at a time. With an error nothing need be durable, all of it is
   * kept, and the next `commit` tries it again.
   */
  commit(done: (error: Error | undefined) => void): void
  close(): void
}

export interface Log {
  readonly commits: Commits
  /** False: nothing will ever be replayed, so nothing need be encoded or appended. */
  readonly keeps: boolean
  /** Position of the next record when the log was opened. Positions count records, are never used twice and start at 1. */
  readonly next: number
  /** `envelope` holds `records` records, the first at `position`. The bytes must stay as they are until the commit succeeded. */
  append(position: number, records: number, envelope: Uint8Array): void
  /** Forgets every envelope that starts before `position`. Durable with the next commit, or soon. */
  trim(position: number): void
  /** All envelopes that were there when the log was opened, in order; a promise if that takes time. May be called again. Fails if one cannot be read, or if `visit` refuses it. */
  replay(visit: (position: number, records: number, envelope: Uint8Array) => void): Promise<void> | undefined
}
