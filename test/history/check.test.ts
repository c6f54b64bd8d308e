/** The checks of the chaos driver find what they are there to find, and nothing in a good history. */
import { describe, expect, test } from 'vitest'
import { missing, type RoundRules, wrong } from './check.ts'
import { matches } from './check-messages.ts'
import { checkRetained, keptAfter } from './check-retained.ts'
import type { HistoryEvent } from './history.ts'
import { recoveryOf } from './recovery.ts'

const rules: RoundRules = {
  round: 2,
  subscriptions: [
    { client: 's', filter: 'load/#', qos: 2 },
    { client: 'm1', filter: 'load/#', qos: 1, group: 'team' },
    { client: 'm2', filter: 'load/#', qos: 1, group: 'team' },
  ],
  watcher: 'w',
}
const find = (events: readonly HistoryEvent[]): string[] => [...missing(events, rules), ...wrong(events, rules)]

const sent = (payload: string, more: object = {}): HistoryEvent =>
  ({
    at: 1,
    is: 'sent',
    client: 'p',
    topic: 'load/p/0',
    payload,
    qos: 2,
    retain: false,
    dup: false,
    ...more,
  }) as HistoryEvent
const acknowledged = (payload: string, at = 2): HistoryEvent => ({ at, is: 'acknowledged', client: 'p', payload })
const received = (client: string, payload: string, more: object = {}): HistoryEvent =>
  ({
    ...{ at: 3, is: 'received', client, connection: 1, topic: 'load/p/0', payload },
    ...{ qos: client === 's' || client === 'w' ? 2 : 1, dup: false, packetId: 1, taken: true, ...more },
  }) as HistoryEvent
const message = (payload: string): HistoryEvent[] => [
  sent(payload),
  acknowledged(payload),
  received('s', payload),
  received('m1', payload),
]
const connack = (client: string, connection: number, at: number): HistoryEvent => ({
  ...{ at, is: 'connack', client, connection, edge: `edge${connection}` },
})
const closed = (client: string, connection: number, at: number, by: 'client' | 'server' = 'server'): HistoryEvent => ({
  ...{ at, is: 'closed', client, connection, by },
})

describe('messages', () => {
  test('all there, once, in order: nothing to say', () => {
    expect(find([...message('2/p/1'), ...message('2/p/2')])).toEqual([])
  })

  test('an acknowledged message that did not come is lost, for a session and for a group', () => {
    const events = [...message('2/p/1'), sent('2/p/2'), acknowledged('2/p/2')]
    expect(find(events)).toEqual(['s lost 1 acknowledged: 2/p/2', 'group team lost 1 acknowledged: 2/p/2'])
  })

  test('what its client takes for a copy of another one, by its packet id, is lost', () => {
    const events = [
      sent('2/p/1'),
      acknowledged('2/p/1'),
      received('s', '2/p/1', { taken: false }),
      received('m1', '2/p/1'),
    ]
    expect(find(events)).toEqual(['s lost 1 acknowledged: 2/p/1'])
  })

  test('one that was not acknowledged may be missing', () => {
    expect(find([sent('2/p/1')])).toEqual([])
  })

  test('any member of a group will do, and what comes to two of them is not lost', () => {
    const events = [...message('2/p/1'), received('m2', '2/p/1')]
    expect(find(events)).toEqual([])
  })

  test('QoS 2 twice at one session is found, in the same round and in a later one', () => {
    expect(find([...message('2/p/1'), received('s', '2/p/1')])).toEqual(['s took 1 of QoS 2 more than once: 2/p/1'])
    expect(find([received('s', '1/p/7')])).toEqual(['s took 1 of QoS 2 more than once: 1/p/7'])
  })

  test('what an earlier round has missed may come late, once', () => {
    const late = { ...rules, owed: new Map([['s', new Set(['1/p/7'])]]) }
    expect(wrong([received('s', '1/p/7')], late)).toEqual([])
    expect(wrong([received('s', '1/p/7'), received('s', '1/p/7')], late)).toHaveLength(1)
  })

  test('the same packet id sent again is not a second message, and QoS 1 may come twice', () => {
    const events = [...message('2/p/1'), received('s', '2/p/1', { dup: true, taken: false })]
    expect(find([...events, received('m1', '2/p/1', { dup: true }), received('m1', '1/p/9')])).toEqual([])
  })

  test('wrong order among first deliveries is found', () => {
    const [one, two] = [message('2/p/1'), message('2/p/2')]
    const events = [one[0]!, one[1]!, one[3]!, two[0]!, two[1]!, two[3]!, two[2]!, one[2]!]
    expect(find(events)).toEqual(['s got 1 out of order: 2/p/1'])
  })

  test('order is by publisher and topic, and repetitions do not count', () => {
    const other = { topic: 'load/p/1' }
    const late = [sent('2/p/2', other), acknowledged('2/p/2'), received('m1', '2/p/2', other)]
    const events = [...message('2/p/1').slice(0, 2), ...late, received('s', '2/p/2', other)]
    expect(find([...events, received('s', '2/p/1'), received('m1', '2/p/1'), received('m1', '2/p/1')])).toEqual([])
  })

  test('between places, between QoS, and from a place that was lost messages may overtake each other', () => {
    const at = (edge: string, time: number): HistoryEvent => ({ ...connack('p', time, time), edge }) as HistoryEvent
    const moved = [at('eu', 1), ...message('2/p/1').slice(0, 2), at('us', 3), ...message('2/p/2')]
    const events = [...moved, received('s', '2/p/1'), received('m1', '2/p/1')]
    expect(find(events)).toHaveLength(1)
    expect(wrong(events, { ...rules, order: { per: 'edge' } })).toEqual([])
    // The first one was taken at eu before that was cut off, and the second one was not.
    const either = [
      at('eu', 1),
      sent('2/p/1'),
      sent('2/p/2'),
      at('us', 3),
      acknowledged('2/p/1'),
      acknowledged('2/p/2'),
    ]
    const swapped = [...either, received('s', '2/p/2'), received('s', '2/p/1')]
    expect(wrong(swapped, rules)).toHaveLength(1)
    expect(wrong(swapped, { ...rules, order: { per: 'edge' } })).toEqual([])
    const late = [
      ...[sent('2/p/1', { at: 5 }), sent('2/p/2', { at: 6 }), connack('s', 1, 10)],
      ...[received('s', '2/p/2', { at: 11 }), received('s', '2/p/1', { at: 30 })],
    ]
    expect(wrong(late, { ...rules, order: { per: 'edge', lateFrom: 20 } })).toEqual([])
    expect(wrong(late, { ...rules, order: { per: 'edge', lateFrom: 40 } })).toHaveLength(1)
  })

  test('what nobody sent, on another topic or with another QoS is found', () => {
    expect(find([received('m1', '2/p/1')])).toEqual(['m1 got 2/p/1, which nobody sent'])
    expect(find([...message('2/p/1'), received('m1', '2/p/1', { topic: 'load/q/0' })])).toEqual([
      'm1 got 2/p/1 on load/q/0 instead of load/p/0',
    ])
    expect(find([...message('2/p/1'), received('m2', '2/p/1', { qos: 0 })])).toEqual(['m2 got 2/p/1 with QoS 0'])
  })
})

describe('owners', () => {
  test('an older connection that still receives is a second owner', () => {
    const events = [connack('x', 1, 100), connack('x', 2, 200), closed('x', 1, 5_000)]
    expect(wrong([...events, received('x', '1/p/1', { at: 1_900 })], rules)).toEqual([
      'x had two owners: its connection at edge1 got 1 messages up to 1700 ms after the CONNACK of edge2',
    ])
    expect(wrong([...events, received('x', '1/p/1', { at: 300 })], rules)).toEqual([])
    expect(wrong([...events, received('x', '1/p/1', { at: 9_000, connection: 2 })], rules)).toEqual([])
  })

  test('an older connection that does not end is found where that is asked', () => {
    const events = [connack('x', 1, 100), connack('x', 2, 200), closed('x', 1, 6_000)]
    expect(wrong(events, { ...rules, closedWithinMs: 5_000 })).toEqual([
      'x had two connections: the one at edge1 was open 5000 ms after the CONNACK of edge2',
    ])
    expect(wrong(events, { ...rules, closedWithinMs: 6_000 })).toEqual([])
  })

  test('while places were apart nobody could tell the older connection', () => {
    const events = [connack('x', 1, 100), connack('x', 2, 200), received('x', '1/p/1', { at: 4_000 })]
    const all = [...events, closed('x', 1, 6_000)]
    expect(wrong(all, { ...rules, apartUntil: 5_000, closedWithinMs: 2_000 })).toEqual([])
    expect(wrong(all, { ...rules, apartUntil: 2_000, closedWithinMs: 2_000 })).toHaveLength(2)
  })
})

describe('wills', () => {
  const will: HistoryEvent = { at: 1, is: 'will', client: 'mortal', payload: 'last words' }
  const up = [will, connack('mortal', 9, 2)]
  const came = received('w', 'last words', { topic: 'wills/mortal' })

  test('once after an abnormal end is right', () => {
    expect(find([...up, closed('mortal', 9, 3), came])).toEqual([])
  })

  test.each([
    ['none', [...up, closed('mortal', 9, 3)], 'The will of mortal did not come'],
    ['two', [...up, closed('mortal', 9, 3), came, came], 'The will of mortal came 2 times'],
    ['one while connected', [...up, came], 'The will of mortal came, and it was connected or had said goodbye'],
    [
      'one after DISCONNECT',
      [...up, { at: 3, is: 'farewell', client: 'mortal', sure: true }, closed('mortal', 9, 4), came],
      'The will of mortal came, and it was connected or had said goodbye',
    ],
  ] as [string, HistoryEvent[], string][])('%s is found', (_, events, finding) => {
    expect(find(events)).toEqual([finding])
  })

  test('one with a delay does not come, and one of a client that may be taken for dead may', () => {
    const delayed = [{ ...will, delayed: true } as HistoryEvent, ...up.slice(1), closed('mortal', 9, 3)]
    expect(find(delayed)).toEqual([])
    expect(find([...delayed, came])).toHaveLength(1)
    const maybeDead = new Set(['mortal'])
    expect(wrong([...up, came], { ...rules, maybeDead })).toEqual([])
    expect(wrong([...up, came, came], { ...rules, maybeDead })).toHaveLength(1)
  })

  test('nobody can say without CONNACK, or when DISCONNECT may not have arrived', () => {
    const unsure: HistoryEvent = { at: 3, is: 'farewell', client: 'mortal', sure: false }
    for (const came_ of [[], [came]]) {
      expect(find([will, closed('mortal', 9, 3), ...came_])).toEqual([])
      expect(find([...up, unsure, closed('mortal', 9, 3), ...came_])).toEqual([])
    }
  })
})

test('what clients complain about is a finding', () => {
  expect(find([{ at: 1, is: 'wrong', client: 's', what: 'its session was lost' }])).toEqual(['s: its session was lost'])
})

test('retained values: the last one counts, an empty one deletes, repetitions do not', () => {
  const keep = (topic: string, payload: string, dup = false) => sent(payload, { topic, payload, retain: true, dup })
  const kept = keptAfter(new Map([['a', 'old']]), [
    keep('b', '1'),
    keep('b', '2'),
    keep('b', '1', true),
    keep('c', '3'),
    keep('c', ''),
  ])
  expect([...kept]).toEqual([
    ['a', 'old'],
    ['b', '2'],
  ])
  expect(checkRetained(kept, new Map([...kept]), 'edge1')).toEqual([])
  expect(
    checkRetained(
      kept,
      new Map([
        ['b', '1'],
        ['c', '3'],
      ]),
      'edge1',
    ),
  ).toEqual(["Retained at edge1: a is '' instead of 'old', b is '1' instead of '2', c was deleted and is there"])
})

test('recovery counts from the fault, by client, and only what came after', () => {
  const events: HistoryEvent[] = [
    sent('2/p/1'),
    { at: 100, is: 'fault', name: 'kill' },
    acknowledged('2/p/1', 101),
    closed('s', 1, 102),
    closed('x', 2, 103, 'client'),
    sent('2/p/2', { at: 150 }),
    acknowledged('2/p/2', 350),
    connack('s', 3, 400),
    connack('x', 4, 500),
    acknowledged('2/p/3', 900),
  ]
  expect(recoveryOf(events)).toEqual({ publishMs: [250], ownedMs: [300] })
})

test.each([
  ['load/#', 'load/p/0', true],
  ['load/#', 'load', true],
  ['load/+/0', 'load/p/0', true],
  ['load/+/0', 'load/p/1', false],
  ['load/+', 'load/p/1', false],
  ['load/p/0', 'load/p', false],
])('filter %s and topic %s', (filter, topic, expected) => {
  expect(matches(filter, topic)).toBe(expected)
})
