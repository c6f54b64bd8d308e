/** The contract of the inbox port, run over every implementation. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type ClientKey, DEFAULT_TENANT, type Incarnation, type TopicName } from '../../core/contract/ids.ts'
import { Message, type QoS } from '../../core/contract/message.ts'
import type { InboxEntry, InboxStore, InboxSummary } from '../../core/inbox/port.ts'
import { ROCKETMQ_START_MS } from '../harness/rocketmq.ts'
import { RocketmqInboxBox, someClient } from './rocketmq-inboxes.ts'
import { BOXES, type Box } from './stores.ts'

const A = someClient()
const B = someClient()

interface InboxBox {
  readonly inboxes: InboxStore
  /** Everything is durable then. */
  commit(): Promise<void> | void
  /** Opens it again as after a crash. */
  reopen(): Promise<void> | void
  /** What is known of inboxes after that. */
  summaries(): readonly [ClientKey, InboxSummary][]
  dispose(): Promise<void> | void
}

class Committed implements InboxBox {
  readonly #box: Box

  constructor(box: Box) {
    this.#box = box
  }

  get inboxes(): InboxStore {
    return this.#box.inboxes
  }

  commit(): void {
    let result: Error | 'none' | undefined = 'none'
    this.#box.state.commits.commit(e => {
      result = e
    })
    expect(result).toBeUndefined()
  }

  reopen(): void {
    this.#box.reopen()
  }

  summaries(): readonly [ClientKey, InboxSummary][] {
    const found: [ClientKey, InboxSummary][] = []
    this.inboxes.load((client, summary) => found.push([client, summary]))
    return found
  }

  dispose(): void {
    this.#box.dispose()
  }
}

interface Implementation {
  readonly name: string
  readonly loses: boolean
  make(): InboxBox | Promise<InboxBox>
}

const ALL: readonly Implementation[] = [
  ...BOXES.map(({ name, loses, make }) => ({ name, loses, make: () => new Committed(make()) })),
  { name: 'RocketMQ', loses: false, make: () => RocketmqInboxBox.open([A, B]) },
  {
    name: 'RocketMQ, nothing remembered',
    loses: false,
    make: () => RocketmqInboxBox.open([A, B], { cacheBytesPerInbox: 0, indexedEntries: 0 }),
  },
]

const message = (seq: number, qos: QoS = 1): Message =>
  new Message('e1' as Incarnation, seq, {
    tenant: DEFAULT_TENANT,
    topic: 't/ü' as TopicName,
    qos,
    payload: new Uint8Array([seq, 0, 255]),
    props: new Uint8Array([1, 1]),
    sender: A,
  })

describe.each(ALL)('inbox: $name', { timeout: 20_000 }, ({ make, loses }) => {
  let box: InboxBox
  beforeEach(async () => {
    box = await make()
  }, ROCKETMQ_START_MS)
  afterEach(() => box.dispose())

  const read = (client: ClientKey, after = Number.MIN_SAFE_INTEGER, limit = 100) =>
    new Promise<readonly InboxEntry[]>(resolve => box.inboxes.read(client, after, limit, resolve))
  const positions = async (...words: Parameters<typeof read>) => (await read(...words)).map(e => e.position)
  const put = (client: ClientKey, position: number, m: Message, durable?: () => void) =>
    box.inboxes.put(client, { position, at: 1000 + position, message: m }, 50, durable)

  test('is read in order of position, whatever the order of writing', async () => {
    for (const position of [100, 200, -5, 150]) put(A, position, message(Math.abs(position)))
    expect(await positions(A)).toEqual([-5, 100, 150, 200])
    expect(await positions(A, 100, 1)).toEqual([150])
    await box.commit()
    await box.reopen()
    expect((await read(A)).map(e => [e.position, e.at])).toEqual([
      [-5, 995],
      [100, 1100],
      [150, 1150],
      [200, 1200],
    ])
    const { payload, props, ...rest } = (await read(A))[0]!.message
    expect({ ...rest, payload: [...payload], props: [...props] }).toEqual({
      ...message(5),
      payload: [5, 0, 255],
      props: [1, 1],
    })
  })

  test('a read sees writes that are not durable yet', async () => {
    put(A, 1, message(1))
    put(A, 2, message(2))
    box.inboxes.remove(A, 1)
    expect(await positions(A)).toEqual([2])
    expect(await positions(B)).toEqual([])
  })

  test('tells when an entry is durable, but not inside the call', async () => {
    const told: number[] = []
    const all = new Promise<void>(resolve => {
      put(A, 1, message(1), () => told.push(1))
      put(A, 2, message(2), () => {
        told.push(2)
        resolve()
      })
    })
    expect(told).toEqual([])
    await box.commit()
    await all
    expect(told).toEqual([1, 2])
  })

  test('the first entry can be asked for, and the first of QoS 0', () => {
    put(A, 1, message(1))
    put(A, 2, message(2, 0))
    put(A, 3, message(3, 0))
    expect(box.inboxes.first(A, 0, false)).toMatchObject({ position: 1, bytes: 50, qos: 1, topic: 't/ü' })
    expect(box.inboxes.first(A, 0, true)).toMatchObject({ position: 2, qos: 0 })
    expect(box.inboxes.first(A, 2, true)).toMatchObject({ position: 3 })
    expect(box.inboxes.first(A, 3, false)).toBeUndefined()
  })

  test('is summed up; what is given out next lies behind all that was', async () => {
    put(A, 1, message(1))
    put(A, 9, message(2, 0))
    await box.commit()
    await box.reopen()
    const [[client, { last, ...sum }]] = box.summaries() as [[ClientKey, InboxSummary]]
    expect([client, sum]).toEqual([A, { count: 2, bytes: 100, qos0: 1 }])
    expect(box.inboxes.marks ? last : 9).toBeGreaterThanOrEqual(9)
    put(A, last + 1, message(3))
    expect((await read(A)).map(e => e.message.seq)).toEqual([1, 2, 3])
  })

  test('what was read is read again, page by page, until it is removed', async () => {
    for (let n = 1; n <= 10; n++) put(A, n, message(n))
    await box.commit()
    for (let round = 0; round < 2; round++) {
      expect(await positions(A, 0, 4)).toEqual([1, 2, 3, 4])
      expect(await positions(A, 4, 4)).toEqual([5, 6, 7, 8])
      expect(await positions(A, 8, 4)).toEqual([9, 10])
    }
    for (const n of [1, 2, 3, 7]) box.inboxes.remove(A, n)
    expect(await positions(A, 0, 4)).toEqual([4, 5, 6, 8])
    await box.commit()
    await box.reopen()
    expect(await positions(A)).toEqual([4, 5, 6, 8, 9, 10])
    box.inboxes.remove(A, 4)
    put(A, 4, message(44))
    expect((await read(A, 0, 2)).map(e => e.message.seq)).toEqual([44, 5])
  })

  test('goes as a whole', async () => {
    for (const client of [A, B]) put(client, 1, message(1))
    box.inboxes.drop(A)
    await box.commit()
    await box.reopen()
    expect(box.summaries().map(i => i[0])).toEqual([B])
    expect(await read(A)).toEqual([])
    put(A, 1, message(2))
    expect((await read(A)).map(e => e.message.seq)).toEqual([2])
  })

  test.skipIf(!loses)('what was not committed is gone', async () => {
    put(A, 1, message(1))
    await box.commit()
    put(A, 2, message(2))
    await read(A)
    await box.reopen()
    expect(await positions(A)).toEqual([1])
  })
})
