/** Bounds and counters of the inboxes on RocketMQ. Owns no export format. */

export interface InboxLimits {
  /** Appends on their way at once. */
  readonly appends: number
  /** A chunk ends at the entry that goes beyond it; one larger message goes alone. */
  readonly chunkBytes: number
  /** Entries that are not durable yet: `full` beyond it. */
  readonly waitingBytes: number
  /** Entries whose place is remembered. Beyond it the tail of an inbox has to be read back to be known. */
  readonly indexedEntries: number
  /** Messages in memory though they are durable: just appended, or read ahead. For all inboxes, and for one. */
  readonly cacheBytes: number
  readonly cacheBytesPerInbox: number
  /** Inboxes that are read back at once. */
  readonly drains: number
}

const MiB = 1024 * 1024

export const DEFAULT_INBOX_LIMITS: InboxLimits = {
  appends: 128,
  chunkBytes: 256 * 1024,
  waitingBytes: 64 * MiB,
  indexedEntries: 1_000_000,
  cacheBytes: 128 * MiB,
  cacheBytesPerInbox: 1 * MiB,
  drains: 256,
}

/** Counts up from the start of the process, but for `now…`, which go both ways. */
export class InboxStoreStats {
  /** Chunks that RocketMQ has. */
  appends = 0
  appendFailures = 0
  nowAppends = 0
  /** Appends under way are at most so many: less than the limit after failures. */
  nowAppendWindow = 0
  nowWaitingEntries = 0
  nowWaitingBytes = 0
  nowIndexedEntries = 0
  nowCachedBytes = 0
  nowInboxes = 0
  nowDrains = 0
  nowDrainsWaiting = 0
  drains = 0
  drainFailures = 0
  /** Read back. */
  chunksRead = 0
  /** Read back, but known, consumed, or of a life that was over. */
  chunksSkipped = 0
  chunksUnreadable = 0
  seals = 0
  /** Entries that RocketMQ had and does not have any more. */
  entriesLost = 0
}
