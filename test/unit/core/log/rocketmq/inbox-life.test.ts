/** Inboxes on lite topics against a model: whatever fails, restarts or comes late, what is durable and not removed is read, once and in order. */
import { describe, expect, test, vi } from 'vitest'
import type { ClientKey } from '../../../../../core/contract/ids.ts'
import type { InboxEntry } from '../../../../../core/inbox/port.ts'
import type { RocketmqInboxes } from '../../../../../core/log/rocketmq/inbox.ts'
import type { InboxLimits } from '../../../../../core/log/rocketmq/inbox-stats.ts'
import { seeded } from '../../../../chaos/random.ts'
import { A, GAP, message, read, START, store } from './inbox-stores.ts'
import { LiteTopics } from './lite-topics.ts'

async function readAll(inboxes: RocketmqInboxes, client: ClientKey, limit: number): Promise<InboxEntry[]> {
  const all: InboxEntry[] = []
  for (;;) {
    const page = await read(inboxes, client, all.at(-1)?.position ?? START, limit)
    all.push(...page)
    if (page.length < limit) return all
  }
}

interface Known {
  readonly seq: number
  isDurable: boolean
  /** In this life. */
  isRead: boolean
}

/** One session, and what the engine would know of its inbox. */
class Life {
  readonly topics: LiteTopics
  readonly random: () => number
  readonly limits: Partial<InboxLimits>
  inboxes: RocketmqInboxes
  /** By position: what has to be there. */
  known = new Map<number, Known>()
  /** What may be there as well, by number of the message. */
  maybe = new Set<number>()
  record: Uint8Array | undefined
  isStale = false
  last = 0
  seq = 0

  constructor(random: () => number, trouble: number, limits: Partial<InboxLimits>) {
    this.random = random
    this.topics = new LiteTopics(random)
    this.topics.trouble = trouble
    this.limits = limits
    this.inboxes = this.#open()
  }

  #open(): RocketmqInboxes {
    return store(this.topics, this.limits, () => {
      this.isStale = true
    })
  }

  put(inFront: boolean): void {
    const first = inFront ? this.inboxes.first(A, START, false) : undefined
    const position = first === undefined ? (this.last += GAP) : first.position - 1 - Math.floor(this.random() * 3)
    const seq = ++this.seq
    const known = { seq, isDurable: false, isRead: false }
    const isFirst = this.known.size === 0
    this.known.set(position, known)
    const { inboxes } = this
    inboxes.put(A, { position, at: 1000, message: message(seq, this.random() < 0.3 ? 0 : 1) }, 50, () => {
      if (inboxes === this.inboxes) known.isDurable = true
    })
    if (isFirst || this.isStale) this.record = inboxes.mark(A)
    this.isStale = false
  }

  remove(): void {
    const positions = [...this.known.keys()].filter(p => this.known.get(p)!.isRead).sort((a, b) => a - b)
    const position = positions[this.random() < 0.7 ? 0 : Math.floor(this.random() * positions.length)]
    if (position === undefined) return
    this.maybe.add(this.known.get(position)!.seq)
    this.known.delete(position)
    this.inboxes.remove(A, position)
  }

  /** The process dies; the next one has the record, and puts again what was not durable: here that is only not looked for. */
  crash(): void {
    for (const [position, known] of this.known) {
      known.isRead = false
      if (known.isDurable) continue
      this.maybe.add(known.seq)
      this.known.delete(position)
    }
    this.inboxes.close()
    this.inboxes = this.#open()
    const summary = this.record === undefined ? undefined : this.inboxes.restore(A, this.record)
    this.last = summary?.last ?? 0
    if (this.known.size > 0) expect(summary).toBeDefined()
  }

  async check(limit: number, isAfterCrash: boolean): Promise<void> {
    const entries = await readAll(this.inboxes, A, limit)
    const positions = entries.map(e => e.position)
    expect(positions).toEqual(positions.toSorted((a, b) => a - b))
    const found = new Map(entries.map(e => [e.position, e.message.seq]))
    expect(found.size).toBe(entries.length)
    expect(new Set(found.values()).size).toBe(entries.length)
    for (const [position, { seq }] of this.known) expect(found.get(position), `message ${seq}`).toBe(seq)
    for (const [position, seq] of found) {
      const known = this.known.get(position)
      if (known !== undefined) {
        known.isRead = true
        continue
      }
      expect(isAfterCrash && this.maybe.has(seq), `message ${seq} comes again`).toBe(true)
      this.known.set(position, { seq, isDurable: true, isRead: true })
      this.last = Math.max(this.last, position)
    }
  }
}

const KINDS: readonly { name: string; trouble: number; limits: Partial<InboxLimits> }[] = [
  { name: 'all is well', trouble: 0, limits: {} },
  { name: 'nothing stays in memory', trouble: 0, limits: { cacheBytesPerInbox: 0 } },
  { name: 'appends fail and land twice', trouble: 0.3, limits: { cacheBytesPerInbox: 0 } },
  { name: 'no place is remembered', trouble: 0.2, limits: { cacheBytesPerInbox: 0, indexedEntries: 0 } },
  { name: 'few places are remembered, small chunks', trouble: 0.1, limits: { indexedEntries: 3, chunkBytes: 60 } },
]

async function scenario(random: () => number, trouble: number, limits: Partial<InboxLimits>): Promise<void> {
  const life = new Life(random, trouble, limits)
  let isAfterCrash = false
  for (let step = 0; step < 60; step++) {
    const dice = random()
    if (dice < 0.45) for (let n = Math.floor(random() * 4); n >= 0; n--) life.put(random() < 0.15)
    else if (dice < 0.6) life.remove()
    else if (dice < 0.7) life.record = life.inboxes.mark(A)
    else if (dice < 0.78) {
      life.crash()
      isAfterCrash = true
    } else if (dice < 0.9) {
      await life.check(1 + Math.floor(random() * 6), isAfterCrash)
      isAfterCrash = false
      if (life.known.size > 0) life.record = life.inboxes.mark(A)
    } else await new Promise(resolve => setTimeout(resolve, random() * 20))
  }
  await life.check(3, isAfterCrash)
}

const TIMERS = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'Date'] as const
const turn = setImmediate

/** Lets the clock jump to the next timer whenever nothing else is left to do: a seed gives the same order each time. */
async function inItsOwnTime(run: () => Promise<void>): Promise<void> {
  vi.useFakeTimers({ toFake: [...TIMERS] })
  let isOver = false
  const over = run().finally(() => {
    isOver = true
  })
  over.catch(() => {})
  for (let turns = 0; !isOver; turns++) {
    if (turns > 300_000) throw new Error('It does not come to an end')
    vi.advanceTimersToNextTimer()
    await new Promise(resolve => turn(resolve))
  }
  await over
}

/** The first ones, and some that have found something: order and life of entries put in front, late copies of a chunk. */
const SEEDS = [...Array.from({ length: 16 }, (_, i) => i + 1), 20, 28, 153, 174, 187, 281, 469, 526, 674, 1072, 1755]

describe.each(KINDS)('$name', ({ trouble, limits }) => {
  test.each(SEEDS)('seed %i', { timeout: 20_000 }, seed => inItsOwnTime(() => scenario(seeded(seed), trouble, limits)))
})
