/** Stores on lite topics in memory, and messages for them: what the tests of the inboxes share. */
import { afterEach, vi } from 'vitest'
import { type ClientKey, DEFAULT_TENANT, type Incarnation, type TopicName } from '../../../../../core/contract/ids.ts'
import { Message, type QoS } from '../../../../../core/contract/message.ts'
import type { InboxEntry } from '../../../../../core/inbox/port.ts'
import { RocketmqInboxes } from '../../../../../core/log/rocketmq/inbox.ts'
import type { InboxLimits } from '../../../../../core/log/rocketmq/inbox-stats.ts'
import type { LiteTopics } from './lite-topics.ts'

/** Between positions, as the engine gives them out. */
export const GAP = 65_536
export const START = Number.MIN_SAFE_INTEGER
export const A = ':a' as ClientKey

export const message = (seq: number, qos: QoS = 1, size = 10): Message =>
  new Message('e1' as Incarnation, seq, {
    tenant: DEFAULT_TENANT,
    topic: `t/${seq % 3}` as TopicName,
    qos,
    payload: new Uint8Array(size).fill(seq),
  })

let open: { close(): void }[] = []
/** A test's stores end with it, and so does its clock. */
afterEach(() => {
  for (const one of open) one.close()
  open = []
  vi.useRealTimers()
})
export const closeLater = (...ones: { close(): void }[]): void => {
  open.push(...ones)
}

let lives = 1_000_000
export const newLife = (): number => ++lives

export function store(topics: LiteTopics, limits: Partial<InboxLimits> = {}, onStale = () => {}): RocketmqInboxes {
  const transport = topics.connect((name, offset, body) => inboxes.received(name, offset, body))
  const inboxes: RocketmqInboxes = new RocketmqInboxes({ transport, life: newLife(), limits, onStale })
  closeLater(transport, inboxes)
  return inboxes
}

export const read = (inboxes: RocketmqInboxes, client = A, after = START, limit = 1000) =>
  new Promise<readonly InboxEntry[]>(resolve => inboxes.read(client, after, limit, resolve))
