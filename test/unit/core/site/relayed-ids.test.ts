/** Identities of messages that came from other sites, within a bound. */
import { expect, test } from 'vitest'
import { type ClientKey, DEFAULT_TENANT, type Incarnation, type TopicName } from '../../../../core/contract/ids.ts'
import { Message, NO_BYTES } from '../../../../core/contract/message.ts'
import { RelayedIds } from '../../../../core/site/relayed-ids.ts'

const id = (origin: string, seq: number) => ({ origin: origin as Incarnation, seq })

test('knows what has come, by origin and number', () => {
  const ids = new RelayedIds(10)
  expect([ids.add(id('a', 1)), ids.add(id('a', 2)), ids.add(id('b', 1)), ids.add(id('a', 1))]).toEqual([
    true,
    true,
    true,
    false,
  ])
  ids.forget(id('a', 1))
  expect([ids.add(id('a', 1)), ids.add(id('b', 1))]).toEqual([true, false])
})

test('forgets the oldest beyond its bound', () => {
  const ids = new RelayedIds(3)
  for (let seq = 1; seq <= 5; seq++) ids.add(id(seq % 2 === 0 ? 'a' : 'b', seq))
  expect([1, 2, 3, 4, 5].map(seq => ids.add(id(seq % 2 === 0 ? 'a' : 'b', seq)))).toEqual([
    true,
    true,
    // Adding those two has pushed these out.
    true,
    true,
    true,
  ])
  expect(ids.size).toBe(3)
  expect([3, 4, 5].map(seq => ids.add(id(seq % 2 === 0 ? 'a' : 'b', seq)))).toEqual([false, false, false])
})

test('what was forgotten and came again is forgotten in its turn', () => {
  const ids = new RelayedIds(2)
  ids.add(id('a', 1))
  ids.forget(id('a', 1))
  ids.add(id('a', 1))
  ids.add(id('a', 2))
  ids.add(id('a', 3))
  expect(ids.size).toBe(2)
  expect([ids.add(id('a', 2)), ids.add(id('a', 3))]).toEqual([false, false])
})

test('what followed one client alone is not taken for the message, which may come to others', () => {
  const ids = new RelayedIds(10)
  const init = { tenant: DEFAULT_TENANT, topic: 't' as TopicName, qos: 2 as const, payload: NO_BYTES }
  const alone = { ...init, target: 'default:a' as ClientKey, relayed: { groups: [], only: true } }
  expect(ids.remember(new Message('a' as Incarnation, 1, alone))).toBe(true)
  const message = new Message('a' as Incarnation, 1, { ...init, relayed: { groups: [], only: false } })
  expect([ids.remember(message), ids.remember(message)]).toEqual([true, false])
})
