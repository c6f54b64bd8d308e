/**
 * What is known of one inbox: its entries in order, the chunks of the lite topic they are in, and from which offset on nothing
 * is known ("dark": written by an earlier life of the core, or too much to remember). Plain data and its books: no I/O.
 */
import type { ClientKey } from '../../contract/ids.ts'
import type { InboxEntry, InboxHead } from '../../inbox/port.ts'
import { type ChunkEntry, type ChunkId, isBefore } from './inbox-chunk.ts'
import type { GoneChunk, InboxMark } from './inbox-mark.ts'

/** Before the first chunk of any life. */
export const NO_CHUNK: ChunkId = { life: 0, seq: 0 }

export interface Chunk extends ChunkId {
  /** In the lite topic: not less than this. */
  offset: number
  readonly size: number
  /** Entries that are not consumed. */
  live: number
  /** Indexes of consumed entries while some are live. */
  gone: number[] | undefined
}

export interface Held extends ChunkEntry {
  readonly qos: number
  readonly topic: string
  /** The encoded message while it is in memory: always until it is durable, then as long as there is room; else `NOT_HERE`. */
  data: Uint8Array
  /** Undefined until it is on its way. */
  chunk: Chunk | undefined
  index: number
  readonly durable: (() => void) | undefined
  /** Somebody has read it, and may remove it. */
  given: boolean
}

export const NOT_HERE = new Uint8Array(0)

/** A chunk whose append is not confirmed yet, with the bytes that are sent until it is. */
export interface Sending {
  readonly chunk: Chunk
  readonly held: readonly Held[]
  readonly body: Uint8Array
  readonly bytes: number
  /** It was read back already, at this offset. */
  readAt: number | undefined
}

export interface Reader {
  readonly after: number
  readonly limit: number
  readonly done: (entries: readonly InboxEntry[]) => void
}

export class Box {
  readonly client: ClientKey
  /** Of the lite topic. */
  readonly name: string
  /** What its chunks are numbered with: larger than that of every store before. */
  readonly life: number
  /** Not consumed and not dark, by position. Those without chunk, or with one under way, lie behind the dark. */
  entries: Held[] = []
  /** Confirmed, with live entries or behind one that has some; by offset. */
  chunks: Chunk[] = []
  /** The last chunk that is known, and the last one before `chunks`. */
  seen: ChunkId = NO_CHUNK
  passed: ChunkId = NO_CHUNK
  /** From this offset on nothing is known. */
  dark: number | undefined = undefined
  /** Nothing in the dark comes before an entry that is known. */
  ordered = true
  /** Consumed, but in the dark: by `life/seq`; undefined: all of the chunk. */
  gone: Map<string, readonly number[] | undefined> | undefined = undefined
  /** The next append gets no lower offset. */
  appended = 0
  waiting: Held[] = []
  sending: Sending | undefined = undefined
  /** Append something, if only a chunk without entries: what is read back up to it is all there is. */
  sealing = false
  /** Chunks of this life: the next one, and the last one that is confirmed. */
  seq = 1
  sent = 0
  last = 0
  /** Of everything that is not consumed; an estimate while it was restored and not read. */
  count = 0
  bytes = 0
  qos0 = 0
  /** Bytes of `data` of durable entries. */
  held = 0
  readers: Reader[] = []
  /** The end of its last subscription is under way. */
  leaving: Promise<void> | undefined = undefined
  /** `last` when the mark was taken; `stale`: somebody was told that it is old. */
  marked = 0
  stale = false
  dropped = false

  /** When something was put last. ms since the epoch. */
  usedAt = 0

  constructor(client: ClientKey, name: string, life: number) {
    this.client = client
    this.name = name
    this.life = life
  }

  /** Nothing is in it, or on its way into it. */
  get isIdle(): boolean {
    return (
      this.entries.length === 0 && this.dark === undefined && this.sending === undefined && this.readers.length === 0
    )
  }

  /** Index of the first entry above `position`. */
  after(position: number): number {
    const { entries } = this
    if (entries.length === 0 || entries.at(-1)!.position <= position) return entries.length
    let low = 0
    let high = entries.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (entries[middle]!.position <= position) low = middle + 1
      else high = middle
    }
    return low
  }

  at(position: number): Held | undefined {
    const entry = this.entries[this.after(position) - 1]
    return entry?.position === position ? entry : undefined
  }

  insert(entry: Held): void {
    const { entries } = this
    const last = entries.at(-1)
    if (last === undefined || last.position < entry.position) entries.push(entry)
    else entries.splice(this.after(entry.position), 0, entry)
  }

  /** Takes the entry out of the index; the books of its chunk and of the inbox are the caller's. */
  take(entry: Held): void {
    this.entries.splice(this.after(entry.position) - 1, 1)
    if (this.entries.length === 0) this.entries = []
  }

  /** Books an entry of a confirmed chunk as consumed, and forgets chunks at the front that hold nothing any more. */
  consume(chunk: Chunk, index: number): void {
    chunk.live--
    if (chunk.live === 0) chunk.gone = undefined
    else (chunk.gone ??= []).push(index)
    this.trim()
  }

  trim(): void {
    const { chunks } = this
    let n = 0
    while (n < chunks.length && chunks[n]!.live === 0) n++
    if (n === 0) return
    this.passed = chunks[n - 1]!
    chunks.splice(0, n)
    if (chunks.length === 0) this.chunks = []
  }

  /** The chunk with this id, if it is known. */
  chunk(id: ChunkId): Chunk | undefined {
    const { chunks } = this
    let low = 0
    let high = chunks.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (isBefore(chunks[middle]!, id)) low = middle + 1
      else high = middle
    }
    const found = chunks[low]
    return found?.life === id.life && found.seq === id.seq ? found : undefined
  }

  /** It is durable and known: neither waiting nor in the dark. */
  isStored(entry: Held): boolean {
    return entry.chunk !== undefined && entry.chunk !== this.sending?.chunk
  }

  first(after: number, qos0Only: boolean): InboxHead | undefined {
    if (this.dark !== undefined && !this.ordered) return undefined
    for (let i = this.after(after); i < this.entries.length; i++) {
      const entry = this.entries[i]!
      if (this.dark !== undefined && !this.isStored(entry)) return undefined
      if (!qos0Only || entry.qos === 0) return entry
    }
    return undefined
  }

  /** The next entries for `reader`, if all of them are in memory. */
  page({ after, limit }: Reader): Held[] | undefined {
    if (this.dark !== undefined && !this.ordered) return undefined
    const page: Held[] = []
    for (let i = this.after(after); i < this.entries.length && page.length < limit; i++) {
      const entry = this.entries[i]!
      if (entry.data === NOT_HERE || (this.dark !== undefined && !this.isStored(entry))) return undefined
      page.push(entry)
    }
    return page.length < limit && this.dark !== undefined ? undefined : page
  }

  /** Where to read from, for `reader`; undefined if nothing has to be read. */
  wanted({ after, limit }: Reader): number | undefined {
    if (this.dark !== undefined && !this.ordered) return this.dark
    let from = Number.POSITIVE_INFINITY
    let n = 0
    for (let i = this.after(after); i < this.entries.length && n < limit; i++, n++) {
      const entry = this.entries[i]!
      if (this.isStored(entry)) {
        if (entry.data === NOT_HERE) from = Math.min(from, entry.chunk!.offset)
      } else if (this.dark !== undefined) return Math.min(from, this.dark)
    }
    if (n < limit && this.dark !== undefined) from = Math.min(from, this.dark)
    return from === Number.POSITIVE_INFINITY ? undefined : from
  }

  /** The last chunk of this life that is confirmed. */
  get end(): ChunkId {
    return { life: this.life, seq: this.sent }
  }

  /** Nothing is dark once the last chunk of this life was seen: it came after everything that others wrote. */
  settle(): void {
    if (this.dark === undefined || this.sent === 0 || isBefore(this.seen, this.end)) return
    this.dark = undefined
    this.ordered = true
    this.gone = undefined
    this.count = 0
    this.bytes = 0
    this.qos0 = 0
    for (const entry of this.entries) this.book(entry, 1)
  }

  book(entry: Held, sign: 1 | -1): void {
    this.count = Math.max(0, this.count + sign)
    this.bytes = Math.max(0, this.bytes + sign * entry.bytes)
    if (entry.qos === 0) this.qos0 = Math.max(0, this.qos0 + sign)
  }

  mark(goneLimit: number): InboxMark {
    const first = this.chunks[0]
    const gone: GoneChunk[] = []
    for (const { life, seq, size, live, gone: indexes } of this.chunks) {
      if (gone.length >= goneLimit) break
      if (size > 0 && (live === 0 || indexes !== undefined)) gone.push({ life, seq, indexes: indexes && [...indexes] })
    }
    for (const [key, indexes] of this.gone ?? []) {
      if (gone.length >= goneLimit) break
      const [life, seq] = key.split('/').map(Number)
      gone.push({ life: life!, seq: seq!, indexes })
    }
    gone.sort((a, b) => (isBefore(a, b) ? -1 : 1))
    const cursor = Math.min(
      first?.offset ?? this.appended,
      this.dark ?? this.appended,
      this.sending?.readAt ?? this.appended,
    )
    return {
      life: this.life,
      name: this.name,
      cursor,
      passed: this.passed,
      last: this.last,
      count: this.dark === undefined ? this.count : Math.max(1, this.count),
      bytes: this.bytes,
      qos0: this.qos0,
      gone,
    }
  }
}

export const chunkKey = (id: ChunkId): string => `${id.life}/${id.seq}`
