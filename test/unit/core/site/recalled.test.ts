/** What edges tell of QoS 2 messages they have sent: what is kept of it at the edge and at the next core, for how long, and how it travels. */
import { expect, test } from 'vitest'
import { ByteReader, ByteWriter } from '../../../../core/contract/codec.ts'
import type { ClientKey, Incarnation, Tenant, TopicName } from '../../../../core/contract/ids.ts'
import { type Outgoing, readOutgoing, writeOutgoing } from '../../../../core/contract/link/outgoing.ts'
import { LinkStats } from '../../../../core/contract/link/stats.ts'
import { Message, NO_BYTES } from '../../../../core/contract/message.ts'
import { Recalled } from '../../../../core/site/recalled.ts'
import { CoreStats } from '../../../../core/stats.ts'
import { SentMessages } from '../../../../edge/link/sent.ts'

const [A, B] = [':a' as ClientKey, ':b' as ClientKey]
const origin = 'eu-1' as Incarnation
const message = (seq: number) =>
  new Message(origin, seq, { tenant: '' as Tenant, topic: 't' as TopicName, qos: 2, payload: NO_BYTES })
const sent = (packetId: number, state: Outgoing['state'] = 'sent', epoch = 1): Outgoing => ({
  packetId,
  epoch,
  state,
  origin,
  seq: packetId,
})
const flight = (packetId: number) =>
  ({ packetId, state: 'sent', qos: 2, retain: false, message: message(packetId) }) as const

test('an edge follows each exchange, and forgets the oldest', () => {
  const stats = new LinkStats()
  const kept = new SentMessages(4, stats)
  kept.restored(A, 7, [flight(9), flight(8)])
  for (const packetId of [1, 2]) kept.step(A, 7, { step: 'out', packetId, message: message(packetId) })
  kept.step(B, 8, { step: 'out', packetId: 1, message: message(5) })
  kept.step(A, 7, { step: 'rec', packetId: 1 })
  kept.step(A, 7, { step: 'rec', packetId: 2 })
  kept.step(A, 7, { step: 'done', packetId: 2, message: message(2) })
  kept.step(A, 7, { step: 'rec', packetId: 9 })
  expect(Object.fromEntries(kept.byClient())).toMatchObject({
    [A]: [sent(1, 'received', 7), sent(2, 'done', 7)],
    [B]: [{ packetId: 1, epoch: 8, state: 'sent', seq: 5 }],
  })
  expect(stats.nowSentKept).toBe(3)
})

test('it comes as it was written; an unknown state is damage', () => {
  const list = [sent(1), { ...sent(2, 'done', 9), origin: 'us-1' as Incarnation }, sent(65_535, 'received', 2 ** 41)]
  const w = new ByteWriter()
  writeOutgoing(w, list)
  const bytes = w.copy()
  expect(readOutgoing(new ByteReader(bytes))).toEqual(list)
  bytes[3] = 3
  expect(() => readOutgoing(new ByteReader(bytes))).toThrow('State 3')
})

test('a record is brought up to what the edge knows, by epoch where only the packet id tells', () => {
  const recalled = new Recalled(100, new CoreStats(), () => 0)
  recalled.add(A, [sent(1), sent(2, 'received'), sent(3, 'done'), sent(4, 'received'), sent(5, 'received', 0)])
  const released = { state: 'received', qos: 2, retain: false, message: undefined } as const
  expect(recalled.inflight(A, 1, [flight(1), flight(2), flight(3), flight(6)])).toEqual([
    flight(1),
    flight(6),
    { ...released, packetId: 2 },
    { ...released, packetId: 4 },
  ])
  expect(recalled.inflight(B, 1, [flight(2)])).toEqual([flight(2)])
})

test('what waits is sent anew, or under its packet id, or not at all', () => {
  const recalled = new Recalled(100, new CoreStats(), () => 0)
  recalled.add(A, [sent(1), sent(2, 'received'), sent(3, 'done'), sent(4, 'sent', 0)])
  const messages = [1, 2, 3, 4, 5, 6].map(message)
  expect(recalled.sort(A, 1, [flight(6)], messages)).toEqual({
    waiting: [message(4), message(5)],
    sent: [flight(1)],
  })
  expect(recalled.sort(B, 1, [], messages).waiting).toEqual(messages)
})

test('a core keeps so many, for some minutes; of two edges the later connection counts', () => {
  const stats = new CoreStats()
  let now = 0
  const recalled = new Recalled(3, stats, () => now)
  recalled.add(A, [sent(1, 'done', 2), sent(2)])
  recalled.add(A, [sent(1, 'sent', 1)])
  expect(stats.nowRecalled).toBe(2)
  expect(recalled.inflight(A, 2, [flight(1)])).toEqual([])
  now = 200_000
  recalled.add(B, [sent(1, 'done'), sent(2, 'done')])
  expect(stats.nowRecalled).toBe(2)
  expect(recalled.inflight(A, 2, [flight(1)])).toEqual([flight(1)])
  recalled.tick(499_999)
  expect(recalled.inflight(B, 1, [flight(1)])).toEqual([])
  recalled.tick(500_000)
  expect([stats.nowRecalled, recalled.inflight(B, 1, [flight(1)])]).toEqual([0, [flight(1)]])
})
