/** The contract of the state port, run over every implementation. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type ClientKey,
  DEFAULT_TENANT,
  type Incarnation,
  type TopicFilter,
  type TopicName,
} from '../../core/contract/ids.ts'
import { Message, type QoS } from '../../core/contract/message.ts'
import type { InboxEntry, InboxSummary, SessionRecord, StoredSubscription } from '../../core/state/port.ts'
import { BOXES, type Box } from './stores.ts'

const A = ':a' as ClientKey
const B = ':b' as ClientKey

const message = (seq: number, qos: QoS = 1, topic = 't/ü'): Message =>
  new Message('e1' as Incarnation, seq, {
    tenant: DEFAULT_TENANT,
    topic: topic as TopicName,
    qos,
    payload: new Uint8Array([seq, 0, 255]),
    retain: true,
    props: new Uint8Array([1, 1]),
    expiresAt: 1_700_000_000_000 + seq,
    sender: A,
    packetId: seq,
    target: B,
  })

const record = (client: ClientKey, more: Partial<SessionRecord> = {}): SessionRecord => ({
  client,
  epoch: 1_700_000_000_123,
  since: 5,
  asOf: 9,
  expirySec: 0xffffffff,
  offlineAt: 1_700_000_000_000,
  will: undefined,
  inflight: [],
  received: [],
  ...more,
})

const subscription = (filter: string, more: Partial<StoredSubscription> = {}): StoredSubscription => ({
  filter: filter as TopicFilter,
  qos: 2,
  noLocal: true,
  retainAsPublished: true,
  retainHandling: 2,
  id: 268_435_455,
  since: 77,
  ...more,
})

describe.each(BOXES)('state: $name', ({ make, loses }) => {
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
    const sessions: SessionRecord[] = []
    const subscriptions: [ClientKey, StoredSubscription][] = []
    const inboxes: [ClientKey, InboxSummary][] = []
    const retained: Message[] = []
    box.state.load({
      session: r => sessions.push(r),
      subscription: (client, s) => subscriptions.push([client, s]),
      inbox: (client, summary) => inboxes.push([client, summary]),
      retained: m => retained.push(m),
    })
    return { sessions, subscriptions, inboxes, retained }
  }
  const read = (client: ClientKey, after = Number.MIN_SAFE_INTEGER, limit = 100, qos0Only = false) => {
    let found: readonly InboxEntry[] = []
    box.state.readInbox(client, after, limit, qos0Only, entries => {
      found = entries
    })
    return found
  }
  const put = (client: ClientKey, position: number, m: Message) =>
    box.state.putInbox(client, { position, at: 1000 + position, message: m }, 50)
  const bare = ({ pending, frames, ...m }: Message) => ({ ...m, payload: [...m.payload], props: [...m.props] })

  test('a session record comes back as it was, the last one', () => {
    const full = record(A, {
      will: {
        topic: 'w' as TopicName,
        payload: new Uint8Array([9]),
        qos: 2,
        retain: true,
        props: new Uint8Array([3]),
        delaySec: 30,
        expirySec: 60,
      },
      inflight: [
        { packetId: 7, state: 'received', qos: 2, retain: false, message: undefined },
        { packetId: 65_535, state: 'sent', qos: 1, retain: true, message: message(3, 2) },
      ],
      received: [1, 65_535],
    })
    box.state.putSession(record(A, { epoch: 1 }))
    box.state.putSession(full)
    box.state.putSession(record(B, { offlineAt: 0, expirySec: 0 }))
    commit()
    box.reopen()
    const { sessions } = load()
    const a = sessions.find(s => s.client === A)!
    expect({
      ...a,
      inflight: a.inflight.map(f => f.packetId),
      will: { ...a.will, payload: [...a.will!.payload], props: [...a.will!.props] },
    }).toEqual({
      ...full,
      inflight: [7, 65_535],
      will: { ...full.will, payload: [9], props: [3] },
    })
    expect(bare(a.inflight[1]!.message!)).toEqual(bare(message(3, 2)))
    expect(sessions.find(s => s.client === B)).toEqual(record(B, { offlineAt: 0, expirySec: 0 }))
  })

  test('subscriptions are kept by filter, and replaced', () => {
    box.state.putSession(record(A))
    box.state.putSubscription(A, subscription('a/#', { qos: 0, noLocal: false, id: 0 }))
    box.state.putSubscription(A, subscription('a/#'))
    box.state.putSubscription(A, subscription('$share/g/b/+'))
    box.state.putSubscription(A, subscription('gone'))
    box.state.deleteSubscription(A, 'gone' as TopicFilter)
    commit()
    box.reopen()
    expect(load().subscriptions.sort((x, y) => (x[1].filter < y[1].filter ? -1 : 1))).toEqual([
      [A, subscription('$share/g/b/+')],
      [A, subscription('a/#')],
    ])
  })

  test('an inbox is read in order of position, whatever the order of writing', () => {
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
    expect(bare(read(A)[0]!.message)).toEqual(bare(message(5)))
  })

  test('a read sees writes that are not committed yet', () => {
    put(A, 1, message(1))
    put(A, 2, message(2))
    box.state.deleteInbox(A, 1)
    expect(read(A).map(e => e.position)).toEqual([2])
    expect(read(B)).toEqual([])
  })

  test('QoS 0 entries can be read alone', () => {
    put(A, 1, message(1))
    put(A, 2, message(2, 0))
    put(A, 3, message(3, 0))
    expect(read(A, 0, 1, true).map(e => e.position)).toEqual([2])
    expect(read(A, 2, 9, true).map(e => e.position)).toEqual([3])
  })

  test('inboxes are summed up', () => {
    box.state.putSession(record(A))
    put(A, 1, message(1))
    put(A, 9, message(2, 0))
    commit()
    box.reopen()
    expect(load().inboxes).toEqual([[A, { count: 2, bytes: 100, qos0: 1, last: 9 }]])
  })

  test('a session goes with its subscriptions and its inbox', () => {
    for (const client of [A, B]) {
      box.state.putSession(record(client))
      box.state.putSubscription(client, subscription('a'))
      put(client, 1, message(1))
    }
    box.state.deleteSession(A)
    commit()
    box.reopen()
    const { sessions, subscriptions, inboxes } = load()
    expect([sessions.map(s => s.client), subscriptions.map(s => s[0]), inboxes.map(i => i[0])]).toEqual([[B], [B], [B]])
    expect(read(A)).toEqual([])
  })

  test('one retained message per topic', () => {
    box.state.putRetained(message(1, 1, 'r/1'))
    box.state.putRetained(message(2, 1, 'r/1'))
    box.state.putRetained(message(3, 1, 'r/2'))
    box.state.deleteRetained(DEFAULT_TENANT, 'r/2' as TopicName)
    commit()
    box.reopen()
    expect(load().retained.map(bare)).toEqual([bare(message(2, 1, 'r/1'))])
  })

  test.skipIf(!loses)('what was not committed is gone, as a whole', () => {
    box.state.putSession(record(A))
    commit()
    box.state.putSession(record(B))
    box.state.putRetained(message(1))
    read(A)
    box.reopen()
    expect(load().sessions.map(s => s.client)).toEqual([A])
    expect(load().retained).toEqual([])
  })
})
