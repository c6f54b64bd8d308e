/**
 * Reads inboxes back from their lite topics for those who wait: subscribes from where the first missing message is, takes in what
 * comes, and ends the subscription when enough is there. Owns the subscriptions and their number; the books are in the box.
 */
import { decodeMessage } from '../../contract/codec.ts'
import type { Message } from '../../contract/message.ts'
import type { Appends } from './inbox-appends.ts'
import { type Box, type Chunk, chunkKey, type Held, NOT_HERE, type Reader } from './inbox-box.ts'
import type { Cache } from './inbox-cache.ts'
import { type ChunkContent, type ChunkId, decodeChunk, isBefore, isSame } from './inbox-chunk.ts'
import type { InboxLimits, InboxStoreStats } from './inbox-stats.ts'

const TICK_MS = 1_000
/** Silence after which it subscribes again, and appends a chunk: if that comes, nothing is left before it. */
const SEAL_AFTER_MS = 4_000
/** Silence after which the lite topic is taken for a new one, with offsets from 0: RocketMQ has deleted the old one. */
const ANEW_AFTER_MS = 20_000
const RETRY_MS = 500
const MAX_PASSES = 3

interface Drain {
  readonly box: Box
  from: number
  /** Everything from `from` up to here has come. */
  next: number
  last: ChunkId | undefined
  /** It is subscribed from `from`: what came before that is of an earlier subscription. */
  ready: boolean
  /** When it began, or something came. */
  heardAt: number
  /** It was quiet for so long that a chunk was appended. */
  sealed: boolean
  retry: ReturnType<typeof setTimeout> | undefined
  /** Who waits although all was read to the end for it, and how often. */
  inVain: { readonly reader: Reader; passes: number } | undefined
}

export interface DrainsOptions {
  readonly limits: InboxLimits
  readonly stats: InboxStoreStats
  readonly now: () => number
  readonly cache: Cache
  readonly appends: Appends
  readonly subscribe: (liteTopic: string, offset: number) => Promise<void>
  readonly unsubscribe: (liteTopic: string) => Promise<void>
  /** This life appends something that no put has asked for. */
  readonly sealed: (box: Box) => void
  /** Answers readers that can be. */
  readonly serve: (box: Box) => void
  readonly failed: (error: unknown) => void
}

export class Drains {
  readonly #o: DrainsOptions
  /** By lite topic. */
  readonly #drains = new Map<string, Drain>()
  readonly #queue = new Set<Box>()
  #timer: ReturnType<typeof setInterval> | undefined = undefined

  constructor(options: DrainsOptions) {
    this.#o = options
  }

  /** Its first reader lacks something. */
  want(box: Box): void {
    const drain = this.#drains.get(box.name)
    if (drain !== undefined) return this.#goOn(drain)
    this.#queue.add(box)
    this.#pump()
  }

  /** Nobody wants it any more. */
  leave(box: Box): void {
    this.#queue.delete(box)
    const drain = this.#drains.get(box.name)
    if (drain !== undefined) this.#stop(drain)
    this.#count()
  }

  close(): void {
    clearInterval(this.#timer)
    for (const drain of this.#drains.values()) clearTimeout(drain.retry)
    this.#drains.clear()
    this.#queue.clear()
  }

  received(liteTopic: string, offset: number, body: Uint8Array): void {
    const drain = this.#drains.get(liteTopic)
    if (drain === undefined || !drain.ready || offset < drain.next) return
    const { box } = drain
    const { stats } = this.#o
    stats.chunksRead++
    drain.next = offset + 1
    drain.heardAt = this.#o.now()
    drain.sealed = false
    box.appended = Math.max(box.appended, offset + 1)
    const content = this.#decode(box, body)
    if (content !== undefined && (drain.last === undefined || isBefore(drain.last, content))) {
      this.#findLost(drain, content)
      this.#take(drain, offset, content)
      drain.last = { life: content.life, seq: content.seq }
    } else stats.chunksSkipped++
    if (box.dark !== undefined && box.dark <= offset) box.dark = offset + 1
    box.settle()
    this.#goOn(drain)
  }

  #decode(box: Box, body: Uint8Array): ChunkContent | undefined {
    try {
      const content = decodeChunk(body)
      if (content.client === box.client) return content
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
    }
    this.#o.stats.chunksUnreadable++
    return undefined
  }

  #take({ box, from }: Drain, offset: number, content: ChunkContent): void {
    const known = box.chunk(content)
    if (known !== undefined) {
      // Read from farther on, it may be a copy that landed behind later chunks.
      if (from <= known.offset) known.offset = offset
      for (const { position, data } of content.entries) {
        const entry = box.at(position)
        if (entry?.chunk === known && entry.data === NOT_HERE) this.#o.cache.offer(box, entry, data)
      }
    } else if (box.sending !== undefined && isSame(box.sending.chunk, content)) {
      box.sending.readAt = offset
      if (box.dark !== undefined) box.seen = box.sending.chunk
    } else if (box.dark !== undefined && offset >= box.dark && isBefore(box.seen, content))
      this.#discover(box, offset, content)
    else this.#o.stats.chunksSkipped++
  }

  /** A chunk from the dark. */
  #discover(box: Box, offset: number, { life, seq, entries }: ChunkContent): void {
    const chunk: Chunk = { life, seq, offset, size: entries.length, live: 0, gone: undefined }
    const key = chunkKey(chunk)
    const allGone = box.gone?.has(key) === true && box.gone.get(key) === undefined
    const gone = box.gone?.get(key) ?? []
    box.gone?.delete(key)
    for (const [index, { position, at, bytes, data }] of entries.entries()) {
      // A position is used again only when its entry is gone: of two, the one that was put later is there.
      const other = box.at(position)
      if (allGone || gone.includes(index) || (other !== undefined && !box.isStored(other))) {
        ;(chunk.gone ??= []).push(index)
        continue
      }
      const head = this.#head(data)
      if (head === undefined) {
        ;(chunk.gone ??= []).push(index)
        continue
      }
      if (other !== undefined) this.#forget(box, other)
      const { qos, topic } = head
      const entry: Held = {
        position,
        at,
        bytes,
        data: NOT_HERE,
        qos,
        topic,
        chunk,
        index,
        durable: undefined,
        given: false,
      }
      chunk.live++
      box.insert(entry)
      this.#o.stats.nowIndexedEntries++
      this.#o.cache.offer(box, entry, data)
    }
    if (chunk.live === 0) chunk.gone = undefined
    box.seen = chunk
    box.chunks.push(chunk)
    box.trim()
  }

  /** Undefined if it is no message. */
  #head(data: Uint8Array): Message | undefined {
    try {
      return decodeMessage(data)
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      this.#o.stats.chunksUnreadable++
      return undefined
    }
  }

  /** What is known to lie between the last chunk that came and this one would have come: RocketMQ has it no more. */
  #findLost({ box, from, last }: Drain, id: ChunkId): void {
    const lost = new Set<Chunk>()
    for (let i = box.chunks.length - 1; i >= 0; i--) {
      const chunk = box.chunks[i]!
      if (!isBefore(chunk, id)) continue
      if ((last !== undefined && !isBefore(last, chunk)) || chunk.offset < from) break
      if (chunk.live > 0) lost.add(chunk)
    }
    if (lost.size === 0) return
    for (const entry of box.entries.filter(e => lost.has(e.chunk!) && e.data === NOT_HERE)) {
      this.#forget(box, entry)
      this.#o.stats.entriesLost++
    }
  }

  #forget(box: Box, entry: Held): void {
    this.#o.cache.forget(box, entry)
    box.take(entry)
    box.book(entry, -1)
    box.consume(entry.chunk!, entry.index)
    this.#o.stats.nowIndexedEntries--
  }

  /** Answers who can be answered; then reads on, from somewhere else, or no further. */
  #goOn(drain: Drain): void {
    const { box } = drain
    const isEnd = this.#isEnd(drain)
    const reader = box.readers[0]
    if (reader !== undefined && (isEnd || box.entries.length - box.after(reader.after) >= reader.limit)) {
      this.#o.serve(box)
      if (this.#drains.get(box.name) !== drain) return
    }
    const waiting = box.readers[0]
    if (waiting === undefined) {
      if (isEnd || !this.#o.cache.hasRoom(box)) this.#stop(drain)
      return
    }
    const from = box.wanted(waiting)
    if (from !== undefined && from < drain.from) return this.#begin(drain, from)
    if (from === undefined || from >= drain.next || !isEnd) return
    // Only what is read for it from beginning to end is sure to be kept for it.
    if (drain.inVain?.reader !== waiting) drain.inVain = { reader: waiting, passes: 0 }
    if (++drain.inVain.passes > MAX_PASSES) return this.#giveUp(drain, from)
    this.#begin(drain, from)
  }

  /** Reading all of it again and again for one reader does not bring what should be there: nobody is kept waiting for it. */
  #giveUp(drain: Drain, from: number): void {
    const { box } = drain
    const missing = box.entries.filter(e => box.isStored(e) && e.data === NOT_HERE && e.chunk!.offset === from)
    for (const entry of missing) {
      this.#forget(box, entry)
      this.#o.stats.entriesLost++
    }
    drain.inVain = undefined
    this.#goOn(drain)
  }

  #isEnd({ box, last }: Drain): boolean {
    return box.dark === undefined && last !== undefined && !isBefore(last, box.end)
  }

  #pump(): void {
    const { limits, cache } = this.#o
    for (const box of this.#queue) {
      if (this.#drains.size >= limits.drains || (cache.full && this.#drains.size > 0)) break
      this.#queue.delete(box)
      const reader = box.readers[0]
      const from = reader && box.wanted(reader)
      if (from === undefined) continue
      const now = this.#o.now()
      const drain: Drain = {
        box,
        from,
        next: from,
        last: undefined,
        ready: false,
        heardAt: now,
        sealed: false,
        retry: undefined,
        inVain: undefined,
      }
      this.#drains.set(box.name, drain)
      this.#o.stats.drains++
      this.#begin(drain, from)
    }
    this.#count()
    if (this.#drains.size > 0) this.#timer ??= setInterval(() => this.#tick(), TICK_MS)
  }

  #begin(drain: Drain, from: number): void {
    const { box } = drain
    clearTimeout(drain.retry)
    drain.from = from
    drain.next = from
    drain.last = undefined
    drain.ready = false
    drain.heardAt = this.#o.now()
    drain.sealed = false
    // What is appended by this life comes after all that earlier ones have appended.
    if (box.dark !== undefined && box.sent === 0) this.#seal(box)
    void this.#subscribe(drain, from)
  }

  async #subscribe(drain: Drain, from: number): Promise<void> {
    const { box } = drain
    const isWanted = () => this.#drains.get(box.name) === drain && drain.from === from
    try {
      if (box.leaving !== undefined) await box.leaving
      if (!isWanted()) return
      drain.ready = true
      await this.#o.subscribe(box.name, from)
    } catch (error) {
      this.#o.stats.drainFailures++
      this.#o.failed(error)
      if (!isWanted()) return
      if (box.readers.length === 0) return this.#stop(drain)
      drain.retry = setTimeout(() => this.#begin(drain, from), RETRY_MS)
    }
  }

  #seal(box: Box): void {
    if (box.sealing || box.sending !== undefined || box.waiting.length > 0) return
    box.sealing = true
    this.#o.sealed(box)
    this.#o.appends.add(box)
  }

  #stop({ box, retry }: Drain): void {
    clearTimeout(retry)
    this.#drains.delete(box.name)
    const leaving = this.#o.unsubscribe(box.name).finally(() => {
      if (box.leaving === leaving) box.leaving = undefined
    })
    box.leaving = leaving
    this.#pump()
  }

  #tick(): void {
    if (this.#drains.size === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
    }
    const now = this.#o.now()
    for (const drain of [...this.#drains.values()]) {
      const { box } = drain
      if (box.readers.length === 0) this.#stop(drain)
      else if (now - drain.heardAt >= ANEW_AFTER_MS) {
        for (const chunk of box.chunks) chunk.offset = 0
        if (box.dark !== undefined) box.dark = 0
        box.appended = 0
        this.#begin(drain, 0)
      } else if (now - drain.heardAt >= SEAL_AFTER_MS && !drain.sealed) {
        drain.sealed = true
        this.#seal(box)
        // Another reader may have taken the subscription over, and be gone.
        drain.from = drain.next
        void this.#subscribe(drain, drain.from)
      }
    }
  }

  #count(): void {
    const { stats } = this.#o
    stats.nowDrains = this.#drains.size
    stats.nowDrainsWaiting = this.#queue.size
  }
}
