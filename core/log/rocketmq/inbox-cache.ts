/** Which durable messages of inboxes stay in memory: what was appended just now, and what was read ahead. Owns the bound, over all inboxes and for each. */
import { type Box, type Held, NOT_HERE } from './inbox-box.ts'
import type { InboxLimits, InboxStoreStats } from './inbox-stats.ts'

export class Cache {
  readonly #limits: InboxLimits
  readonly #stats: InboxStoreStats
  /** Those with cached messages, the one that was used last at the end. */
  readonly #boxes = new Set<Box>()

  constructor(limits: InboxLimits, stats: InboxStoreStats) {
    this.#limits = limits
    this.#stats = stats
  }

  /** Nothing more should be read before somebody needs it. */
  get full(): boolean {
    return this.#stats.nowCachedBytes >= this.#limits.cacheBytes
  }

  hasRoom(box: Box): boolean {
    return box.held < this.#limits.cacheBytesPerInbox
  }

  /** Keeps the message if its reader waits for it or there is room; else forgets it. */
  offer(box: Box, entry: Held, data: Uint8Array): void {
    if (!isAwaited(box, entry) && !this.hasRoom(box)) {
      entry.data = NOT_HERE
      return
    }
    entry.data = data
    box.held += data.length
    this.#stats.nowCachedBytes += data.length
    this.#boxes.delete(box)
    this.#boxes.add(box)
    if (this.full) this.#evict()
  }

  /** Of a durable entry. */
  forget(box: Box, entry: Held): void {
    if (entry.data === NOT_HERE) return
    box.held -= entry.data.length
    this.#stats.nowCachedBytes -= entry.data.length
    entry.data = NOT_HERE
    if (box.held === 0) this.#boxes.delete(box)
  }

  clear(box: Box): void {
    for (const entry of box.entries) if (box.isStored(entry)) this.forget(box, entry)
  }

  /** Those that nobody reads, the oldest first. */
  #evict(): void {
    for (const box of this.#boxes) {
      if (!this.full) return
      if (box.readers.length === 0) this.clear(box)
    }
  }
}

/** It is on the page that the first reader waits for, as far as that is known. */
function isAwaited(box: Box, { position }: Held): boolean {
  const reader = box.readers[0]
  if (reader === undefined || position <= reader.after) return false
  return reader.limit >= box.entries.length || box.after(position) - box.after(reader.after) <= reader.limit
}
