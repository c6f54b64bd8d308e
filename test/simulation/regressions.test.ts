/** What random lives have found, one short example each. */
import type { Packet } from 'mqtt-packet'
import { expect, test } from 'vitest'
import { Client } from './client.ts'
import { onDisk } from './life.ts'
import { World } from './world.ts'

test('of several connections of one client at once the last has the session, also where it ends with the connection', () => {
  const world = new World()
  const first = new Client(world, 'c')
  first.connect({ clean: true, expirySec: 0 })
  const pipes = [1, 2].map(() => {
    const { pipe } = world.open()
    first.sendOn(pipe, {
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 5,
      clientId: 'c',
      clean: true,
      keepalive: 0,
    } as Packet)
    return pipe
  })
  world.settle()
  expect([first.connected, ...pipes.map(pipe => !pipe.ended)]).toEqual([false, false, true])
})

test('what the last connected member of a group did not take goes to a member that is away', () => {
  const world = new World()
  const kept = new Client(world, 'kept')
  const passing = new Client(world, 'passing')
  const publisher = new Client(world, 'pub')
  for (const client of [kept, passing]) {
    client.connect(client === kept ? {} : { clean: true, expirySec: 0 })
    client.subscribe('$share/g/s', 1)
  }
  kept.drop()
  publisher.connect()
  publisher.publish('s', 'passed on', 1)
  world.settle()
  passing.drop()
  world.settle()
  kept.connect()
  world.settle()
  kept.work()
  expect(kept.seen.map(s => s.text)).toEqual(['passed on'])
})

test('what is on its way when its subscription ends arrives, also after a crash [MQTT-3.10.4-3]', () => {
  onDisk({}, world => {
    const reader = new Client(world, 'reader')
    const publisher = new Client(world, 'pub')
    reader.connect()
    reader.subscribe('e/#', 1)
    publisher.connect()
    publisher.publish('e/1', 'on its way', 1)
    world.settle()
    reader.unsubscribe('e/#')
    reader.lost()
    publisher.lost()
    world.crash()
    reader.connect()
    world.settle()
    reader.work()
    expect(reader.seen.map(s => s.text)).toEqual(['on its way'])
  })
})

test('members of a group that are all full do not hand a message to and fro', () => {
  const world = new World({
    limits: { maxInflight: 2, sessionQueueMessages: 2 },
    settings: { sharedStrategy: 'sticky' },
  })
  const publisher = new Client(world, 'pub')
  const members = ['a', 'b'].map(id => new Client(world, id))
  publisher.connect()
  for (const member of members) {
    member.connect()
    member.subscribe('$share/g/s', 2)
  }
  const texts = Array.from({ length: 12 }, (_, i) => `${i}`)
  for (const [i, text] of texts.entries()) publisher.publish('s', text, i % 3 === 0 ? 2 : 1)
  for (let round = 0; round < 20; round++) {
    world.settle()
    for (const member of members) member.work()
  }
  expect(world.events.filter(e => e.is !== 'connected')).toEqual([])
  expect(members.flatMap(m => m.seen.map(s => s.text)).sort((a, b) => Number(a) - Number(b))).toEqual(texts)
})

test('what a leaving member hands on is as durable with the next one as it was', () => {
  onDisk({ limits: { watermarkHoldMs: 1000 } }, world => {
    const [first, second, publisher] = ['first', 'second', 'pub'].map(id => new Client(world, id)) as [
      Client,
      Client,
      Client,
    ]
    for (const client of [first, second]) {
      client.connect()
      client.subscribe('$share/g/s', 1)
    }
    publisher.connect()
    publisher.publish('s', 'once', 1)
    for (let i = 0; i < 4; i++) world.pass(1000)
    first.drop()
    world.settle()
    for (const client of [first, second, publisher]) client.lost()
    world.crash()
    for (const client of [first, second]) {
      client.connect()
      for (let i = 0; i < 3; i++) {
        world.settle()
        client.work()
      }
    }
    expect([...first.seen, ...second.seen].map(s => s.text)).toEqual(['once'])
  })
})
