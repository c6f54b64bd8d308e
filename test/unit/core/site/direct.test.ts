/** Direct: messages for one client wait, bounded and in order, until it is known where that lives. */
import { expect, test } from 'vitest'
import {
  type ClientKey,
  DEFAULT_TENANT,
  type Incarnation,
  NO_CLIENT,
  type TopicName,
} from '../../../../core/contract/ids.ts'
import { Message, NEVER, NO_BYTES } from '../../../../core/contract/message.ts'
import { Direct } from '../../../../core/site/direct.ts'
import { CoreStats } from '../../../../core/stats.ts'

const message = (seq: number, qos: 0 | 1 = 1, target = 'default:a') =>
  new Message('eu-1' as Incarnation, seq, {
    tenant: DEFAULT_TENANT,
    topic: 't' as TopicName,
    qos,
    payload: NO_BYTES,
    retain: false,
    target: target as ClientKey,
    props: NO_BYTES,
    expiresAt: NEVER,
    sender: NO_CLIENT,
  })

function rig(bound = 100) {
  const asked: [ClientKey, (site: string | undefined) => void][] = []
  const handed: string[] = []
  const presses: boolean[] = []
  const stats = new CoreStats()
  const clock = { now: 1_000 }
  const direct = new Direct({
    directory: { find: (client, done) => void asked.push([client, done]) },
    turn: { call: fn => fn(), close: () => {}, urge: () => {}, press: (_, on) => void presses.push(on) },
    stats,
    now: () => clock.now,
    hand: (site, m) => handed.push(`${site}/${m.seq}`),
    site: 'eu',
    bound,
  })
  return { direct, asked, handed, presses, stats, clock, answer: (site?: string) => asked.shift()![1](site) }
}

test('what comes while it is asked for comes behind; the answer is good for a moment', () => {
  const { direct, asked, handed, stats, clock, answer } = rig()
  direct.send(message(1), undefined)
  direct.send(message(2), undefined)
  expect([asked.length, stats.nowDirectWaiting]).toEqual([1, 2])
  answer('us')
  direct.send(message(3), undefined)
  expect(handed).toEqual(['us/1', 'us/2', 'us/3'])
  clock.now += 2_001
  direct.tick(clock.now)
  direct.send(message(4), undefined)
  answer('eu')
  expect(handed.at(-1)).toBe('/4')
  expect(stats.nowDirectWaiting).toBe(0)
})

test('nobody is asked for again: it may come at any moment', () => {
  const { direct, handed, answer } = rig()
  direct.send(message(1), undefined)
  answer('')
  direct.send(message(2), undefined)
  answer('us')
  expect(handed).toEqual(['us/2'])
})

test('while the directory does not answer it is asked again, and no more than the bound waits unnoticed', () => {
  const { direct, asked, handed, presses, stats, clock, answer } = rig(3)
  for (const seq of [1, 2, 3]) direct.send(message(seq), undefined)
  expect(presses.at(-1)).toBe(true)
  direct.send(message(4, 0), undefined)
  direct.send(message(5, 1, 'default:b'), undefined)
  expect(stats.nowDirectWaiting).toBe(4)
  answer()
  answer()
  expect(asked.length).toBe(0)
  direct.tick((clock.now += 1_000))
  expect(asked.length).toBe(2)
  answer('us')
  answer('us')
  expect(handed).toEqual(['us/1', 'us/2', 'us/3', 'us/5'])
  expect([presses.at(-1), stats.nowDirectWaiting]).toEqual([false, 0])
})
