/** Messages on their way out: who wants them, in what order, how failures end, and what is held and bounded meanwhile. */
import { describe, expect, test } from 'vitest'
import type { ClientKey, Tenant } from '../../../../core/contract/ids.ts'
import { encodeProps } from '../../../../edge/wire/props.ts'
import { message, OutRig, outRule } from './rig.ts'

describe('who wants a message', () => {
  test('every rule whose filter matches, once each; the message is held until the last has it', async () => {
    const rig = new OutRig([
      outRule({ filter: 'a/#', topic: 't1' }),
      outRule({ filter: 'a/#', topic: 't2' }),
      outRule({ filter: '+/b', topic: 't3' }),
      outRule({ filter: 'b', topic: 't4' }),
    ])
    const m = message('a/b')
    expect(rig.outbox.offer(m)).toBe(true)
    expect(rig.sends.map(s => s.outgoing.topic).sort()).toEqual(['t1', 't2', 't3'])
    await rig.sends[0]!.answer()
    await rig.sends[1]!.answer()
    expect(rig.tapped).toEqual([])
    await rig.sends[2]!.answer()
    expect(rig.tapped).toEqual([m])
    expect(rig.stats).toMatchObject({ outSent: 3, nowOutWaiting: 0, nowOutWaitingBytes: 0, nowOutInFlight: 0 })
  })

  test('nobody: not of the topic, of another tenant, to one client, from RocketMQ itself, of the gateway', () => {
    const rig = new OutRig([outRule()])
    const only = new OutRig([outRule({ filter: 'a' })])
    expect(only.outbox.offer(message('b'))).toBe(false)
    expect(rig.outbox.offer(message('a', { tenant: 'acme' as Tenant }))).toBe(false)
    expect(rig.outbox.offer(message('a', { target: ':d2' as ClientKey }))).toBe(false)
    expect(rig.outbox.offer(message('a', { sender: '$rocketmq:t' as ClientKey }))).toBe(false)
    expect(rig.outbox.offer(message('$SYS/uptime'))).toBe(false)
    expect([...rig.sends, ...only.sends]).toEqual([])
  })

  test('a filter that says so sees messages to one client', () => {
    const rig = new OutRig([outRule({ filter: '$p2p/+/cmd' })])
    expect(rig.outbox.offer(message('cmd', { target: ':d2' as ClientKey }))).toBe(true)
    expect(rig.topics).toEqual(['$p2p/d2/cmd'])
  })
})

describe('order', () => {
  test('of a group: one at a time, also while one is tried again', async () => {
    const rig = new OutRig([outRule({ fifo: 'client' })])
    for (const topic of ['1', '2']) rig.outbox.offer(message(topic))
    rig.outbox.offer(message('x', { sender: ':d2' as ClientKey }))
    expect(rig.topics).toEqual(['1', 'x'])
    await rig.fail(0, 'unavailable')
    expect(rig.topics).toEqual(['1', 'x'])
    rig.wait()
    expect(rig.topics).toEqual(['1', 'x', '1'])
    await rig.sends[2]!.answer()
    expect(rig.topics).toEqual(['1', 'x', '1', '2'])
  })

  test('without groups as many at once as the limit says', async () => {
    const rig = new OutRig([outRule()], { inFlight: 2 })
    for (const topic of ['1', '2', '3', '4']) rig.outbox.offer(message(topic))
    expect(rig.topics).toEqual(['1', '2'])
    await rig.sends[1]!.answer()
    expect(rig.topics).toEqual(['1', '2', '3'])
    expect(rig.stats).toMatchObject({ nowOutWaiting: 3, nowOutInFlight: 2 })
  })
})

describe('failures', () => {
  test('RocketMQ away: tried again for ever, with growing pauses, and said once', async () => {
    const rig = new OutRig([outRule({ attempts: 1 })])
    rig.outbox.offer(message('a'))
    const pauses: number[] = []
    for (let i = 0; i < 9; i++) {
      await rig.fail(i, 'unavailable', 'RocketMQ is away')
      pauses.push(...rig.wait())
    }
    expect(pauses).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
    await rig.sends[9]!.answer()
    expect(rig.tapped.length).toBe(1)
    expect(rig.stats).toMatchObject({ outRetries: 9, outSent: 1, outLost: 0 })
    expect(rig.events).toEqual([
      { is: 'bridge-failing', rule: 'bridge.out[0]', detail: 'RocketMQ is away' },
      { is: 'bridge-recovered', rule: 'bridge.out[0]' },
    ])
  })

  test('after so many failures, or a refusal, to the dead-letter topic', async () => {
    const rig = new OutRig([outRule({ deadLetter: 'dead', attempts: 2 })])
    rig.outbox.offer(message('a'))
    await rig.fail(0, 'failed')
    rig.wait()
    await rig.fail(1, 'failed', 'Internal error')
    expect(rig.sends[2]!.outgoing.topic).toBe('dead')
    expect(rig.sends[2]!.outgoing.properties.get('mqttError')).toBe('Internal error')
    await rig.sends[2]!.answer()
    rig.outbox.offer(message('b'))
    await rig.fail(3, 'refused', 'Too large')
    await rig.sends[4]!.answer()
    expect(rig.tapped.length).toBe(2)
    expect(rig.stats).toMatchObject({ outDeadLettered: 2, outSent: 0, outLost: 0, nowOutWaiting: 0 })
    expect(rig.events.filter(e => e.is === 'bridge-dead-lettered').map(e => e.topic)).toEqual(['a', 'b'])
  })

  test('without one, or if that refuses it too: lost, counted and said', async () => {
    const rig = new OutRig([outRule(), outRule({ topic: 't2', deadLetter: 'dead' })])
    rig.outbox.offer(message('a'))
    await rig.fail(0, 'refused', 'Too large')
    await rig.fail(1, 'refused', 'Too large')
    await rig.fail(2, 'refused', 'Far too large')
    expect(rig.tapped.length).toBe(1)
    expect(rig.stats.outLost).toBe(2)
    expect(rig.events.filter(e => e.is === 'bridge-lost').map(e => e.detail)).toEqual(['Too large', 'Far too large'])
  })

  test('a topic that is missing: to the dead-letter topic after so many attempts, and if that is missing too it waits', async () => {
    const rig = new OutRig([outRule({ deadLetter: 'dead', attempts: 2 })])
    rig.outbox.offer(message('a'))
    for (let i = 0; i < 9; i++) {
      await rig.fail(i, 'missing')
      rig.wait()
    }
    expect(rig.sends.map(s => s.outgoing.topic)).toEqual(['telemetry', 'telemetry', ...Array(8).fill('dead')])
    await rig.sends[9]!.answer()
    expect(rig.stats).toMatchObject({ outDeadLettered: 1, outLost: 0 })
    const without = new OutRig([outRule({ attempts: 1 })])
    without.outbox.offer(message('a'))
    for (let i = 0; i < 9; i++) {
      await without.fail(i, 'missing')
      without.wait()
    }
    expect(without.stats).toMatchObject({ outRetries: 9, outLost: 0 })
  })

  test('attempts 0: never given up, but a refusal is one', async () => {
    const rig = new OutRig([outRule({ attempts: 0 })])
    rig.outbox.offer(message('a'))
    for (let i = 0; i < 50; i++) {
      await rig.fail(i, 'failed')
      rig.wait()
    }
    expect(rig.stats.outLost).toBe(0)
    await rig.fail(50, 'refused')
    expect(rig.stats.outLost).toBe(1)
  })

  test('properties that cannot be read lose the message, and never inside the offer', async () => {
    const rig = new OutRig([outRule()])
    expect(rig.outbox.offer(message('a', { props: Uint8Array.of(7) }))).toBe(true)
    expect(rig.tapped).toEqual([])
    await Promise.resolve()
    expect(rig.tapped.length).toBe(1)
    expect(rig.stats).toMatchObject({ outLost: 1, nowOutInFlight: 0, nowOutWaiting: 0 })
    rig.outbox.offer(message('b', { props: encodeProps({ contentType: 'x' }) }))
    expect(rig.topics).toEqual(['b'])
  })
})

describe('bounds', () => {
  test('QoS 0 is not held, gets one attempt, and is dropped when too much waits', async () => {
    const rig = new OutRig([outRule()], { qos0: 200, inFlight: 1 })
    expect(rig.outbox.offer(message('a', { qos: 0 }))).toBe(false)
    rig.outbox.offer(message('b', { qos: 0 }))
    rig.outbox.offer(message('c', { qos: 0 }))
    expect(rig.stats).toMatchObject({ outDropped: 1, nowOutWaiting: 2 })
    await rig.fail(0, 'unavailable')
    expect(rig.pauses).toEqual([])
    await rig.sends[1]!.answer()
    expect(rig.topics).toEqual(['a', 'b'])
    expect(rig.tapped).toEqual([])
    expect(rig.stats).toMatchObject({ outDropped: 2, outSent: 1, nowOutWaiting: 0 })
  })

  test('QoS 1 beyond the limit holds publishers back until half of it is gone', async () => {
    const rig = new OutRig([outRule()], { queue: 250 })
    for (const topic of ['1', '2', '3', '4', '5']) rig.outbox.offer(message(topic))
    expect(rig.congested).toEqual([true])
    for (const send of rig.sends) await send.answer()
    expect(rig.congested).toEqual([true, false])
    expect(rig.stats.outCongestions).toBe(1)
    expect(rig.tapped.length).toBe(5)
  })

  test('a message that waits does not keep the buffer it came in', () => {
    const rig = new OutRig([outRule()])
    const m = message('a', { payload: new Uint8Array(100_000).subarray(0, 4) })
    rig.outbox.offer(m)
    expect(m.payload.buffer.byteLength).toBe(4)
  })
})

describe('close', () => {
  test('waits for what is under way; what comes after is left in the log', async () => {
    const rig = new OutRig([outRule()], { inFlight: 1 })
    rig.outbox.offer(message('a'))
    rig.outbox.offer(message('b'))
    let closed = false
    const closing = rig.outbox.close(5_000).then(() => {
      closed = true
    })
    expect(rig.outbox.offer(message('c'))).toBe(true)
    expect(rig.outbox.offer(message('d', { qos: 0 }))).toBe(false)
    await rig.sends[0]!.answer()
    expect(closed).toBe(false)
    await rig.sends[1]!.answer()
    await closing
    expect(rig.tapped.map(m => m.topic)).toEqual(['a', 'b'])
    expect(rig.topics).toEqual(['a', 'b'])
  })

  test('gives up after its time; what is not sent stays held', async () => {
    const rig = new OutRig([outRule()])
    rig.outbox.offer(message('a'))
    const closing = rig.outbox.close(5_000)
    expect(rig.wait()).toEqual([5_000])
    await closing
    await rig.fail(0, 'failed')
    expect(rig.pauses).toEqual([])
    expect(rig.tapped).toEqual([])
  })
})
