/** The contract of the inbox port, run over every implementation that is durable with a commit, or never. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type ClientKey, DEFAULT_TENANT, type Incarnation, type TopicName } from '../../core/contract/ids.ts'
import { Message, type QoS } from '../../core/contract/message.ts'
import type { InboxEntry, InboxSummary } from '../../core/inbox/port.ts'
import { BOXES, type Box } from './stores.ts'

const A = ':a' as ClientKey
const B = ':b' as ClientKey

const message = (seq: number, qos: QoS = 1): Message =>
  new Message('e1' as Incarnation, seq, {
    tenant: DEFAULT_TENANT,
    topic: 't/ü' as TopicName,
    qos,
    payload: new Uint8Array([seq, 0, 255]),
    props: new Uint8Array([1, 1]),
    sender: A,
  })

describe.each(BOXES)('inbox: $name', ({ make, loses }) => {
  let box: Box
  beforeEach(() => {
    box = make()
  })
  afterEach(() => box.dispose())

  const commit = () => {
    let result: Error | 'none' | undefined = 'none'
    box.state.commits.commit(e => {
      result = e
    })
    expect(result).toBeUndefined()
  }
  const load = () => {
    const found: [ClientKey, InboxSummary][] = []
    box.inboxes.load((client, summary) => found.push([client, summary]))
    return found
  }
  const read = (client: ClientKey, after = Number.MIN_SAFE_INTEGER, limit = 100) => {
    let found: readonly InboxEntry[] = []
    box.inboxes.read(client, after, limit, entries => {
      found = entries
    })
    return found
  }
  const put = (client: ClientKey, position: number, m: Message, durable?: () => void) =>
    box.inboxes.put(client, { position, at: 1000 + position, message: m }, 50, durable)

  test('is read in order of position, whatever the order of writing', () => {
    for (const position of [100, 200, -5, 150]) put(A, position, message(Math.abs(position)))
    expect(read(A).map(e => e.position)).toEqual([-5, 100, 150, 200])
    expect(read(A, 100, 1).map(e => e.position)).toEqual([150])
    commit()
    box.reopen()
    expect(read(A).map(e => [e.position, e.at])).toEqual([
      [-5, 995],
      [100, 1100],
      [150, 1150],
      [200, 1200],
    ])
    const { payload, props, ...rest } = read(A)[0]!.message
    expect({ ...rest, payload: [...payload], props: [...props] }).toEqual({
      ...message(5),
      payload: [5, 0, 255],
      props: [1, 1],
    })
  })

  test('a read sees writes that are not durable yet', () => {
    put(A, 1, message(1))
    put(A, 2, message(2))
    box.inboxes.remove(A, 1)
    expect(read(A).map(e => e.position)).toEqual([2])
    expect(read(B)).toEqual([])
  })

  test('tells when an entry is durable, but not inside the call', async () => {
    const told: number[] = []
    put(A, 1, message(1), () => told.push(1))
    put(A, 2, message(2), () => told.push(2))
    expect(told).toEqual([])
    commit()
    await new Promise(resolve => setImmediate(resolve))
    expect(told).toEqual([1, 2])
  })

  test('the first entry can be asked for, and the first of QoS 0', () => {
    put(A, 1, message(1))
    put(A, 2, message(2, 0))
    put(A, 3, message(3, 0))
    expect(box.inboxes.first(A, 0, false)).toEqual({ position: 1, bytes: 50, qos: 1, topic: 't/ü' })
    expect(box.inboxes.first(A, 0, true)).toMatchObject({ position: 2, qos: 0 })
    expect(box.inboxes.first(A, 2, true)).toMatchObject({ position: 3 })
    expect(box.inboxes.first(A, 3, false)).toBeUndefined()
  })

  test('is summed up', () => {
    put(A, 1, message(1))
    put(A, 9, message(2, 0))
    commit()
    box.reopen()
    expect(load()).toEqual([[A, { count: 2, bytes: 100, qos0: 1, last: 9 }]])
  })

  test('goes as a whole', () => {
    for (const client of [A, B]) put(client, 1, message(1))
    box.inboxes.drop(A)
    commit()
    box.reopen()
    expect(load().map(i => i[0])).toEqual([B])
    expect(read(A)).toEqual([])
  })

  test.skipIf(!loses)('what was not committed is gone', () => {
    put(A, 1, message(1))
    commit()
    put(A, 2, message(2))
    read(A)
    box.reopen()
    expect(read(A).map(e => e.position)).toEqual([1])
  })
})
