/**
 * The inbox store on RocketMQ: one lite topic per inbox, whose messages are chunks of entries. Owns the inboxes' books in memory
 * and their marks for the session records; sending, reading back and what stays in memory are in the files beside.
 */
import { decodeMessage, encodeMessage } from '../../contract/codec.ts'
import type { ClientKey } from '../../contract/ids.ts'
import type { Message } from '../../contract/message.ts'
import type { InboxEntry, InboxHead, InboxStore, InboxSummary } from '../../inbox/port.ts'
import { Appends } from './inbox-appends.ts'
import { Box, type Chunk, chunkKey, type Held, NOT_HERE, type Sending } from './inbox-box.ts'
import { Cache } from './inbox-cache.ts'
import { Drains } from './inbox-drains.ts'
import { decodeMark, encodeMark, type InboxMark } from './inbox-mark.ts'
import { DEFAULT_INBOX_LIMITS, type InboxLimits, InboxStoreStats } from './inbox-stats.ts'

export interface InboxTransport {
  /** One attempt; resolves when RocketMQ has it. A failed one may have been appended. */
  send(liteTopic: string, body: Uint8Array): Promise<void>
  /** Everything from this offset on comes to `received`, in order. */
  subscribe(liteTopic: string, offset: number): Promise<void>
  unsubscribe(liteTopic: string): Promise<void>
}

export interface RocketmqInboxesOptions {
  readonly transport: InboxTransport
  /** Of this core: its start in ms since the epoch. */
  readonly life: number
  readonly limits?: Partial<InboxLimits>
  readonly stats?: InboxStoreStats
  readonly now?: () => number
  /** The session's record should be written soon: it knows too little of the inbox. */
  readonly onStale?: (client: ClientKey) => void
  /** More waits for RocketMQ than may, or no more. */
  readonly onFull?: (full: boolean) => void
  /** An append or a subscription failed and is tried again. */
  readonly onFailure?: (error: unknown) => void
}

/** A position grows by 2^16 with each put: a mark may be a million puts old, and is said to be old after 32,768. */
const UNKNOWN_ROOM = 2 ** 36
const STALE_AFTER = 2 ** 31
/** RocketMQ deletes a lite topic that nothing was appended to for three days: an inbox that was empty for so long gets another one. */
const RENAME_AFTER_MS = 24 * 3600 * 1000
/** Consumed entries that a mark tells of. The others come again after a restart. */
const GONE_LIMIT = 4_096

export class RocketmqInboxes implements InboxStore {
  readonly marks = true
  readonly stats: InboxStoreStats
  readonly #o: RocketmqInboxesOptions
  readonly #now: () => number
  readonly #limits: InboxLimits
  readonly #boxes = new Map<ClientKey, Box>()
  readonly #cache: Cache
  readonly #appends: Appends
  readonly #drains: Drains
  #names = 0
  #lastMessage: Message | undefined = undefined
  #lastData: Uint8Array = NOT_HERE

  constructor(options: RocketmqInboxesOptions) {
    const { transport, now = Date.now, onFailure: failed = () => {}, onFull: full = () => {} } = options
    this.#o = options
    this.#now = now
    this.stats = options.stats ?? new InboxStoreStats()
    this.#limits = { ...DEFAULT_INBOX_LIMITS, ...options.limits }
    const common = { limits: this.#limits, stats: this.stats, failed }
    this.#cache = new Cache(this.#limits, this.stats)
    this.#appends = new Appends({
      ...common,
      full,
      send: (liteTopic, body) => transport.send(liteTopic, body),
      stored: (box, sending) => this.#stored(box, sending),
    })
    this.#drains = new Drains({
      ...common,
      now,
      cache: this.#cache,
      appends: this.#appends,
      subscribe: (liteTopic, offset) => transport.subscribe(liteTopic, offset),
      unsubscribe: liteTopic => transport.unsubscribe(liteTopic),
      sealed: box => this.#tellStale(box),
      serve: box => this.#serve(box),
    })
  }

  /** More waits for RocketMQ than may. */
  get full(): boolean {
    return this.#appends.full
  }

  load(): void {}

  restore(client: ClientKey, bytes: Uint8Array): InboxSummary | undefined {
    const mark = readMark(client, bytes)
    // Its lite topic may be gone by the time it is used again.
    if (mark.count === 0) return undefined
    // Clocks of cores differ.
    const box = this.#box(client, mark.name, Math.max(this.#o.life, mark.life + 1))
    box.appended = mark.cursor
    box.seen = mark.passed
    box.passed = mark.passed
    box.dark = mark.cursor
    box.ordered = false
    box.count = mark.count
    box.bytes = mark.bytes
    box.qos0 = mark.qos0
    box.last = mark.last + UNKNOWN_ROOM
    // The next life would give out the same positions again.
    box.marked = Number.NEGATIVE_INFINITY
    if (mark.gone.length > 0) box.gone = new Map(mark.gone.map(chunk => [chunkKey(chunk), chunk.indexes]))
    return { count: mark.count, bytes: mark.bytes, qos0: mark.qos0, last: box.last }
  }

  put(
    client: ClientKey,
    { position, at, message }: InboxEntry,
    bytes: number,
    durable: (() => void) | undefined,
  ): void {
    const now = this.#now()
    let box = this.#boxes.get(client)
    if (box === undefined || (box.isIdle && now - box.usedAt > RENAME_AFTER_MS)) {
      if (box !== undefined) this.drop(client)
      box = this.#box(client, this.#newName(client))
    }
    box.usedAt = now
    if (box.at(position) !== undefined) this.remove(client, position)
    const data = this.#encoded(message)
    const { qos, topic } = message
    const held: Held = { position, at, bytes, data, qos, topic, chunk: undefined, index: 0, durable, given: false }
    if (box.dark !== undefined && position < box.last) box.ordered = false
    if (position > box.last || (box.count === 0 && box.dark === undefined)) box.last = position
    box.insert(held)
    box.book(held, 1)
    this.stats.nowIndexedEntries++
    this.#appends.put(box, held)
    if (box.last - box.marked >= STALE_AFTER) this.#tellStale(box)
  }

  remove(client: ClientKey, position: number): void {
    const box = this.#boxes.get(client)
    const held = box?.at(position)
    if (box === undefined || held === undefined) return
    box.take(held)
    box.book(held, -1)
    this.stats.nowIndexedEntries--
    if (held.chunk === undefined) return this.#appends.cancel(box, held)
    if (held.chunk !== box.sending?.chunk) this.#cache.forget(box, held)
    box.consume(held.chunk, held.index)
  }

  read(client: ClientKey, after: number, limit: number, done: (entries: readonly InboxEntry[]) => void): void {
    const box = this.#boxes.get(client)
    if (box === undefined) return done([])
    box.readers.push({ after, limit, done })
    if (box.readers.length > 1) return
    this.#serve(box)
    if (box.readers.length > 0) this.#drains.want(box)
  }

  first(client: ClientKey, after: number, qos0Only: boolean): InboxHead | undefined {
    return this.#boxes.get(client)?.first(after, qos0Only)
  }

  drop(client: ClientKey): void {
    const box = this.#boxes.get(client)
    if (box === undefined) return
    this.#boxes.delete(client)
    this.stats.nowInboxes--
    this.stats.nowIndexedEntries -= box.entries.length
    this.#cache.clear(box)
    box.dropped = true
    box.sealing = false
    const { readers } = box
    box.readers = []
    this.#drains.leave(box)
    this.#appends.add(box)
    queueMicrotask(() => {
      for (const { done } of readers) done([])
    })
  }

  mark(client: ClientKey): Uint8Array | undefined {
    const box = this.#boxes.get(client)
    if (box === undefined) return undefined
    box.marked = box.last
    box.stale = false
    return encodeMark(box.mark(GONE_LIMIT))
  }

  /** What the transport reads. */
  received(liteTopic: string, offset: number, body: Uint8Array): void {
    this.#drains.received(liteTopic, offset, body)
  }

  /** Nothing is sent or read any more; the transport is its owner's. */
  close(): void {
    this.#appends.close()
    this.#drains.close()
  }

  #box(client: ClientKey, name: string, life = this.#o.life): Box {
    const box = new Box(client, name, life)
    this.#boxes.set(client, box)
    this.stats.nowInboxes++
    return box
  }

  #tellStale(box: Box): void {
    if (box.stale) return
    box.stale = true
    this.#o.onStale?.(box.client)
  }

  /** Never used before, in at most 34 of the 64 characters that RocketMQ allows. */
  #newName(client: ClientKey): string {
    return `${this.#o.life.toString(36)}-${(++this.#names).toString(36)}-${hash(client)}`
  }

  /** A message that goes to many inboxes is encoded once. */
  #encoded(message: Message): Uint8Array {
    if (this.#lastMessage !== message) {
      this.#lastMessage = message
      this.#lastData = encodeMessage(message)
    }
    return this.#lastData
  }

  /** An append is confirmed: its entries are known, unless they lie in the dark. */
  #stored(box: Box, sending: Sending): void {
    const { chunk, readAt } = sending
    if (readAt !== undefined) chunk.offset = readAt
    box.appended = Math.max(box.appended, chunk.offset + 1)
    const live = sending.held.filter(held => box.at(held.position) === held)
    if (box.dark === undefined && readAt === undefined && this.#isTooMuch(box, chunk, live.length))
      box.dark = chunk.offset
    if (box.dark !== undefined && readAt === undefined) this.#darken(box, chunk, live)
    else {
      box.seen = chunk
      box.chunks.push(chunk)
      box.trim()
      for (const held of live) this.#cache.offer(box, held, held.data)
      box.settle()
    }
    this.#serve(box)
    if (box.readers.length > 0) this.#drains.want(box)
  }

  /**
   * More entries are known than should be, and these can be forgotten: they come after all that were durable before, and before
   * all that are not, which follow in the order of their appends; and nobody has read them.
   */
  #isTooMuch(box: Box, chunk: Chunk, live: number): boolean {
    if (this.stats.nowIndexedEntries <= this.#limits.indexedEntries || box.readers.length > 0) return false
    const begin = box.entries.findIndex(e => e.chunk === chunk)
    const end = begin + live
    return (
      begin >= 0 &&
      box.entries.every((e, i) => {
        if (i < begin) return e.chunk !== undefined
        return !e.given && (i < end ? e.chunk === chunk : e === box.waiting[i - end])
      })
    )
  }

  #darken(box: Box, chunk: Chunk, live: readonly Held[]): void {
    for (const held of live) {
      box.take(held)
      held.data = NOT_HERE
    }
    this.stats.nowIndexedEntries -= live.length
    if (chunk.live === chunk.size) return
    box.gone ??= new Map()
    box.gone.set(chunkKey(chunk), chunk.live === 0 ? undefined : chunk.gone)
  }

  #serve(box: Box): void {
    for (let reader = box.readers[0]; reader !== undefined; reader = box.readers[0]) {
      const page = box.page(reader)
      if (page === undefined) return
      // Of a client that comes again and again, each connection has asked: they get what was read once.
      const { after, limit } = reader
      const same = box.readers.filter(r => r.after === after && r.limit === limit)
      box.readers = box.readers.filter(r => r.after !== after || r.limit !== limit)
      const entries = page.map(read)
      for (const held of page) {
        held.given = true
        if (box.isStored(held)) this.#cache.forget(box, held)
      }
      for (const { done } of same) done(entries)
    }
  }
}

function read({ position, at, data }: Held): InboxEntry {
  const message = decodeMessage(data)
  message.compact()
  return { position, at, message }
}

function readMark(client: ClientKey, bytes: Uint8Array): InboxMark {
  try {
    return decodeMark(bytes)
  } catch (cause) {
    throw new Error(`Mark of the inbox of '${client}' cannot be read: ${String(cause)}`, { cause })
  }
}

/** FNV-1a, for people who look at lite topics: no use is made of it. */
function hash(text: string): string {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return (h >>> 0).toString(16).padStart(8, '0')
}
