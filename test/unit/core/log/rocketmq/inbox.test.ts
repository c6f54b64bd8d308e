/** Inboxes on lite topics against a model: whatever fails, restarts or comes late, what is durable and not removed is read, once and in order. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type ClientKey, DEFAULT_TENANT, type Incarnation, type TopicName } from '../../../../../core/contract/ids.ts'
import { Message, type QoS } from '../../../../../core/contract/message.ts'
import type { InboxEntry } from '../../../../../core/inbox/port.ts'
import { RocketmqInboxes } from '../../../../../core/log/rocketmq/inbox.ts'
import type { InboxLimits } from '../../../../../core/log/rocketmq/inbox-stats.ts'
import { seeded } from '../../../../chaos/random.ts'
import { LiteTopics } from './lite-topics.ts'

const GAP = 65_536
const START = Number.MIN_SAFE_INTEGER
const A = ':a' as ClientKey

const message = (seq: number, qos: QoS = 1, size = 10): Message =>
  new Message('e1' as Incarnation, seq, {
    tenant: DEFAULT_TENANT,
    topic: `t/${seq % 3}` as TopicName,
    qos,
    payload: new Uint8Array(size).fill(seq),
  })

let open: { close(): void }[] = []
afterEach(() => {
  for (const one of open) one.close()
  open = []
  vi.useRealTimers()
})

let lives = 1_000_000
function store(topics: LiteTopics, limits: Partial<InboxLimits> = {}, onStale = () => {}): RocketmqInboxes {
  const transport = topics.connect((name, offset, body) => inboxes.received(name, offset, body))
  const inboxes: RocketmqInboxes = new RocketmqInboxes({ transport, life: ++lives, limits, onStale })
  open.push(transport, inboxes)
  return inboxes
}

const read = (inboxes: RocketmqInboxes, client = A, after = START, limit = 1000) =>
  new Promise<readonly InboxEntry[]>(resolve => inboxes.read(client, after, limit, resolve))
const seqs = (entries: readonly InboxEntry[]) => entries.map(e => e.message.seq)
const put = (inboxes: RocketmqInboxes, position: number, m: Message, client = A) =>
  new Promise<void>(resolve => inboxes.put(client, { position, at: 1000, message: m }, 50, resolve))

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

describe('appending', () => {
  test('what comes while an append is under way goes along with the next one', async () => {
    const topics = new LiteTopics(() => 0.9)
    const inboxes = store(topics)
    const all = [1, 2, 3, 4, 5].map(n => put(inboxes, n, message(n)))
    await new Promise(resolve => setImmediate(resolve))
    all.push(put(inboxes, 6, message(6)), put(inboxes, 7, message(7)))
    await Promise.all(all)
    expect([...topics.topics.values()].map(t => t.bodies.length)).toEqual([2])
    expect(seqs(await read(inboxes))).toEqual([1, 2, 3, 4, 5, 6, 7])
  })

  test('is bounded, and goes on when RocketMQ is back', async () => {
    const topics = new LiteTopics()
    topics.isDown = true
    const told: boolean[] = []
    const transport = topics.connect(() => {})
    const inboxes = new RocketmqInboxes({
      transport,
      life: ++lives,
      limits: { waitingBytes: 20_000, appends: 16 },
      onFull: full => told.push(full),
    })
    open.push(transport, inboxes)
    const clients = Array.from({ length: 100 }, (_, i) => `:c${i}` as ClientKey)
    let isDurable = false
    const all = Promise.all(clients.map((client, i) => put(inboxes, 1, message(i, 1, 300), client))).then(() => {
      isDurable = true
    })
    await new Promise(resolve => setTimeout(resolve, 300))
    expect(told).toEqual([true])
    expect(inboxes.full).toBe(true)
    expect(inboxes.stats.nowAppendWindow).toBeLessThan(16)
    expect(isDurable).toBe(false)
    topics.isDown = false
    await all
    expect(told).toEqual([true, false])
    expect(inboxes.stats).toMatchObject({ nowWaitingBytes: 0, nowWaitingEntries: 0, nowAppends: 0, appends: 100 })
  })

  test('a session that is over leaves nothing in memory, and a new one of the client does not see it', async () => {
    const topics = new LiteTopics()
    const inboxes = store(topics)
    await put(inboxes, 1, message(1))
    const pending = put(inboxes, 2, message(2))
    inboxes.drop(A)
    await pending
    expect(inboxes.stats).toMatchObject({ nowInboxes: 0, nowIndexedEntries: 0, nowCachedBytes: 0, nowWaitingBytes: 0 })
    expect(await read(inboxes)).toEqual([])
    await put(inboxes, 1, message(3))
    expect(seqs(await read(inboxes))).toEqual([3])
  })

  test('an entry that is removed before it was sent is durable as well', async () => {
    const inboxes = store(new LiteTopics())
    const pending = put(inboxes, 1, message(1))
    inboxes.remove(A, 1)
    await pending
    expect(inboxes.stats).toMatchObject({ appends: 0, nowWaitingBytes: 0, nowIndexedEntries: 0 })
  })

  test('a message that goes to many inboxes is encoded once', async () => {
    const inboxes = store(new LiteTopics())
    const one = message(1)
    for (const client of [':x', ':y'] as ClientKey[]) await put(inboxes, 1, one, client)
    expect(seqs(await read(inboxes, ':y' as ClientKey))).toEqual([1])
  })
})

describe('reading back', () => {
  test('what comes in front of known entries is not left out when later ones are forgotten', async () => {
    const inboxes = store(new LiteTopics(), { cacheBytesPerInbox: 0, indexedEntries: 0 })
    const first = put(inboxes, 10, message(1))
    expect(seqs(await read(inboxes))).toEqual([1])
    await first
    await Promise.all([put(inboxes, 20, message(2)), put(inboxes, 5, message(3))])
    expect(seqs(await read(inboxes, A, START, 1))).toEqual([3])
  })

  test('nor what comes between those that are not appended yet', async () => {
    const inboxes = store(new LiteTopics(), { cacheBytesPerInbox: 0, indexedEntries: 0, chunkBytes: 1 })
    const first = put(inboxes, 10, message(1))
    expect(seqs(await read(inboxes))).toEqual([1])
    await first
    await Promise.all([put(inboxes, 20, message(2)), put(inboxes, 40, message(3)), put(inboxes, 30, message(4))])
    expect(seqs(await read(inboxes, A, START, 3))).toEqual([1, 2, 4])
  })

  test('what was read before it was durable can be removed when that is forgotten', async () => {
    const inboxes = store(new LiteTopics(), { cacheBytesPerInbox: 0, indexedEntries: 0 })
    const first = put(inboxes, 10, message(1))
    expect(seqs(await read(inboxes))).toEqual([1])
    await first
    const others = [put(inboxes, 20, message(2)), put(inboxes, 5, message(3))]
    expect(seqs(await read(inboxes, A, START, 1))).toEqual([3])
    await Promise.all(others)
    inboxes.remove(A, 5)
    await read(inboxes)
    expect(seqs(await read(inboxes))).toEqual([1, 2])
  })

  test('a copy of a chunk that lands behind later ones does not stand for it', async () => {
    const topics = new LiteTopics()
    const inboxes = store(topics, { cacheBytesPerInbox: 0 })
    for (const n of [1, 2]) await put(inboxes, n, message(n))
    for (const { bodies } of topics.topics.values()) bodies.push(bodies[0]!)
    await put(inboxes, 3, message(3))
    expect(seqs(await read(inboxes, A, 2))).toEqual([3])
    expect(seqs(await read(inboxes))).toEqual([1, 2, 3])
    const next = store(topics)
    next.restore(A, inboxes.mark(A)!)
    expect(seqs(await read(next))).toEqual([1, 2, 3])
    expect(inboxes.stats.entriesLost).toBe(0)
  })

  test('what RocketMQ has deleted is not waited for', async () => {
    const topics = new LiteTopics()
    const inboxes = store(topics, { cacheBytesPerInbox: 0 })
    for (const n of [1, 2, 3]) await put(inboxes, n, message(n))
    for (const topic of topics.topics.values()) topic.min = 2
    expect(seqs(await read(inboxes))).toEqual([3])
    expect(inboxes.stats.entriesLost).toBe(2)
    expect(seqs(await read(inboxes))).toEqual([3])
  })

  test('nor is a lite topic that is gone as a whole', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearInterval', 'clearTimeout', 'Date'] })
    const topics = new LiteTopics()
    const inboxes = store(topics, { cacheBytesPerInbox: 0 })
    for (const n of [1, 2, 3]) await put(inboxes, n, message(n))
    topics.topics.clear()
    let found: readonly InboxEntry[] | undefined
    void read(inboxes).then(entries => {
      found = entries
    })
    for (let ms = 0; ms < 60_000 && found === undefined; ms += 100) {
      await vi.advanceTimersByTimeAsync(100)
      await new Promise(resolve => setImmediate(resolve))
    }
    expect(found).toEqual([])
    expect(inboxes.stats.entriesLost).toBe(3)
  })

  test('as many at once as may be, and memory for as much', async () => {
    const topics = new LiteTopics()
    const inboxes = store(topics, { cacheBytesPerInbox: 0, drains: 4 })
    const clients = Array.from({ length: 40 }, (_, i) => `:c${i}` as ClientKey)
    await Promise.all(clients.map((client, i) => put(inboxes, 1, message(i), client)))
    let most = 0
    const all = clients.map(async (client, i) => {
      expect(seqs(await read(inboxes, client))).toEqual([i])
      most = Math.max(most, inboxes.stats.nowDrains)
    })
    await Promise.all(all)
    expect(most).toBeLessThanOrEqual(4)
    expect(inboxes.stats.nowCachedBytes).toBe(0)
  })

  test('a large inbox page by page, from one bounded buffer', async () => {
    const topics = new LiteTopics()
    const inboxes = store(topics, { cacheBytesPerInbox: 3_000 })
    await Promise.all(Array.from({ length: 200 }, (_, i) => put(inboxes, i * GAP, message(i, 1, 200))))
    let most = 0
    let after = START
    const found: number[] = []
    for (let page = await read(inboxes, A, after, 7); page.length > 0; page = await read(inboxes, A, after, 7)) {
      most = Math.max(most, inboxes.stats.nowCachedBytes)
      found.push(...seqs(page))
      after = page.at(-1)!.position
    }
    expect(found).toEqual(Array.from({ length: 200 }, (_, i) => i))
    expect(most).toBeLessThan(3_000 + 8 * 300)
  })

  test('chunks of another client are not taken for its own', async () => {
    const topics = new LiteTopics()
    const inboxes = store(topics, { cacheBytesPerInbox: 0 })
    const other = ':b' as ClientKey
    await put(inboxes, 1, message(1))
    await put(inboxes, 1, message(2), other)
    const [mine, foreign] = [...topics.topics.values()]
    mine!.bodies.unshift(foreign!.bodies[0]!)
    expect(seqs(await read(inboxes))).toEqual([1])
    expect(inboxes.stats.chunksUnreadable).toBe(1)
  })

  test('a core whose clock is behind goes on where the one before it was', async () => {
    const topics = new LiteTopics()
    const first = store(topics, { cacheBytesPerInbox: 0 })
    await put(first, 1, message(1))
    const transport = topics.connect((name, offset, body) => second.received(name, offset, body))
    const second: RocketmqInboxes = new RocketmqInboxes({ transport, life: 5, limits: { cacheBytesPerInbox: 0 } })
    open.push(transport, second)
    second.restore(A, first.mark(A)!)
    await put(second, 2, message(2))
    expect(seqs(await read(second))).toEqual([1, 2])
    expect(seqs(await read(second))).toEqual([1, 2])
  })

  test('a mark that cannot be read names its client', () => {
    expect(() => store(new LiteTopics()).restore(A, new Uint8Array([9]))).toThrow(/':a' cannot be read.*version 9/)
  })
})
