/** Appends to inboxes on lite topics, and reading them back, case by case. */
import { describe, expect, test, vi } from 'vitest'
import type { ClientKey } from '../../../../../core/contract/ids.ts'
import type { Message } from '../../../../../core/contract/message.ts'
import type { InboxEntry } from '../../../../../core/inbox/port.ts'
import { RocketmqInboxes } from '../../../../../core/log/rocketmq/inbox.ts'
import { A, closeLater, GAP, message, newLife, read, START, store } from './inbox-stores.ts'
import { LiteTopics } from './lite-topics.ts'

const seqs = (entries: readonly InboxEntry[]) => entries.map(e => e.message.seq)
const put = (inboxes: RocketmqInboxes, position: number, m: Message, client = A) =>
  new Promise<void>(resolve => inboxes.put(client, { position, at: 1000, message: m }, 50, resolve))

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
      life: newLife(),
      limits: { waitingBytes: 20_000, appends: 16 },
      onFull: full => told.push(full),
    })
    closeLater(transport, inboxes)
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
    closeLater(transport, second)
    second.restore(A, first.mark(A)!)
    await put(second, 2, message(2))
    expect(seqs(await read(second))).toEqual([1, 2])
    expect(seqs(await read(second))).toEqual([1, 2])
  })

  test('a mark that cannot be read names its client', () => {
    expect(() => store(new LiteTopics()).restore(A, new Uint8Array([9]))).toThrow(/':a' cannot be read.*version 9/)
  })
})
