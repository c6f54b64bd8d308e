/** Recent and Had: what a session has had already. */
import { describe, expect, test } from 'vitest'
import {
  type ClientKey,
  DEFAULT_TENANT,
  type Incarnation,
  NO_CLIENT,
  type TopicName,
} from '../../../../core/contract/ids.ts'
import { Message, messageKey, NEVER, NO_BYTES } from '../../../../core/contract/message.ts'
import { Had } from '../../../../core/site/had.ts'
import { Recent } from '../../../../core/site/recent.ts'

const [A, B] = ['default:a' as ClientKey, 'default:b' as ClientKey]
const message = (seq: number, target: ClientKey = NO_CLIENT) =>
  new Message('eu-1' as Incarnation, seq, {
    tenant: DEFAULT_TENANT,
    topic: 't' as TopicName,
    qos: 1,
    payload: NO_BYTES,
    retain: false,
    target,
    props: NO_BYTES,
    expiresAt: NEVER,
    sender: NO_CLIENT,
  })

describe('Recent', () => {
  test('knows what was noted since, for all or for one client', () => {
    const recent = new Recent(10)
    recent.begin()
    recent.note(message(1))
    const since = recent.begin()
    recent.note(message(2))
    recent.noteFor(A, message(3))
    recent.note(message(4, B))
    expect([1, 2, 3, 4].map(seq => recent.has(message(seq), since, A))).toEqual([false, true, true, false])
    expect([1, 2, 3, 4].map(seq => recent.has(message(seq), since, B))).toEqual([false, true, false, true])
  })

  test('is not had by those for whom it comes another way', () => {
    const recent = new Recent(10)
    const since = recent.begin()
    recent.note(message(1), new Set([A]))
    expect([A, B].map(client => recent.has(message(1), since, client))).toEqual([false, true])
  })

  test('keeps a bounded number, and nothing once nobody needs it', () => {
    const recent = new Recent(2)
    const since = recent.begin()
    recent.begin()
    for (const seq of [1, 2, 1, 3]) recent.note(message(seq))
    expect([1, 2, 3].map(seq => recent.has(message(seq), since, A))).toEqual([true, false, true])
    recent.end()
    expect([recent.active, recent.size]).toEqual([true, 2])
    recent.end()
    expect([recent.active, recent.size]).toEqual([false, 0])
  })
})

describe('Had', () => {
  test('tells once which clients had a message, of the latest', () => {
    const had = new Had(2)
    had.add(messageKey(message(1)), A)
    had.add(messageKey(message(2)), A)
    had.add(messageKey(message(2)), B)
    had.add(messageKey(message(3)), B)
    expect(had.take(message(1))).toBeUndefined()
    expect(had.take(message(2))).toEqual(new Set([A, B]))
    expect(had.take(message(2))).toBeUndefined()
    expect(had.take(message(3))).toEqual(new Set([B]))
  })
})
