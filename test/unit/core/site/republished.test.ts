/** Messages that a client publishes here once more: what is asked, for how long, and what counts as the same. */
import { expect, test } from 'vitest'
import {
  type ClientKey,
  DEFAULT_TENANT,
  type Incarnation,
  NO_CLIENT,
  type TopicName,
} from '../../../../core/contract/ids.ts'
import { Message, type QoS } from '../../../../core/contract/message.ts'
import { relayed } from '../../../../core/site/copies.ts'
import { Recent } from '../../../../core/site/recent.ts'
import { Republished } from '../../../../core/site/republished.ts'

const PUB = 'default/pub' as ClientKey

function open(bound = 1_000) {
  /** Live at another site. */
  const away = new Set<ClientKey>()
  const clock = { now: 1_000 }
  const recent = new Recent(1_000)
  const republished = new Republished(
    bound,
    recent,
    client => !away.has(client),
    () => clock.now,
  )
  return { clock, recent, away, republished }
}

let seq = 0
/** Under packet id 0 at the site that had it first. */
const message = (at: string, text: string, packetId = 0, qos: QoS = 2, target = NO_CLIENT): Message =>
  new Message(`${at}-e1` as Incarnation, ++seq, {
    tenant: DEFAULT_TENANT,
    topic: 'a' as TopicName,
    qos,
    payload: new TextEncoder().encode(text),
    sender: PUB,
    packetId,
    target,
  })

test('what the other site holds open, with the same content, is the same: once', () => {
  const { republished } = open()
  republished.begin(PUB, 'eu', [])
  const ours = message('us', 'x', 5)
  republished.published(ours)
  republished.answered(PUB, 'eu', [5, 6])
  expect(republished.twin(message('eu', 'y'))).toBeUndefined()
  expect(republished.twin(message('eu', 'x', 0, 1))).toBeUndefined()
  const theirs = message('eu', 'x')
  for (const copy of [theirs, relayed(theirs, undefined, false), theirs])
    expect(republished.twin(copy)).toEqual({ origin: ours.origin, seq: ours.seq })
  expect(republished.twin(message('eu', 'x'))).toBeUndefined()
  expect(['eu', 'ap'].map(site => republished.isThere(ours, site))).toEqual([true, true])
  republished.end('eu', false)
  expect(republished.twin(theirs)).toBeUndefined()
  expect(['eu', 'ap'].map(site => republished.isThere(ours, site))).toEqual([true, true])
  republished.end('eu', true)
  expect(['eu', 'ap'].map(site => republished.isThere(ours, site))).toEqual([false, false])
})

test.each<[string, (r: Republished) => void, readonly number[]]>([
  ['it does not hold open', () => {}, [6]],
  ['its record names', r => r.begin(PUB, 'eu', [5]), [5]],
  ['the client has released', r => r.released(PUB, 5), [5]],
])('a packet id that %s: what comes under it is new', (_, before, received) => {
  const { republished } = open()
  republished.begin(PUB, 'eu', [])
  before(republished)
  republished.published(message('us', 'x', 5))
  republished.answered(PUB, 'eu', received)
  expect(republished.twin(message('eu', 'x'))).toBeUndefined()
})

test('a packet id that is used again here: the first one counts', () => {
  const { republished } = open()
  republished.begin(PUB, 'eu', [])
  const [first, second] = [message('us', 'x', 5), message('us', 'y', 5)]
  republished.published(first)
  republished.released(PUB, 5)
  republished.published(second)
  republished.answered(PUB, 'eu', [5])
  expect(republished.twin(message('eu', 'y'))).toBeUndefined()
  expect(republished.twin(message('eu', 'x'))?.seq).toBe(first.seq)
})

test('a client that has gone elsewhere, or been there: only what is known already is not new', () => {
  const { republished, away } = open()
  republished.begin(PUB, 'eu', [])
  for (const id of [5, 6]) republished.published(message('us', 'x', id))
  republished.answered(PUB, 'eu', [5, 6])
  const theirs = message('eu', 'x')
  expect(republished.twin(theirs)).toBeDefined()
  away.add(PUB)
  expect([republished.twin(message('eu', 'x')), republished.twin(theirs) === undefined]).toEqual([undefined, false])
  away.clear()
  republished.anew(PUB)
  expect(republished.twin(message('eu', 'x'))).toBeUndefined()
  republished.published(message('us', 'x', 7))
  republished.answered(PUB, 'eu', [7])
  expect(republished.twin(message('eu', 'x'))).toBeUndefined()
})

test.each([
  ['here', [true, false]],
  ['elsewhere', [false, true]],
])('for one client, which is %s: one of the two goes on, wherever it was before', (where, expected) => {
  const { republished, away } = open()
  const sub = 'default/sub' as ClientKey
  if (where !== 'here') away.add(sub)
  republished.begin(PUB, 'eu', [])
  const ours = message('us', 'x', 5, 2, sub)
  republished.published(ours)
  republished.answered(PUB, 'eu', [5])
  const theirs = message('eu', 'x', 0, 2, sub)
  expect([republished.twin(theirs) !== undefined, republished.isThere(ours, 'eu')]).toEqual(expected)
  expect(republished.isThere(ours, 'ap')).toBe(false)
  republished.end('eu', true)
  expect([republished.twin(theirs) !== undefined, republished.isThere(ours, 'eu')]).toEqual([false, false])
})

test('who has had it here has had it', () => {
  const { republished, recent } = open()
  const since = recent.begin()
  republished.begin(PUB, 'eu', [])
  const ours = message('us', 'x', 5)
  republished.published(ours)
  recent.note(ours)
  const later = recent.begin()
  republished.answered(PUB, 'eu', [5])
  const theirs = message('eu', 'x')
  const client = 'default/sub' as ClientKey
  expect(republished.had(theirs, since, client)).toBe(true)
  expect(republished.had(theirs, later, client)).toBe(false)
})

test('the site is asked about those who have published, for a bounded time', () => {
  const { republished, clock } = open()
  republished.begin(PUB, 'eu', [])
  expect([republished.isAsking('eu'), republished.isAskingFor(PUB)]).toEqual([false, false])
  republished.published(message('us', 'x', 5))
  expect([republished.isAsking('eu'), republished.isAskingFor(PUB), republished.isAsking('ap')]).toEqual([
    true,
    true,
    false,
  ])
  const done: string[] = []
  republished.whenAsked('eu', () => done.push('eu'))
  republished.whenAsked('ap', () => done.push('ap'))
  republished.tick((clock.now += 1_900))
  expect(done).toEqual([])
  republished.tick((clock.now += 200))
  expect(done).toEqual(['eu', 'ap'])
  expect(republished.isAsking('eu')).toBe(false)
  republished.answered(PUB, 'eu', [5])
  expect(republished.twin(message('eu', 'x'))).toBeUndefined()
})

test('other sites wait until it has been asked; if it cannot be, once', () => {
  const { republished, clock } = open()
  const done: string[] = []
  const ask = (name: string) => republished.whenAsked('ap', () => done.push(name))
  republished.begin(PUB, 'eu', [])
  republished.published(message('us', 'x', 5))
  ask('asked')
  republished.answered(PUB, 'eu', [])
  expect(done).toEqual(['asked'])
  republished.begin(PUB, 'eu', [])
  republished.published(message('us', 'x', 6))
  ask('away')
  republished.tick((clock.now += 1_900))
  expect(done).toEqual(['asked'])
  republished.tick((clock.now += 200))
  ask('again')
  expect(done).toEqual(['asked', 'away', 'again'])
  expect(republished.isAskingFor(PUB)).toBe(true)
})

test('beyond the bound nothing more is noted', () => {
  const { republished } = open(2)
  republished.begin(PUB, 'eu', [])
  for (const id of [1, 2, 3]) republished.published(message('us', `${id}`, id))
  republished.answered(PUB, 'eu', [1, 2, 3])
  expect(['1', '2', '3'].map(text => republished.twin(message('eu', text)) !== undefined)).toEqual([true, true, false])
  republished.begin(PUB, 'eu', [1])
  for (const id of [2, 3]) republished.published(message('us', `${id}`, id))
  republished.answered(PUB, 'eu', [2, 3])
  expect(['2', '3'].map(text => republished.twin(message('eu', text)) !== undefined)).toEqual([true, false])
})
