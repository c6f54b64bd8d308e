/**
 * Appends what waits in inboxes to their lite topics: one append per inbox at a time, which takes along all that came while the
 * one before was on its way, and a bounded number over all. Repeats what fails, with the same bytes, until it succeeds.
 * Owns the sending; what becomes of entries that are durable is its caller's.
 */
import type { Box, Chunk, Held, Sending } from './inbox-box.ts'
import { ENTRY_OVERHEAD_BYTES, encodeChunk } from './inbox-chunk.ts'
import type { InboxLimits, InboxStoreStats } from './inbox-stats.ts'

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1_000
/** Failures in a row that are taken as the inbox's own, not RocketMQ's. */
const PATIENCE = 4

export interface AppendsOptions {
  readonly limits: InboxLimits
  readonly stats: InboxStoreStats
  /** One attempt; resolves when RocketMQ has the bytes as durable as it makes them. */
  readonly send: (liteTopic: string, body: Uint8Array) => Promise<void>
  /** Confirmed: `box.sending` is over. */
  readonly stored: (box: Box, sending: Sending) => void
  readonly failed: (error: unknown) => void
  /** More waits than may, or no more. */
  readonly full: (full: boolean) => void
}

export class Appends {
  readonly #o: AppendsOptions
  /** Inboxes with something to send and nothing under way, in order. */
  readonly #queue = new Set<Box>()
  #window: number
  #failures = 0
  #pauseMs = 0
  #timer: ReturnType<typeof setTimeout> | undefined = undefined
  #scheduled = false
  #closed = false
  full = false

  constructor(options: AppendsOptions) {
    this.#o = options
    this.#window = options.limits.appends
    options.stats.nowAppendWindow = this.#window
  }

  put(box: Box, held: Held): void {
    const { stats, limits } = this.#o
    box.waiting.push(held)
    stats.nowWaitingEntries++
    stats.nowWaitingBytes += held.data.length
    if (!this.full && stats.nowWaitingBytes > limits.waitingBytes) this.#o.full((this.full = true))
    this.add(box)
  }

  /** There is something to send. The rest of this turn of the event loop goes along. */
  add(box: Box): void {
    if (box.sending === undefined) this.#queue.add(box)
    this.#schedule()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #schedule(): void {
    if (this.#scheduled || this.#timer !== undefined) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#pump()
    })
  }

  #pump(): void {
    if (this.#closed || this.#timer !== undefined) return
    for (const box of this.#queue) {
      if (this.#o.stats.nowAppends >= this.#window) return
      this.#queue.delete(box)
      const sending = (box.sending ??= this.#next(box))
      if (sending === undefined) continue
      if (!box.dropped) this.#send(box, sending)
      else {
        box.sending = undefined
        this.#release(sending.held, sending.bytes)
      }
    }
  }

  /** Undefined if nothing is left to be sent. */
  #next(box: Box): Sending | undefined {
    let n = 0
    let bytes = 0
    while (n < box.waiting.length && (n === 0 || bytes + box.waiting[n]!.data.length <= this.#o.limits.chunkBytes))
      bytes += box.waiting[n++]!.data.length + ENTRY_OVERHEAD_BYTES
    const held = box.waiting.splice(0, n)
    if (box.waiting.length === 0) box.waiting = []
    if (held.length === 0 && !box.sealing) return undefined
    if (held.length === 0) this.#o.stats.seals++
    box.sealing = false
    const chunk: Chunk = {
      life: box.life,
      seq: box.seq++,
      offset: box.appended,
      size: held.length,
      live: held.length,
      gone: undefined,
    }
    for (const [index, entry] of held.entries()) {
      entry.chunk = chunk
      entry.index = index
    }
    const data = held.reduce((sum, entry) => sum + entry.data.length, 0)
    return { chunk, held, body: encodeChunk(box.client, chunk, held), bytes: data, readAt: undefined }
  }

  #send(box: Box, sending: Sending): void {
    this.#o.stats.nowAppends++
    this.#o.send(box.name, sending.body).then(
      () => this.#sent(box, sending),
      error => this.#failed(box, error),
    )
  }

  #sent(box: Box, sending: Sending): void {
    const { stats, limits } = this.#o
    stats.nowAppends--
    stats.appends++
    this.#failures = 0
    this.#pauseMs = 0
    if (this.#window < limits.appends) stats.nowAppendWindow = ++this.#window
    box.sending = undefined
    box.sent = sending.chunk.seq
    if (!box.dropped) this.#o.stored(box, sending)
    this.#release(sending.held, sending.bytes)
    if (box.waiting.length > 0 || box.sealing) this.#queue.add(box)
    this.#schedule()
  }

  /** It goes to the end of the line. If nothing gets through, fewer try, with growing pauses. */
  #failed(box: Box, error: unknown): void {
    const { stats } = this.#o
    stats.nowAppends--
    stats.appendFailures++
    this.#o.failed(error)
    this.#queue.add(box)
    if (++this.#failures >= PATIENCE) {
      this.#window = Math.max(1, this.#window >> 1)
      stats.nowAppendWindow = this.#window
    }
    if (this.#timer !== undefined || this.#closed) return
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, this.#pauseMs * 2))
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#pump()
    }, this.#pauseMs)
  }

  /** Nobody needs it any more, and it is not on its way yet. */
  cancel(box: Box, entry: Held): void {
    const i = box.waiting.indexOf(entry)
    if (i < 0) return
    box.waiting.splice(i, 1)
    this.#release([entry], entry.data.length)
  }

  /** They are durable, or need not be. */
  #release(held: readonly Held[], bytes: number): void {
    const { stats, limits } = this.#o
    stats.nowWaitingEntries -= held.length
    stats.nowWaitingBytes -= bytes
    if (this.full && stats.nowWaitingBytes <= limits.waitingBytes * 0.75) this.#o.full((this.full = false))
    queueMicrotask(() => {
      for (const { durable } of held) durable?.()
    })
  }
}
