/** What random lives have found, one short example each. */
import type { Packet } from 'mqtt-packet'
import { expect, test } from 'vitest'
import { Client } from './client.ts'
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
