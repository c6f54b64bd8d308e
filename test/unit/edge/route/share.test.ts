/** Whose turn it is in a shared group, by each strategy, and where a message goes whose member did not take it. */
import { describe, expect, test } from 'vitest'
import type { ShareStrategy } from '../../../../edge/settings.ts'
import { World } from '../../../simulation/world.ts'
import { Device, gauges, kept, payloads, publishes } from '../device.ts'

function group(sharedStrategy: ShareStrategy, members: number, qos: 0 | 1 | 2 = 0, connect: object = {}) {
  const world = new World({ settings: { sharedStrategy }, limits: { maxInflight: 2 } })
  const devices = Array.from({ length: members }, (_, i) => new Device(world).join(`m${i}`, connect))
  for (const device of devices) device.sub('$share/g/t/#', qos)
  const from = new Device(world).join('from')
  const publish = (count: number, topic = 't/x', by = from) => {
    for (let i = 0; i < count; i++) by.pub(topic, `${i}`, { qos })
    world.settle()
  }
  const counts = () => devices.map(d => publishes(d.take()).length)
  return { world, devices, from, publish, counts }
}

describe('strategies', () => {
  test('round robin gives each its turn [MQTT-4.8.2-4]', () => {
    const { publish, counts } = group('round-robin', 3)
    publish(9)
    expect(counts()).toEqual([3, 3, 3])
  })

  test('random reaches everybody, about equally', () => {
    const { publish, counts } = group('random', 3)
    publish(600)
    for (const count of counts()) expect(Math.abs(count - 200)).toBeLessThan(60)
  })

  test('sticky stays with one until it leaves, whoever else leaves or subscribes again', () => {
    const { devices, publish, counts } = group('sticky', 4)
    publish(2)
    expect(counts()).toEqual([2, 0, 0, 0])
    devices[0]!.drop()
    publish(2)
    expect(counts()).toEqual([0, 2, 0, 0])
    devices[1]!.sub('$share/g/t/#', 0)
    publish(1)
    expect(counts()).toEqual([0, 1, 0, 0])
    devices[3]!.drop()
    publish(1)
    expect(counts()).toEqual([0, 1, 0, 0])
  })

  test('round robin goes on where it was when an earlier member leaves', () => {
    const { devices, publish, counts } = group('round-robin', 4)
    publish(2)
    counts()
    devices[0]!.drop()
    publish(1)
    expect(counts()).toEqual([0, 0, 1, 0])
  })

  test('hash of client: all of one publisher go to one member', () => {
    const { world, publish, counts } = group('hash-client', 4)
    publish(5)
    expect(counts().filter(n => n > 0)).toEqual([5])
    for (let i = 0; i < 40; i++) publish(1, 't/x', new Device(world).join(`p${i}`))
    expect(counts().filter(n => n > 0)).toHaveLength(4)
  })

  test('hash of topic: all of one topic go to one member', () => {
    const { publish, counts } = group('hash-topic', 4)
    publish(5)
    expect(counts().filter(n => n > 0)).toEqual([5])
    for (let i = 0; i < 40; i++) publish(1, `t/${i}`)
    expect(counts().filter(n => n > 0)).toHaveLength(4)
  })
})

describe('what a member did not take', () => {
  test('QoS 1 goes to another when it leaves, not as sent again [MQTT-4.8.2-6]', () => {
    const { world, devices, publish } = group('sticky', 2, 1)
    publish(2)
    expect(payloads(devices[0]!.take())).toEqual(['0', '1'])
    devices[0]!.drop()
    expect(devices[1]!.take()).toMatchObject([
      { payload: '0', dup: false },
      { payload: '1', dup: false },
    ])
    expect(world.stats).toMatchObject({ shareRedispatched: 2, nowInflight: 2 })
  })

  test('QoS 2 that was sent stays with its session, QoS 2 that waits goes to another [MQTT-4.8.2-5]', () => {
    const { world, devices } = group('sticky', 1, 2, kept())
    const from = new Device(world).join('p')
    for (const n of ['0', '1', '2']) from.pub('t/x', n, { qos: 2 })
    expect(payloads(devices[0]!.take())).toEqual(['0', '1'])
    const late = new Device(world).join('late')
    late.sub('$share/g/t/#', 2)
    devices[0]!.drop()
    expect(payloads(late.take())).toEqual(['2'])
    expect(payloads(new Device(world).connect('m0', kept()).take())).toEqual(['0', '1'])
  })

  test('a full member passes its turn on', () => {
    const world = new World({ limits: { maxInflight: 1, sessionQueueMessages: 1 } })
    const devices = [0, 1].map(i => new Device(world).join(`m${i}`))
    for (const device of devices) device.sub('$share/g/t', 1)
    const from = new Device(world).join('from')
    for (let i = 0; i < 2; i++) from.pub('t', `${i}`, { qos: 1 })
    expect(devices[1]!.take()).toHaveLength(1)
    devices[1]!.ack('puback', 1)
    for (let i = 2; i < 6; i++) from.pub('t', `${i}`, { qos: 1 })
    world.settle()
    // Four have room, and one is in flight from before.
    expect(world.stats.droppedQueueFull).toBe(1)
    expect(world.stats).toMatchObject({ nowInflight: 2, nowQueuedMessages: 2 })
  })

  test('members that have to leave because of it do not pass it round in circles', () => {
    const world = new World({
      limits: { maxInflight: 1, sessionQueueMessages: 1 },
      settings: { slowConsumer: 'disconnect' },
    })
    const devices = [0, 1, 2].map(i => new Device(world).join(`m${i}`))
    for (const device of devices) device.sub('$share/g/t', 1)
    const from = new Device(world).join('from')
    for (let i = 0; i < 8; i++) from.pub('t', `${i}`, { qos: 1 })
    world.settle()
    expect(devices.filter(d => d.ended).length).toBeGreaterThan(0)
    for (const device of [...devices, from]) if (!device.ended) device.drop()
    expect(gauges(world.stats)).toEqual({})
  })

  test.each([0, 1] as const)('a member that had to leave gets no more of the message at hand, QoS %d', qos => {
    const world = new World({
      limits: { maxInflight: 1, sessionQueueMessages: 1 },
      settings: { slowConsumer: 'disconnect' },
    })
    const first = new Device(world).join('first')
    const second = new Device(world).join('second', { properties: { topicAliasMaximum: 5 } })
    for (const device of [first, second]) device.sub('$share/g/s', 1)
    first.sub('t', 1)
    second.sub('t', qos)
    const from = new Device(world).join('from')
    for (let i = 0; i < 4; i++) from.pub('s', `${i}`, { qos: 1 })
    // What the first one had is too much for the second one, which is still to get its copy of this one.
    from.pub('t', 'x', { qos: 1 })
    world.settle()
    expect([first, second].map(device => device.ended)).toEqual([true, true])
    expect(world.stats.slowClosed).toBe(2)
    from.drop()
    expect(gauges(world.stats)).toEqual({})
  })

  test('a retained flag is not put back on the way from one member to another', () => {
    const { world, devices, from } = group('sticky', 2, 1, kept())
    from.pub('t/x', 'x', { qos: 1, retain: true })
    expect(devices[0]!.take()).toMatchObject([{ retain: false }])
    world.pass(6000)
    devices[0]!.drop()
    expect(devices[1]!.take()).toMatchObject([{ payload: 'x', retain: false }])
  })

  test('a member with QoS 0 has taken what it was given', () => {
    const world = new World()
    const zero = new Device(world).join('zero')
    zero.sub('$share/g/t', 0)
    const from = new Device(world).join('from')
    from.pub('t', 'x', { qos: 1 })
    expect(zero.take()).toMatchObject([{ payload: 'x', qos: 0 }])
    expect(world.stats.nowInflight).toBe(0)
  })
})

test('$share with No Local is a protocol error [MQTT-3.8.3-4]', () => {
  const device = new Device(new World()).join('a')
  device.send(device.subscribe('$share/g/t', 0, { nl: true }))
  expect(device.take()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x82 }])
})
