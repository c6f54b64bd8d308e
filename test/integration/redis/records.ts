/** Session records, subscriptions and messages as tests of the state in Redis need them. */
import {
  type ClientKey,
  DEFAULT_TENANT,
  type Incarnation,
  type TopicFilter,
  type TopicName,
} from '../../../core/contract/ids.ts'
import { Message, NEVER } from '../../../core/contract/message.ts'
import { EXPIRY_NEVER, type Will } from '../../../core/contract/session.ts'
import type { SessionRecord, State, StoredSubscription } from '../../../core/state/port.ts'

export const client = (id: string | number): ClientKey => `:${id}` as ClientKey

export const record = (id: string | number, more: Partial<SessionRecord> = {}): SessionRecord => ({
  client: client(id),
  epoch: 1,
  since: 1,
  asOf: 1,
  expirySec: EXPIRY_NEVER,
  offlineAt: 0,
  will: undefined,
  heldUntil: 0,
  comesFrom: '',
  inflight: [],
  received: [],
  inbox: undefined,
  ...more,
})

export const will = (delaySec = 0): Will => ({
  topic: 'w' as TopicName,
  payload: new Uint8Array([1, 200]),
  qos: 1,
  retain: false,
  props: new Uint8Array(0),
  delaySec,
  expirySec: undefined,
})

export const subscription = (filter: string, since = 1): StoredSubscription => ({
  filter: filter as TopicFilter,
  qos: 1,
  noLocal: false,
  retainAsPublished: false,
  retainHandling: 0,
  id: 0,
  since,
})

export const retained = (topic: string, text: string, expiresAt = NEVER): Message =>
  new Message('e' as Incarnation, 1, {
    tenant: DEFAULT_TENANT,
    topic: topic as TopicName,
    qos: 1,
    retain: true,
    payload: new TextEncoder().encode(text),
    expiresAt,
  })

export interface Loaded {
  readonly sessions: Map<string, SessionRecord>
  /** `client filter` */
  readonly subscriptions: string[]
  readonly retained: Map<string, string>
}

export async function load(state: State): Promise<Loaded> {
  const loaded: Loaded = { sessions: new Map(), subscriptions: [], retained: new Map() }
  await state.load({
    session: r => loaded.sessions.set(r.client, r),
    subscription: (c, s) => loaded.subscriptions.push(`${c} ${s.filter}`),
    retained: m => loaded.retained.set(m.topic, new TextDecoder().decode(m.payload)),
  })
  return loaded
}
