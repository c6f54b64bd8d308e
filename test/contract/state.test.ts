/** The contract of the state port, run over every implementation. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  type ClientKey,
  DEFAULT_TENANT,
  type Incarnation,
  type TopicFilter,
  type TopicName,
} from '../../core/contract/ids.ts'
import { Message, type QoS } from '../../core/contract/message.ts'
import type { SessionRecord, StoredSubscription } from '../../core/state/port.ts'
import { Servers } from '../integration/redis/servers.ts'
import { RedisBox, type StateBox } from './redis-box.ts'
import { BOXES } from './stores.ts'

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
    expiresAt: 4_000_000_000_000 + seq,
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
  heldUntil: 0,
  comesFrom: '',
  inflight: [],
  received: [],
  inbox: undefined,
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

let servers: Servers
beforeAll(async () => {
  servers = await Servers.start()
})
afterAll(() => servers.stop())

const STATES: readonly { readonly name: string; readonly loses: boolean; make(): StateBox | Promise<StateBox> }[] = [
  ...BOXES,
  { name: 'Redis over TCP', loses: true, make: () => RedisBox.open(servers, 'tcp') },
  { name: 'Redis over REST', loses: true, make: () => RedisBox.open(servers, 'rest') },
]

describe.each(STATES)('state: $name', ({ make, loses }) => {
  let box: StateBox
  beforeEach(async () => {
    box = await make()
  })
  afterEach(() => box.dispose())

  const commit = () =>
    new Promise<void>((resolve, reject) =>
      box.state.commits.commit(error => (error === undefined ? resolve() : reject(error))),
    )
  const load = async () => {
    const sessions: SessionRecord[] = []
    const subscriptions: [ClientKey, StoredSubscription][] = []
    const retained: Message[] = []
    await box.state.load({
      session: r => sessions.push(r),
      subscription: (client, s) => subscriptions.push([client, s]),
      retained: m => retained.push(m),
    })
    return { sessions, subscriptions, retained }
  }
  const bare = ({ pending, frames, settled, ...m }: Message) => ({ ...m, payload: [...m.payload], props: [...m.props] })

  test('a session record comes back as it was, the last one', async () => {
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
      heldUntil: 1_700_000_030_000,
      comesFrom: 'us',
      inbox: new Uint8Array([1, 2, 3]),
    })
    box.state.putSession(record(A, { epoch: 1 }))
    box.state.putSession(full)
    box.state.putSession(record(B, { offlineAt: 0, expirySec: 0 }))
    await commit()
    await box.reopen()
    const { sessions } = await load()
    const a = sessions.find(s => s.client === A)!
    expect({
      ...a,
      inflight: a.inflight.map(f => f.packetId),
      inbox: new Uint8Array(a.inbox!),
      will: { ...a.will, payload: [...a.will!.payload], props: [...a.will!.props] },
    }).toEqual({
      ...full,
      inflight: [7, 65_535],
      will: { ...full.will, payload: [9], props: [3] },
    })
    expect(bare(a.inflight[1]!.message!)).toEqual(bare(message(3, 2)))
    expect(sessions.find(s => s.client === B)).toEqual(record(B, { offlineAt: 0, expirySec: 0 }))
  })

  test('subscriptions are kept by filter, and replaced', async () => {
    box.state.putSession(record(A))
    box.state.putSubscription(A, subscription('a/#', { qos: 0, noLocal: false, id: 0 }))
    box.state.putSubscription(A, subscription('a/#'))
    box.state.putSubscription(A, subscription('$share/g/b/+'))
    box.state.putSubscription(A, subscription('gone'))
    box.state.deleteSubscription(A, 'gone' as TopicFilter)
    await commit()
    await box.reopen()
    expect((await load()).subscriptions.sort((x, y) => (x[1].filter < y[1].filter ? -1 : 1))).toEqual([
      [A, subscription('$share/g/b/+')],
      [A, subscription('a/#')],
    ])
  })

  test('a session goes with its subscriptions', async () => {
    for (const client of [A, B]) {
      box.state.putSession(record(client))
      box.state.putSubscription(client, subscription('a'))
    }
    box.state.deleteSession(A)
    await commit()
    await box.reopen()
    const { sessions, subscriptions } = await load()
    expect([sessions.map(s => s.client), subscriptions.map(s => s[0])]).toEqual([[B], [B]])
  })

  test('one retained message per topic', async () => {
    box.state.putRetained(message(1, 1, 'r/1'))
    box.state.putRetained(message(2, 1, 'r/1'))
    box.state.putRetained(message(3, 1, 'r/2'))
    box.state.deleteRetained(DEFAULT_TENANT, 'r/2' as TopicName)
    await commit()
    await box.reopen()
    expect((await load()).retained.map(bare)).toEqual([bare(message(2, 1, 'r/1'))])
  })

  test.skipIf(!loses)('what was not committed is gone, as a whole', async () => {
    box.state.putSession(record(A))
    await commit()
    box.state.putSession(record(B))
    box.state.putRetained(message(1))
    await box.reopen()
    expect((await load()).sessions.map(s => s.client)).toEqual([A])
    expect((await load()).retained).toEqual([])
  })
})
