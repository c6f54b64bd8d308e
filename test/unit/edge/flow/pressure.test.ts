/** Reading from devices stops where the gateway or the device has too much, for each reason of its own, and always goes on. */
import { expect, test } from 'vitest'
import type { Connection } from '../../../../edge/session/connection.ts'
import { World } from '../../../simulation/world.ts'
import { Device, payloads } from '../device.ts'

test('who publishes is held while the log is behind, and let go afterwards; who does not is not', () => {
  const world = new World({ limits: { logPendingBytes: 1000 } })
  const to = new Device(world).join('to')
  to.sub('t', 1)
  const from = new Device(world).join('from')
  from.pub('t', 'x'.repeat(2000), { qos: 1 })
  expect(from.pipe.paused).toBe(true)
  to.send({ cmd: 'pingreq' })
  expect(to.pipe.paused).toBe(false)
  expect(payloads(to.take())).toHaveLength(1)
  expect(from.pipe.paused).toBe(false)
  expect(world.stats.readPauses).toBe(1)
})

test('a held device is not silent: its keep alive does not run [MQTT-3.1.2-22]', () => {
  const world = new World()
  const from = new Device(world).join('from', { keepalive: 1 })
  world.edge.congested(true)
  from.pub('t', 'x', { qos: 1 })
  expect(from.pipe.paused).toBe(true)
  world.settle()
  for (let i = 0; i < 5; i++) world.pass(1400)
  expect(from.ended).toBe(false)
  world.edge.congested(false)
  expect(from.pipe.paused).toBe(false)
  world.pass(1400)
  expect(from.ended).toBe(false)
  world.pass(1400)
  expect(from.ended).toBe(true)
})

test('short memory: everybody is heard once a second, so that acknowledgements can free it', () => {
  const world = new World({ limits: { memoryBytes: 1000, maxInflight: 1 } })
  const both = new Device(world).join('both')
  both.sub('t', 1)
  for (const size of [1, 2000, 1]) {
    both.pub('t', 'x'.repeat(size), { qos: 1 })
    world.settle()
  }
  expect(both.pipe.paused).toBe(true)
  world.pass(1000)
  expect(both.pipe.paused).toBe(false)
  both.take()
  both.ack('puback', 1)
  both.take()
  both.ack('puback', 2)
  world.settle()
  both.pub('t', 'x', { qos: 1 })
  expect(both.pipe.paused).toBe(false)
})

test('each reason to pause ends for itself', () => {
  const world = new World()
  const device = new Device(world).join('a')
  const connection = device.pipe.events as Connection
  expect(connection.hold()).toBe(true)
  expect(connection.hold()).toBe(false)
  // The device takes nothing of what it asked for.
  device.pipe.stalled = true
  device.send({ cmd: 'pingreq' })
  world.settle()
  for (let i = 0; i < 20; i++) device.send(...Array.from({ length: 10_000 }, () => ({ cmd: 'pingreq' })))
  expect(device.pipe.paused).toBe(true)
  connection.letGo()
  expect(device.pipe.paused).toBe(true)
  connection.hold()
  device.pipe.events!.drained()
  expect(device.pipe.paused).toBe(true)
  connection.letGo()
  expect(device.pipe.paused).toBe(false)
})

test('a transport that brings what it kept as soon as it may is held again', () => {
  const world = new World({ limits: { memoryBytes: 100, maxInflight: 1 } })
  const to = new Device(world).join('to')
  to.sub('t', 1)
  const from = new Device(world).join('from')
  for (let i = 0; i < 3; i++) {
    from.pub('t', 'x'.repeat(200), { qos: 1 })
    world.settle()
  }
  expect(from.pipe.paused).toBe(true)
  let kept = 1
  from.pipe.resume = () => {
    from.pipe.paused = false
    if (kept-- > 0) from.pub('t', 'x', { qos: 1 })
  }
  world.pass(1000)
  expect(from.pipe.paused).toBe(true)
  world.pass(1000)
  expect(from.pipe.paused).toBe(false)
})
