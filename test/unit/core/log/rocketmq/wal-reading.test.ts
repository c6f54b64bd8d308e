/** An earlier log read back: what belongs to it, what comes twice, what comes too late, and where a wrong hint leads. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Entry, frame, frameSeal } from '../../../../../core/log/rocketmq/wal-frame.ts'
import { Reading } from '../../../../../core/log/rocketmq/wal-reading.ts'
import { WalStats } from '../../../../../core/log/rocketmq/wal-stats.ts'

/** A lite topic that hands out what it holds as soon as somebody subscribes. */
class Topic {
  readonly messages: Uint8Array[] = []
  readonly subscribed: number[] = []
  readonly strays: number[] = []
  readonly warnings: string[] = []
  readonly stats = new WalStats()
  reading!: Reading

  append(...positions: number[]): this {
    for (const position of positions)
      for (const { bytes } of frame([{ position, records: 2, envelope: new Uint8Array([position]) }], 1000))
        this.messages.push(bytes)
    return this
  }

  seal(by: string): this {
    this.messages.push(frameSeal(by))
    return this
  }

  open(position: number, offset: number, sealed = false): this {
    this.reading = new Reading({
      wal: { name: 'wal-a', position, offset, sealed },
      seal: 'me',
      stats: this.stats,
      warn: text => this.warnings.push(text),
      stray: entry => this.strays.push(entry.position),
      subscribe: async from => {
        this.subscribed.push(from)
        queueMicrotask(() => {
          for (let i = from; i < this.messages.length && this.subscribed.at(-1) === from; i++)
            this.reading.take(i, this.messages[i]!)
        })
      },
    })
    return this
  }

  async read(): Promise<number[]> {
    const found: Entry[] = []
    await this.reading.read(entry => found.push(entry), 60_000)
    return found.map(e => e.position)
  }
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('from the mark to the seal, again and again', async () => {
  const topic = new Topic().append(1, 3, 5, 7).seal('me').open(5, 1)
  expect(await topic.read()).toEqual([5, 7])
  expect(await topic.read()).toEqual([5, 7])
  expect(topic.reading.end).toBe(9)
  expect(topic.reading.sealedAt).toBe(5)
  expect(topic.strays).toEqual([])
})

test('what was appended twice is taken once', async () => {
  const topic = new Topic().append(1, 3, 1, 3, 5, 3).seal('me').open(1, 0)
  expect(await topic.read()).toEqual([1, 3, 5])
  expect(topic.stats).toMatchObject({ duplicates: 3, gaps: 0 })
})

test('what follows the seal of another core, or ours, is a stray; what is known is not', async () => {
  const topic = new Topic().append(1, 3).seal('another').append(3, 5).seal('me').append(7).open(1, 0)
  expect(await topic.read()).toEqual([1, 3])
  topic.reading.take(7, frame([{ position: 9, records: 1, envelope: new Uint8Array(1) }], 1000)[0]!.bytes)
  expect(topic.strays).toEqual([5, 7, 9])
  expect(topic.reading.end).toBe(5)
  expect(topic.stats.strays).toBe(3)
})

test('a log that was recovered before is only listened to', async () => {
  const topic = new Topic().append(1, 3).seal('before').append(3, 5).open(5, 3, true)
  await topic.reading.listen()
  await Promise.resolve()
  expect(topic.subscribed).toEqual([3])
  expect(topic.strays).toEqual([5])
})

test('a hint that is too far on is not believed', async () => {
  const topic = new Topic().append(1, 3, 5, 7).seal('me').open(1, 2)
  expect(await topic.read()).toEqual([1, 3, 5, 7])
  expect(topic.subscribed).toEqual([2, 0])
})

test('a hint beyond the end is not believed', async () => {
  const topic = new Topic().append(1, 3).seal('me').open(1, 50)
  const read = topic.read()
  await vi.advanceTimersByTimeAsync(6_000)
  expect(await read).toEqual([1, 3])
  expect(topic.subscribed).toEqual([50, 0])
})

test('positions that are missing are said', async () => {
  const topic = new Topic().append(1, 3, 9).seal('me').open(1, 0)
  expect(await topic.read()).toEqual([1, 3, 9])
  expect(topic.stats.gaps).toBe(1)
  expect(topic.warnings).toEqual(["Log 'wal-a' has nothing between positions 5 and 9"])
})

test('silence ends the attempt', async () => {
  const topic = new Topic().append(1).open(1, 0)
  const read = expect(topic.read()).rejects.toThrow("Log 'wal-a' cannot be read: nothing came for 60000 ms")
  await vi.advanceTimersByTimeAsync(61_000)
  await read
})

test('a damaged message ends it with its offset', async () => {
  const topic = new Topic().append(1).open(1, 0)
  topic.messages.push(new Uint8Array([9]))
  await expect(topic.read()).rejects.toThrow(
    "Message 1 of log 'wal-a' cannot be read: A message of the log has version 9",
  )
})
