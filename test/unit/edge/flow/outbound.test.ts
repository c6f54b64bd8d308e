/** Messages to a device: window, order, packet ids, DUP, QoS 2 with lost acknowledgements, what is too large, too late or too much. */
import { describe, expect, test, vi } from 'vitest'
import type { Step } from '../../../../core/contract/link.ts'
import { LocalLink } from '../../../../core/link/local-link.ts'
import { World, type WorldOptions } from '../../../simulation/world.ts'
import { bareSession, Device, type Got, gauges, kept, payloads, publishes } from '../device.ts'

const ids = (got: readonly Got[]): number[] => publishes(got).map(p => p.messageId ?? 0)

/** A receiver of `t` and a publisher. */
function pair(options: { world?: WorldOptions; qos?: 0 | 1 | 2; connect?: object; version?: 4 | 5 } = {}) {
  const world = new World(options.world)
  const to = new Device(world, options.version).join('to', options.connect)
  to.sub('t', options.qos ?? 1)
  const from = new Device(world).join('from')
  let n = 0
  const publish = (count: number, qos: 0 | 1 | 2 = 1, more: object = {}) => {
    for (let i = 0; i < count; i++) from.pub('t', `${++n}`, { qos, ...more })
    world.settle()
  }
  return { world, to, from, publish }
}
const receiveMaximum = (n: number, more: object = {}) => ({ properties: { receiveMaximum: n, ...more } })
const keptWith = (properties: object) => ({ clean: false, properties: { sessionExpiryInterval: 3600, ...properties } })

describe('window', () => {
  test('never more in flight than the client takes; the rest comes in order as it acknowledges [MQTT-3.3.4-7]', () => {
    const { world, to, publish } = pair({ connect: receiveMaximum(3) })
    publish(8)
    const seen: string[] = []
    for (let got = to.take(), rounds = 0; got.length > 0; got = to.take(), rounds++) {
      expect(got.length).toBeLessThanOrEqual(rounds === 0 ? 3 : 1)
      seen.push(...payloads(got))
      to.ack('puback', rounds + 1)
    }
    expect(seen).toEqual(['1', '2', '3', '4', '5', '6', '7', '8'])
    for (const id of [6, 7, 8]) to.ack('puback', id)
    expect(world.stats).toMatchObject({ nowInflight: 0, nowQueuedMessages: 0, nowQueuedBytes: 0 })
  })

  test('PUBREC frees nothing, PUBCOMP does [MQTT-3.3.4-7]', () => {
    const { to, publish } = pair({ qos: 2, connect: receiveMaximum(1) })
    publish(2, 2)
    expect(payloads(to.take())).toEqual(['1'])
    expect(to.ack('pubrec', 1).take()).toMatchObject([{ cmd: 'pubrel', messageId: 1 }])
    expect(payloads(to.ack('pubcomp', 1).take())).toEqual(['2'])
  })

  test('QoS 0 needs no room in it', () => {
    const { to, publish } = pair({ connect: receiveMaximum(1) })
    publish(2)
    publish(1, 0)
    expect(payloads(to.take())).toEqual(['1', '3'])
  })

  test('packet ids go round, are never 0, and skip those in use [MQTT-2.2.1-4]', () => {
    const session = bareSession(1)
    session.restoredIds = new Set([1, 40_000, 0xffff])
    const given = new Set(Array.from({ length: 0xffff - 3 }, () => session.nextPacketId()))
    expect(given.size).toBe(0xffff - 3)
    for (const id of [0, 1, 40_000, 0xffff]) expect(given.has(id)).toBe(false)
    expect(session.nextPacketId()).toBe(2)
  })

  test('acknowledgements of the wrong kind or of nothing change nothing', () => {
    const { world, to, publish } = pair({ qos: 2 })
    publish(1, 1)
    publish(1, 2)
    to.take()
    expect(to.ack('pubcomp', 1).ack('puback', 2).ack('pubcomp', 2).ack('puback', 99).ack('pubcomp', 99).take()).toEqual(
      [],
    )
    expect(world.stats.nowInflight).toBe(2)
    expect(to.ack('pubrec', 1).ack('pubrec', 99).take()).toMatchObject([
      { cmd: 'pubrel', messageId: 1, reasonCode: 0x92 },
      { cmd: 'pubrel', messageId: 99, reasonCode: 0x92 },
    ])
    expect(world.stats.nowInflight).toBe(2)
  })

  test('an error in PUBREC ends the exchange and frees the room [MQTT-4.3.3-4]', () => {
    const { world, to, publish } = pair({ qos: 2, connect: receiveMaximum(1) })
    publish(2, 2)
    to.take()
    expect(payloads(to.ack('pubrec', 1, 0x97).take())).toEqual(['2'])
    expect(world.stats.nowInflight).toBe(1)
  })
})

describe('resume', () => {
  test('in flight first, in order, with their ids and DUP; then what waited, without [MQTT-4.4.0-1] [MQTT-4.6.0-1] [MQTT-3.3.1-1]', () => {
    const { world, to, publish } = pair({ connect: keptWith({ receiveMaximum: 3 }) })
    publish(5)
    to.take()
    to.ack('puback', 2)
    to.drop()
    publish(2)
    const again = new Device(world).connect('to', keptWith({ receiveMaximum: 2 }))
    const all = again.take().slice(1)
    for (let i = 0; i < 10; i++) for (const id of ids(all).slice(i, i + 1)) all.push(...again.ack('puback', id).take())
    expect(all.map(p => [p.payload, p.dup])).toEqual([
      ['1', true],
      ['3', true],
      ['4', true],
      ['5', false],
      ['6', false],
      ['7', false],
    ])
    expect(ids(all).slice(0, 3)).toEqual([1, 3, 4])
    expect(world.stats.nowInflight).toBe(0)
  })

  test('QoS 2 with PUBREC lost: PUBLISH again; with PUBREL or PUBCOMP lost: PUBREL again [MQTT-4.3.3-1] [MQTT-4.3.3-6]', () => {
    const { world, to, publish } = pair({ qos: 2, connect: kept() })
    publish(2, 2)
    to.take()
    to.ack('pubrec', 2).take()
    to.drop()
    const again = new Device(world).connect('to', kept())
    expect(again.take().slice(1)).toMatchObject([
      { cmd: 'publish', payload: '1', dup: true, messageId: 1, qos: 2 },
      { cmd: 'pubrel', messageId: 2 },
    ])
    again.ack('pubrec', 1).ack('pubcomp', 2)
    expect(again.take()).toMatchObject([{ cmd: 'pubrel', messageId: 1 }])
    again.ack('pubcomp', 1)
    again.drop()
    expect(new Device(world).connect('to', kept()).take().slice(1)).toEqual([])
  })

  test('PUBREL waits until PUBREC is journaled, however often PUBREC comes', () => {
    const { to, publish } = pair({ qos: 2, connect: kept() })
    publish(1, 2)
    to.take()
    to.ack('pubrec', 1).ack('pubrec', 1)
    expect(to.take()).toMatchObject([{ cmd: 'pubrel', messageId: 1 }])
    expect(to.ack('pubrec', 1).take()).toMatchObject([{ cmd: 'pubrel', messageId: 1 }])
    to.ack('pubrec', 1)
    to.drop()
    expect(new Device(to.world).connect('to', kept()).take()).toMatchObject([{ cmd: 'connack' }, { cmd: 'pubrel' }])
  })

  test('a session that ends with this connection finishes what it had in flight', () => {
    const { world, to, publish } = pair({ qos: 2, connect: kept() })
    publish(2, 2)
    to.take()
    to.ack('pubrec', 1).take()
    to.drop()
    publish(1, 2)
    const last = new Device(world).connect('to', { clean: false })
    expect(last.take()).toMatchObject([{ sessionPresent: true }, { cmd: 'pubrel' }, { payload: '2' }, { payload: '3' }])
    last.drop()
    expect(new Device(world).connect('to', kept()).take()).toMatchObject([{ sessionPresent: false }])
  })

  test('rights are asked again for what was in flight [CVE-2018-12546]', () => {
    let allowed = true
    const allows = (_: unknown, action: string) => action !== 'receive' || allowed
    const { world, to, publish } = pair({
      world: { auth: { authorizer: { unrestricted: () => false, allows } } },
      connect: kept(),
    })
    publish(1)
    to.take()
    to.drop()
    publish(1)
    allowed = false
    const again = new Device(world).connect('to', kept())
    expect(again.take()).toMatchObject([{ cmd: 'connack' }])
    expect(world.stats).toMatchObject({ droppedNotAllowed: 2, nowInflight: 0 })
    again.drop()
    allowed = true
    expect(new Device(world).connect('to', kept()).take()).toHaveLength(1)
  })
})

describe('QoS 2 of a kept session', () => {
  test('is journaled before its first PUBLISH, at PUBREC and at PUBCOMP, a retained one too', () => {
    const journal = vi.spyOn(LocalLink.prototype, 'journal')
    try {
      const { world, to, from, publish } = pair({ qos: 2, connect: kept() })
      publish(1, 2)
      from.pub('r', 'kept', { qos: 2, retain: true })
      to.take()
      to.ack('pubrec', 1).take()
      to.ack('pubcomp', 1)
      expect(payloads(to.sub('r', 2))).toEqual(['kept'])
      to.ack('pubrec', 2).take()
      to.ack('pubcomp', 2)
      world.settle()
      const steps = journal.mock.calls
        .filter(([client]) => client === ':to')
        .map(([, , step]: [unknown, unknown, Step, ...unknown[]]) => step.step)
      expect(steps).toEqual(['out', 'rec', 'done', 'out', 'rec', 'done'])
    } finally {
      journal.mockRestore()
    }
  })

  test('one that is too large does not block what waits behind it', () => {
    const { world, to, from } = pair({ qos: 2, connect: keptWith({ receiveMaximum: 1, maximumPacketSize: 60 }) })
    from.pub('t', 'x'.repeat(100), { qos: 2 }).pub('t', 'small', { qos: 2 })
    expect(payloads(to.take())).toEqual(['small'])
    expect(world.stats).toMatchObject({ droppedTooLarge: 1, nowInflight: 1 })
  })
})

describe('maximum packet size', () => {
  test.each([0, 1, 2] as const)(
    'a QoS %d message too large is as good as sent, for that client only [MQTT-3.1.2-24] [MQTT-3.1.2-25]',
    qos => {
      const { world, to, from } = pair({ qos, connect: { properties: { maximumPacketSize: 60 } } })
      const other = new Device(world).join('other')
      other.sub('t', qos)
      from.pub('t', 'x'.repeat(60), { qos }).pub('t', 'small', { qos })
      expect(payloads(to.take())).toEqual(['small'])
      expect(payloads(other.take())).toHaveLength(2)
      expect(world.stats).toMatchObject({ droppedTooLarge: 1 })
    },
  )
})

describe('topic alias to the device', () => {
  const aliases = (maximum: number, more: object = {}) => ({ properties: { topicAliasMaximum: maximum, ...more } })

  test('names a topic once, then stands for it; never above the maximum [MQTT-3.1.2-26]', () => {
    const { world, from } = pair()
    const to = new Device(world).join('aliased', aliases(1))
    to.sub('a', 0)
    to.sub('b', 0)
    from.pub('a', '1').pub('a', '2').pub('b', '3').pub('a', '4')
    expect(to.take().map(p => [p.topic, p.properties?.topicAlias])).toEqual([
      ['a', 1],
      ['', 1],
      ['b', undefined],
      ['', 1],
    ])
    expect(world.stats.nowTopicAliases).toBe(1)
    to.drop()
    expect(world.stats.nowTopicAliases).toBe(0)
  })

  test('a message that was dropped has named nothing; the alias itself makes none too large', () => {
    const { world, from } = pair()
    // topic 'a': 1 + 1 + 2 + 1 + 1 (no properties) + payload; the alias costs 3 more.
    const to = new Device(world).join('aliased', aliases(5, { maximumPacketSize: 40 }))
    to.sub('a', 0)
    from.pub('a', 'x'.repeat(50)).pub('a', 'y'.repeat(34)).pub('a', '1').pub('a', '2')
    expect(to.take().map(p => [p.topic, p.payload?.length])).toEqual([
      ['a', 34],
      ['a', 1],
      ['', 1],
    ])
    expect(world.stats).toMatchObject({ droppedTooLarge: 1, nowTopicAliases: 1 })
  })
})

describe('message expiry', () => {
  const expiry = (seconds: number) => ({ properties: { messageExpiryInterval: seconds } })

  test('what is left of it is sent, DUP or not; what is over is not [MQTT-3.3.2-5] [MQTT-3.3.2-6]', () => {
    const { world, to, from } = pair({ connect: keptWith({ receiveMaximum: 1 }) })
    from.pub('t', 'first', { qos: 1 })
    from.pub('t', 'long', { qos: 1, ...expiry(10) }).pub('t', 'short', { qos: 1, ...expiry(3) })
    expect(payloads(to.take())).toEqual(['first'])
    world.pass(4000)
    const [long] = to.ack('puback', 1).take()
    expect(long).toMatchObject({ payload: 'long', properties: { messageExpiryInterval: 6 } })
    to.drop()
    world.pass(2000)
    const again = new Device(world).connect('to', keptWith({ receiveMaximum: 1 }))
    const got = again.take().slice(1)
    expect(got).toMatchObject([{ payload: 'long', dup: true, properties: { messageExpiryInterval: 4 } }])
    expect(again.ack('puback', got[0]!.messageId!).take()).toEqual([])
  })
})

describe('slow consumers', () => {
  const small = { sessionQueueMessages: 2, maxInflight: 1 }

  test.each([
    ['oldest', ['1', '4', '5']],
    ['newest', ['1', '2', '3']],
  ] as const)('a session that is not kept loses the %s of a full queue', (dropPolicy, expected) => {
    const { world, to, publish } = pair({ world: { limits: small, settings: { dropPolicy } } })
    publish(5)
    const all = to.take()
    for (let i = 0; i < 3; i++) for (const id of ids(all).slice(i, i + 1)) all.push(...to.ack('puback', id).take())
    expect(payloads(all)).toEqual(expected)
    expect(world.stats).toMatchObject({ droppedQueueFull: 2, nowInflight: 0, nowQueuedMessages: 0 })
    expect(world.events.filter(e => e.is === 'dropped')).toHaveLength(2)
  })

  test('or is disconnected with 0x97, by setting; the message goes to the others', () => {
    const { world, to, from, publish } = pair({ world: { limits: small, settings: { slowConsumer: 'disconnect' } } })
    const fast = new Device(world).join('fast', { properties: { receiveMaximum: 100 } })
    fast.sub('#', 0)
    publish(4)
    expect(to.take().at(-1)).toMatchObject({ cmd: 'disconnect', reasonCode: 0x97 })
    expect(payloads(fast.take())).toEqual(['1', '2', '3', '4'])
    expect(from.take().filter(p => p.cmd === 'puback')).toHaveLength(4)
    expect(world.stats.slowClosed).toBe(1)
    expect(world.stats.closedBy[0x97]).toBe(1)
    fast.drop()
    from.drop()
    expect(gauges(world.stats)).toEqual({})
  })

  test('a queue of no length drops and does not break', () => {
    const { world, to, publish } = pair({ world: { limits: { sessionQueueMessages: 0, maxInflight: 1 } } })
    publish(2)
    expect(payloads(to.take())).toEqual(['1'])
    expect(world.stats).toMatchObject({ droppedQueueFull: 1, failures: 0 })
  })

  test('a kept session loses nothing and keeps the order', () => {
    const { world, to, publish } = pair({ world: { limits: { ...small, drainPageMessages: 2 } }, connect: kept() })
    publish(20)
    const all = to.take()
    for (let i = 0; i < 20; i++) for (const id of ids(all).slice(i, i + 1)) all.push(...to.ack('puback', id).take())
    expect(payloads(all)).toEqual(Array.from({ length: 20 }, (_, i) => `${i + 1}`))
    expect(world.stats).toMatchObject({ nowInflight: 0, nowQueuedMessages: 0, droppedQueueFull: 0 })
  })

  test('QoS 0 is dropped and counted for who does not take what is written', () => {
    const { world, to, publish } = pair({ qos: 0, world: { limits: { connectionOutMessages: 5 } } })
    to.pipe.stalled = true
    publish(1, 0)
    publish(20, 0)
    expect(world.stats.droppedSlowQos0).toBe(14)
    to.pipe.stalled = false
    to.pipe.events!.drained()
    expect(payloads(to.take())).toHaveLength(7)
  })

  test('not for who was only given much in one turn', () => {
    const { world, to, from } = pair({ qos: 0, world: { limits: { connectionOutMessages: 5 } } })
    for (let i = 0; i < 30; i++) from.pub('t', `${i}`)
    expect(payloads(to.take())).toHaveLength(30)
    expect(world.stats.droppedSlowQos0).toBe(0)
  })
})

describe('the books', () => {
  test.each([4, 5] as const)('every gauge is zero and no message is held when all are gone (version %d)', version => {
    const { world, to, from, publish } = pair({
      qos: 2,
      version,
      connect: kept(version),
      world: { limits: { maxInflight: 2 } },
    })
    const clean = new Device(world).join('clean')
    clean.sub('$share/g/t', 2)
    clean.sub('t', 1)
    publish(5, 1)
    publish(5, 2)
    to.take()
    to.ack('puback', 1).ack('pubrec', 2)
    world.pass(6000)
    publish(2, 2)
    clean.take()
    for (const device of [clean, to, from]) device.drop()
    expect(gauges(world.stats)).toEqual({})
    world.pass(40 * 24 * 3600 * 1000)
    world.pass(1000)
    expect(gauges(world.coreStats)).toEqual({})
  })
})
