/** Retained messages: the last per topic, expiry, bounds, pages. */
import { describe, expect, test } from 'vitest'
import { DEFAULT_TENANT, type TopicName } from '../../../../core/contract/ids.ts'
import { MemoryState } from '../../../../core/state/memory.ts'
import { Rig, sub, text } from '../rig.ts'

describe('retained', () => {
  test('the last one per topic, removed by an empty payload [MQTT-3.3.1-5, MQTT-3.3.1-6]', () => {
    const edge = new Rig().edge()
    edge.publish('r/a', '1', { retain: true })
    edge.publish('r/a', '2', { retain: true, qos: 0 })
    edge.publish('r/b', '3', { retain: true })
    edge.publish('r/b', '', { retain: true })
    edge.publish('r/c', 'not retained')
    expect(edge.retained('r/#').messages.map(text)).toEqual(['2'])
    expect(edge.rig.stats.nowRetained).toBe(1)
  })

  test('expires', () => {
    const edge = new Rig().edge()
    edge.publish('r', 'x', { retain: true, expiresAt: edge.rig.now + 1500 })
    edge.rig.settle()
    edge.rig.now += 2000
    expect(edge.retained('r').messages).toEqual([])
    edge.rig.pass(0)
    expect(edge.rig.stats).toMatchObject({ nowRetained: 0, retainedExpired: 1, nowRetainedBytes: 0 })
  })

  test('one that expires while the next one is being made durable does not take that one from the state', () => {
    const state = new MemoryState()
    const edge = new Rig({ state }).edge()
    edge.publish('r', 'old', { retain: true, expiresAt: edge.rig.now + 1500 })
    edge.rig.settle()
    edge.publish('r', 'new', { retain: true })
    edge.rig.pass(2000)
    expect(edge.retained('r').messages.map(text)).toEqual(['new'])
    const stored: string[] = []
    const ignore = (): void => {}
    state.load({ session: ignore, subscription: ignore, retained: m => stored.push(text(m)) })
    expect(stored).toEqual(['new'])
  })

  test('is bounded in payload, count and bytes', () => {
    const edge = new Rig({ limits: { retainedPayloadBytes: 1000, retainedMessages: 2, retainedBytes: 900 } }).edge()
    for (const [topic, payload] of [
      ['a', 'x'.repeat(2000)],
      ['b', 'x'],
      ['c', 'x'.repeat(800)],
      ['d', 'x'],
      ['e', 'x'],
      ['d', 'y'],
    ] as const) {
      edge.publish(topic, payload, { retain: true })
      edge.rig.settle()
    }
    expect(edge.rig.events.flatMap(e => (e.is === 'retained-refused' ? [`${e.topic} ${e.why}`] : []))).toEqual([
      'a payload',
      'c bytes',
      'e count',
    ])
    expect(edge.retained('#').messages.map(text)).toEqual(['x', 'y'])
  })

  test('one page after the other', () => {
    const rig = new Rig()
    const edge = rig.edge()
    for (let i = 0; i < 5; i++) edge.publish(`r/${i}`, `${i}`, { retain: true })
    const first = edge.retained('r/+', 3)
    expect([first.messages.length, first.next !== undefined]).toEqual([3, true])
  })

  test('a message of the gateway itself reaches subscribers and stays', () => {
    const edge = new Rig().edge()
    edge.subscribe('s', edge.connect('s', { expirySec: 0 }).epoch, sub('$SYS/#'))
    edge.rig.core.publish({
      tenant: DEFAULT_TENANT,
      topic: '$SYS/x' as TopicName,
      qos: 0,
      payload: new Uint8Array([49]),
      retain: true,
    })
    edge.rig.settle()
    expect(edge.texts).toEqual(['1'])
    expect(edge.retained('$SYS/x').messages.map(text)).toEqual(['1'])
  })
})
