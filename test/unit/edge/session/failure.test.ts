/** An error of ours in the work for one connection closes that one with 0x80, is counted and told, and harms nobody else. */
import { expect, test } from 'vitest'
import type { Action, Identity } from '../../../../edge/auth/ports.ts'
import { World } from '../../../simulation/world.ts'
import { Device, gauges, kept, payloads } from '../device.ts'

/** A gateway whose authorizer breaks when the test says so. */
function fragile() {
  let breaks = (_identity: Identity, _action: Action): boolean => false
  const world = new World({
    auth: {
      authorizer: {
        unrestricted: () => false,
        allows: (identity, action) => {
          if (breaks(identity, action)) throw new Error('The authorizer is broken')
          return true
        },
      },
    },
  })
  return {
    world,
    breakFor: (clientId: string, action: Action) => {
      breaks = (i, a) => i.clientId === clientId && a === action
    },
    heal: () => {
      breaks = () => false
    },
  }
}

test('in a handler of a packet', () => {
  const { world, breakFor } = fragile()
  const bad = new Device(world).join('bad')
  const good = new Device(world).join('good')
  breakFor('bad', 'publish')
  bad.pub('t', 'x', { qos: 1 })
  expect(bad.take()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x80 }])
  expect(bad.ended).toBe(true)
  expect(world.stats).toMatchObject({ failures: 1, nowSessions: 1 })
  expect(world.events).toContainEqual(expect.objectContaining({ is: 'failed', client: ':bad' }))
  expect(good.send({ cmd: 'pingreq' }).take()).toMatchObject([{ cmd: 'pingresp' }])
})

test.each(['first', 'middle', 'last'])('in the fan-out of a message: the %s of the receivers', which => {
  const { world, breakFor } = fragile()
  const devices = ['first', 'middle', 'last'].map(id => new Device(world).join(id, kept()))
  for (const device of devices) device.sub('t', 1)
  const publisher = new Device(world).join('p')
  breakFor(which, 'receive')
  publisher.pub('t', 'x', { qos: 1, id: 7 })
  expect(publisher.take()).toMatchObject([{ cmd: 'puback', messageId: 7 }])
  expect(devices.map(d => payloads(d.take()).length)).toEqual(
    devices.map((_, i) => (i === ['first', 'middle', 'last'].indexOf(which) ? 0 : 1)),
  )
  expect(world.stats.failures).toBe(1)
})

test('while a claimed session is restored: it is there at the next CONNECT', () => {
  const { world, breakFor, heal } = fragile()
  const first = new Device(world).join('a', kept())
  first.sub('t', 1)
  new Device(world).join('p').pub('t', 'x', { qos: 1 })
  first.take()
  first.drop()
  breakFor('a', 'subscribe')
  const second = new Device(world).connect('a', kept())
  expect(second.take()).toMatchObject([{ cmd: 'connack', reasonCode: 0x80 }])
  expect(world.stats).toMatchObject({ nowSessions: 1, nowSubscriptions: 0 })
  heal()
  const third = new Device(world).connect('a', kept())
  expect(third.take()).toMatchObject([{ sessionPresent: true }, { payload: 'x', dup: true }])
})

test('while an inbox or retained messages are read: the inbox keeps what it had', () => {
  const { world, breakFor, heal } = fragile()
  const from = new Device(world).join('p')
  from.pub('r', 'retained', { retain: true })
  const first = new Device(world).join('a', kept())
  first.sub('t', 1)
  first.drop()
  from.pub('t', '1', { qos: 1 }).pub('t', '2', { qos: 1 }).take()
  breakFor('a', 'receive')
  const second = new Device(world).connect('a', kept())
  expect(second.take()).toMatchObject([{ sessionPresent: true }, { cmd: 'disconnect', reasonCode: 0x80 }])
  heal()
  const third = new Device(world).connect('a', kept())
  expect(payloads(third.take())).toEqual(['1', '2'])
  breakFor('a', 'receive')
  third.send(third.subscribe('r', 1))
  expect(third.take()).toMatchObject([{ cmd: 'suback' }, { cmd: 'disconnect', reasonCode: 0x80 }])
  expect(world.stats).toMatchObject({ failures: 2, nowSessions: 1 })
})

test('in a transport: the others of the turn are written, and the session is released', () => {
  const { world } = fragile()
  const devices = ['a', 'b', 'c'].map(id => new Device(world).join(id))
  for (const device of devices) device.sub('t', 0)
  devices[1]!.pipe.write = () => {
    throw new Error('Write after end')
  }
  new Device(world).join('p').pub('t', 'x')
  expect(devices.map(d => payloads(d.take()))).toEqual([['x'], [], ['x']])
  expect(devices[1]!.ended).toBe(true)
  expect(world.stats.nowSessions).toBe(3)
})

test('in who listens to events: nothing is lost but the event', () => {
  const { world } = fragile()
  world.events.push = () => {
    throw new Error('The log is full')
  }
  const device = new Device(world).join('a')
  device.send({ cmd: 'pingreq' })
  expect(device.take()).toMatchObject([{ cmd: 'pingresp' }])
  device.drop()
  expect(gauges(world.stats)).toEqual({})
  expect(world.stats.failures).toBeGreaterThan(0)
})
