/** PUBLISH and PUBREL from a device: window, packet ids, aliases, rights, P2P, and what it is told. */
import { describe, expect, test } from 'vitest'
import { World } from '../../../simulation/world.ts'
import { Device, kept, payloads } from '../device.ts'

const watched = (limits: object = {}) => {
  const world = new World({ limits })
  const watch = new Device(world).join('watch')
  watch.sub('#', 2)
  /** What was delivered, as the watch saw it; it acknowledges nothing. */
  return { world, seen: () => payloads(watch.take()) }
}

describe('receive maximum', () => {
  test('one message more than it, counted at once, closes with 0x93 [MQTT-3.3.4-9]', () => {
    const { world, seen } = watched({ receiveMaximum: 3 })
    const device = new Device(world).join('a')
    for (const id of [1, 2, 3, 4]) device.pub('t', `${id}`, { qos: id % 2 === 0 ? 2 : 1, id })
    expect(device.take()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x93 }])
    expect(seen()).toEqual(['1', '2', '3'])
  })

  test('PUBACK and PUBREL make room; a QoS 2 message sent again takes none', () => {
    const { world } = watched({ receiveMaximum: 2 })
    const device = new Device(world).join('a')
    for (let round = 0; round < 5; round++) {
      device
        .pub('t', 'x', { qos: 1, id: 1 })
        .pub('t', 'x', { qos: 2, id: 2 })
        .pub('t', 'x', { qos: 2, id: 2, dup: true })
      device.take()
      device.ack('pubrel', 2).take()
    }
    expect(device.ended).toBe(false)
  })

  test('what is left of an earlier connection takes none until it is sent again [MQTT-4.9.0-1]', () => {
    const { world } = watched({ receiveMaximum: 2 })
    const first = new Device(world).join('a', kept())
    first.pub('t', 'x', { qos: 2, id: 1 }).pub('t', 'x', { qos: 2, id: 2 }).take()
    first.drop()
    const second = new Device(world).join('a', kept())
    second.pub('t', 'x', { qos: 2, id: 3 }).pub('t', 'x', { qos: 2, id: 4 })
    expect(second.take().map(p => p.cmd)).toEqual(['pubrec', 'pubrec'])
    second.pub('t', 'x', { qos: 2, id: 1, dup: true }).pub('t', 'x', { qos: 2, id: 5 })
    expect(second.take()).toMatchObject([
      { cmd: 'pubrec', messageId: 1 },
      { cmd: 'disconnect', reasonCode: 0x93 },
    ])
  })
})

describe('QoS 2', () => {
  test('sent again before PUBREL it is not delivered again; after PUBREL it is new [MQTT-4.3.3-10] [MQTT-4.3.3-12]', () => {
    const { world, seen } = watched()
    const device = new Device(world).join('a')
    device.pub('t', 'one', { qos: 2, id: 5 }).pub('t', 'one', { qos: 2, id: 5, dup: true })
    expect(device.take()).toMatchObject([{ cmd: 'pubrec', messageId: 5 }])
    device.pub('t', 'one', { qos: 2, id: 5, dup: true })
    expect(device.take()).toMatchObject([{ cmd: 'pubrec', messageId: 5 }])
    expect(device.ack('pubrel', 5).take()).toMatchObject([{ cmd: 'pubcomp', messageId: 5, reasonCode: 0 }])
    device.pub('t', 'two', { qos: 2, id: 5 }).take()
    expect(seen()).toEqual(['one', 'two'])
  })

  test('lost PUBREC and PUBCOMP, across connections [MQTT-4.3.3-8] [MQTT-4.3.3-11]', () => {
    const { world, seen } = watched()
    const a = new Device(world).join('a', kept())
    a.pub('t', 'one', { qos: 2, id: 5 })
    world.settle()
    a.drop()
    const b = new Device(world).join('a', kept())
    b.pub('t', 'one', { qos: 2, id: 5, dup: true })
    expect(b.take()).toMatchObject([{ cmd: 'pubrec', messageId: 5 }])
    b.ack('pubrel', 5)
    world.settle()
    b.drop()
    const c = new Device(world).join('a', kept())
    expect(c.ack('pubrel', 5).take()).toMatchObject([{ cmd: 'pubcomp', messageId: 5, reasonCode: 0x92 }])
    expect(seen()).toEqual(['one'])
  })

  test('its packet id may not be used for a QoS 1 message: 0x91', () => {
    const { world } = watched()
    const device = new Device(world).join('a')
    device.pub('t', 'x', { qos: 2, id: 5 }).take()
    expect(device.pub('t', 'y', { qos: 1, id: 5 }).take()).toMatchObject([{ cmd: 'puback', reasonCode: 0x91 }])
  })
})

describe('topic alias from the device', () => {
  test('names the topic for one connection only [MQTT-3.3.2-7] [MQTT-3.3.2-10]', () => {
    const { world, seen } = watched()
    const device = new Device(world).join('a', kept())
    const alias = { properties: { topicAlias: 1 } }
    device.pub('t', 'one', alias).pub('', 'two', alias).pub('u', 'three', alias).pub('', 'four', alias)
    expect(seen()).toEqual(['one', 'two', 'three', 'four'])
    device.drop()
    const next = new Device(world).join('a', kept())
    expect(next.pub('', 'five', alias).take()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x82 }])
  })

  test('holds although its message was known already, or refused', () => {
    const { world, seen } = watched()
    const first = new Device(world).join('a', kept())
    first.pub('t', 'one', { qos: 2, id: 5 }).take()
    first.drop()
    const second = new Device(world).join('a', kept())
    const alias = (topicAlias: number) => ({ properties: { topicAlias } })
    second.pub('t', 'one', { qos: 2, id: 5, dup: true, ...alias(1) }).pub('', 'two', alias(1))
    second.pub('u', 'one', { qos: 1, id: 5, ...alias(2) }).pub('', 'three', alias(2))
    expect(seen()).toEqual(['one', 'two', 'three'])
  })

  test('above the maximum closes with 0x94 [MQTT-3.3.2-9]', () => {
    const device = new Device(new World({ limits: { topicAliasMaximum: 2 } })).join('a')
    device.pub('t', 'x', { properties: { topicAlias: 3 } })
    expect(device.take()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x94 }])
  })
})

describe('P2P', () => {
  test('reaches exactly its client, without a subscription, with the QoS it was sent', () => {
    const { world, seen } = watched()
    const to = new Device(world).join('to')
    const other = new Device(world).join('other')
    other.sub('#', 1)
    const from = new Device(world).join('from')
    from.pub('$p2p/to/t', 'x', { qos: 1, id: 1, retain: true })
    expect(from.take()).toMatchObject([{ cmd: 'puback', reasonCode: 0 }])
    expect(to.take()).toMatchObject([{ topic: '$p2p/to/t', payload: 'x', qos: 1, retain: false }])
    expect(other.take()).toEqual([])
    expect(seen()).toEqual([])
  })

  test('waits for a kept session; 0x10 where there is none', () => {
    const { world } = watched()
    new Device(world).join('to', kept()).drop()
    const from = new Device(world).join('from')
    from.pub('$p2p/to/t', 'x', { qos: 1, id: 1 }).pub('$p2p/nobody/t', 'x', { qos: 2, id: 2 })
    expect(from.take()).toMatchObject([
      { cmd: 'puback', reasonCode: 0 },
      { cmd: 'pubrec', reasonCode: 0x10 },
    ])
    expect(payloads(new Device(world).connect('to', kept()).take())).toEqual(['x'])
  })
})

test('what may not be published is refused by message in 5.0, acknowledged and dropped in 3.1.1 [MQTT-3.3.5-2]', () => {
  const { world, seen } = watched()
  const five = new Device(world).join('a')
  const three = new Device(world, 4).join('b')
  for (const device of [five, three]) device.pub('$SYS/x', 'x', { qos: 1, id: 1 }).pub('$SYS/x', 'x', { qos: 2, id: 2 })
  expect(five.take()).toMatchObject([
    { cmd: 'puback', reasonCode: 0x87 },
    { cmd: 'pubrec', reasonCode: 0x87 },
  ])
  expect(three.take()).toMatchObject([{ cmd: 'puback' }, { cmd: 'pubrec' }])
  expect(three.ack('pubrel', 2).take()).toMatchObject([{ cmd: 'pubcomp', messageId: 2 }])
  expect(seen()).toEqual([])
})

test('a payload that says it is UTF-8 is checked if asked for: 0x99', () => {
  const world = new World({ settings: { checkPayloadFormat: true } })
  const device = new Device(world).join('a')
  const bad = { cmd: 'publish', topic: 't', payload: Buffer.of(0xff), qos: 1, messageId: 1 }
  device.send({ ...bad, properties: { payloadFormatIndicator: true } })
  expect(device.take()).toMatchObject([{ cmd: 'puback', reasonCode: 0x99 }])
})
