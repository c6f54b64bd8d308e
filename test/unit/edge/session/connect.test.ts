/** CONNECT from the first byte to CONNACK: what may come in between, who refuses, and that a claimed session is always handed back. */
import { describe, expect, test, vi } from 'vitest'
import { DEFAULT_TENANT } from '../../../../core/contract/ids.ts'
import { LocalLink } from '../../../../core/link/local-link.ts'
import type { Authenticator, AuthVerdict } from '../../../../edge/auth/ports.ts'
import { World, type WorldOptions } from '../../../simulation/world.ts'
import { Device, gauges, kept, payloads } from '../device.ts'

const ACCEPT: AuthVerdict = { do: 'accept', username: undefined, tenant: DEFAULT_TENANT }
const later = () => new Promise(resolve => setImmediate(resolve))

/** An authenticator that decides when the test says so. */
function patient() {
  const waiting = Promise.withResolvers<AuthVerdict>()
  const authenticator: Authenticator = { name: 'patient', authenticate: () => waiting.promise }
  return { ...waiting, options: { auth: { authenticator } } satisfies WorldOptions }
}

describe('authentication', () => {
  test('packets behind CONNECT wait for it and are worked off in order [MQTT-3.2.0-1]', async () => {
    const { resolve, options } = patient()
    const device = new Device(new World(options)).connect('a')
    device.send(device.subscribe('t', 0)).pub('t', 'mine').send({ cmd: 'pingreq' })
    expect(device.take()).toEqual([])
    expect(device.pipe.paused).toBe(true)
    resolve(ACCEPT)
    await later()
    expect(device.take().map(p => p.cmd)).toEqual(['connack', 'pingresp', 'suback', 'publish'])
    expect(device.pipe.paused).toBe(false)
  })

  test.each([
    ['a promise that fails', () => Promise.reject(new Error('no route to the directory'))],
    [
      'an error',
      () => {
        throw new Error('no route to the directory')
      },
    ],
  ])('%s means a server that is not available, never a wrong password', async (_, authenticate) => {
    const world = new World({ auth: { authenticator: { name: 'directory', authenticate } } })
    const device = new Device(world).connect('a')
    await later()
    expect(device.take()).toMatchObject([{ cmd: 'connack', reasonCode: 0x88 }])
    expect(device.ended).toBe(true)
  })

  test('nobody decides in time: 0x88, and a verdict that comes late has no effect', async () => {
    const { resolve, options } = patient()
    const world = new World(options)
    const device = new Device(world).connect('a')
    world.settle()
    world.pass(10_001)
    expect(device.take()).toMatchObject([{ cmd: 'connack', reasonCode: 0x88 }])
    expect(world.stats.connectTimeouts).toBe(1)
    resolve(ACCEPT)
    await later()
    world.settle()
    expect(gauges(world.stats)).toEqual({})
  })

  test('the device goes meanwhile: accepted all the same, so its will is due; refused, it never was there [MQTT-3.1.2-8]', async () => {
    for (const verdict of [ACCEPT, { do: 'refuse', reason: 0x86, detail: '' } as const]) {
      const { resolve, options } = patient()
      const world = new World({
        auth: {
          authenticator: {
            name: 'x',
            authenticate: c =>
              c.clientId === 'watch' ? ACCEPT : options.auth.authenticator.authenticate(c, undefined as never),
          },
        },
      })
      const watch = new Device(world).join('watch')
      watch.sub('will', 0)
      const device = new Device(world).connect('a', {
        will: { topic: 'will', payload: Buffer.from('gone'), qos: 0, retain: false },
      })
      device.drop()
      resolve(verdict)
      await later()
      expect(payloads(watch.take())).toEqual(verdict === ACCEPT ? ['gone'] : [])
      expect(world.stats.nowSessions).toBe(1)
    }
  })
})

test('no CONNECT in time closes without an answer', () => {
  const world = new World()
  const device = new Device(world)
  world.pass(10_000)
  expect(device.ended).toBe(false)
  world.pass(1)
  expect(device.ended).toBe(true)
  expect(device.take()).toEqual([])
  expect(world.stats.connectTimeouts).toBe(1)
})

test('one and a half keep alives of silence close with 0x8D [MQTT-3.1.2-22]', () => {
  const world = new World()
  const device = new Device(world).join('a', { keepalive: 10 })
  world.pass(15_000)
  device.send({ cmd: 'pingreq' }).take()
  world.pass(15_000)
  expect(device.ended).toBe(false)
  world.pass(1)
  expect(device.take()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x8d }])
  expect(world.stats.keepAliveTimeouts).toBe(1)
})

test('the gateway may ask for a shorter keep alive, and means it [MQTT-3.2.2-21]', () => {
  const world = new World({ limits: { maxKeepAliveSec: 10 } })
  const [connack] = new Device(world).connect('a', { keepalive: 0 }).take()
  expect(connack?.properties).toMatchObject({ serverKeepAlive: 10 })
  world.pass(15_001)
  expect(world.stats.keepAliveTimeouts).toBe(1)
})

test('the limit of a client id counts bytes', () => {
  const world = new World({ limits: { maxClientIdBytes: 6 } })
  expect(new Device(world).connect('äöü').take()).toMatchObject([{ reasonCode: 0 }])
  expect(new Device(world).connect('äöüx').take()).toMatchObject([{ reasonCode: 0x85 }])
})

describe('takeover', () => {
  test('the old connection gets 0x8E, the new one the session [MQTT-3.1.4-3]', () => {
    const world = new World()
    const old = new Device(world).join('a', kept())
    old.sub('t', 1)
    const young = new Device(world).connect('a', kept())
    expect(young.take()).toMatchObject([{ cmd: 'connack', sessionPresent: true }])
    expect(old.take()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x8e }])
    expect(old.ended).toBe(true)
    new Device(world).join('p').pub('t', 'x', { qos: 1 })
    expect(payloads(young.take())).toEqual(['x'])
    expect(payloads(old.take())).toEqual([])
    expect(world.stats).toMatchObject({ nowSessions: 2, nowSubscriptions: 1, takeovers: 1 })
  })

  test('of many at once the last one stays, and nothing is left of the others', () => {
    const world = new World()
    const devices = Array.from({ length: 20 }, () => new Device(world).connect('a', kept()))
    world.settle()
    expect(devices.map(d => d.ended)).toEqual(devices.map((_, i) => i < 19))
    expect(world.stats.nowSessions).toBe(1)
  })

  test('what was not acknowledged on the old connection comes on the new one, with DUP [MQTT-4.4.0-1]', () => {
    const world = new World()
    const old = new Device(world).join('a', kept())
    old.sub('t', 1)
    new Device(world).join('p').pub('t', 'x', { qos: 1 })
    const [first] = old.take()
    const young = new Device(world).connect('a', kept())
    expect(young.take()[1]).toMatchObject({ payload: 'x', dup: true, messageId: first?.messageId })
  })
})

describe('a claimed session is handed back', () => {
  test('if the device was refused meanwhile: in flight stays in flight', () => {
    const world = new World()
    const first = new Device(world).join('a', kept())
    first.sub('t', 1)
    new Device(world).join('p').pub('t', 'x', { qos: 1 })
    first.take()
    first.drop()
    const release = vi.spyOn(LocalLink.prototype, 'release')
    // Malformed behind CONNECT: over before the claim is answered.
    const second = new Device(world).connect('a', kept())
    second.pipe.events!.data(Uint8Array.of(0xf0, 1, 0xff, 0x00))
    world.settle()
    expect(second.ended).toBe(true)
    expect(release).toHaveBeenCalledOnce()
    release.mockRestore()
    const third = new Device(world).connect('a', kept())
    expect(third.take()).toMatchObject([{ sessionPresent: true }, { payload: 'x', dup: true }])
    expect(world.stats.nowSessions).toBe(2)
  })

  test('if its CONNACK is larger than the client takes: 0x95 [MQTT-3.1.2-24]', () => {
    const world = new World()
    const first = new Device(world).join('a', kept())
    first.sub('t', 1)
    new Device(world).join('p').pub('t', 'x', { qos: 1 })
    first.drop()
    const small = new Device(world).connect('a', {
      clean: false,
      properties: { sessionExpiryInterval: 3600, maximumPacketSize: 10 },
    })
    expect(small.take()).toMatchObject([{ cmd: 'connack', reasonCode: 0x95 }])
    expect(small.world.stats.refusedBy[0x95]).toBe(1)
    expect(small.ended).toBe(true)
    expect(new Device(world).connect('a', kept()).take()).toMatchObject([{ sessionPresent: true }, { payload: 'x' }])
  })
})

describe('will', () => {
  const will = (topic: string, more: object = {}) => ({
    will: { topic, payload: Buffer.from('gone'), qos: 0, retain: false, ...more },
  })

  test.each(['$SYS/x', '$SYS', '$share/g/t', '$p2p/x'])('no will on %s', topic => {
    const [connack] = new Device(new World()).connect('a', will(topic)).take()
    expect([0x87, 0x90]).toContain(connack?.reasonCode)
  })

  test('rights to publish are asked for the will [CVE: a will that goes where its client may not]', () => {
    const allows = (_: unknown, action: string, topic: string) => action !== 'publish' || topic === 'mine'
    const world = new World({ auth: { authorizer: { unrestricted: () => false, allows } } })
    expect(new Device(world).connect('a', will('mine')).take()).toMatchObject([{ reasonCode: 0 }])
    expect(new Device(world).connect('b', will('other')).take()).toMatchObject([{ reasonCode: 0x87 }])
  })

  test.each([
    ['DISCONNECT 0x00', 0, []],
    ['DISCONNECT 0x04', 4, ['gone']],
  ])('%s [MQTT-3.14.4-3] [MQTT-3.1.2-10]', (_, reasonCode, expected) => {
    const world = new World()
    const watch = new Device(world).join('w')
    watch.sub('will', 0)
    new Device(world).join('a', will('will')).send({ cmd: 'disconnect', reasonCode })
    expect(payloads(watch.take())).toEqual(expected)
  })

  test('a keep alive that ran out, a protocol error and a takeover publish it [MQTT-3.1.2-8]', () => {
    const world = new World()
    const watch = new Device(world).join('w')
    watch.sub('will', 0)
    new Device(world).join('a', { ...will('will'), keepalive: 1 })
    world.pass(1501)
    expect(payloads(watch.take())).toEqual(['gone'])
    new Device(world).join('b', will('will')).pub('', 'no alias', { properties: { topicAlias: 9 } })
    expect(payloads(watch.take())).toEqual(['gone'])
    new Device(world).join('c', will('will'))
    new Device(world).join('c')
    expect(payloads(watch.take())).toEqual(['gone'])
  })
})

test('DISCONNECT may not make a session last that CONNECT had as 0 [MQTT-3.14.2-2]', () => {
  const device = new Device(new World()).join('a')
  device.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 5 } })
  expect(device.take()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x82 }])
})

test('a packet that is too large is counted, before and after CONNECT', () => {
  const world = new World({ limits: { maxConnectPacketBytes: 100, maxPacketBytes: 200 } })
  const open = new Device(world).join('a')
  expect(open.pub('t', 'x'.repeat(300)).take()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x95 }])
  expect(new Device(world).connect('b'.repeat(300)).pipe.ended).toBe(true)
  expect(world.stats).toMatchObject({ malformed: 2, packetsTooLarge: 2 })
  expect(world.stats.closedBy[0x95]).toBe(1)
})

test('shutdown tells everybody, connecting or connected, and leaves nothing', async () => {
  const { options } = patient()
  const world = new World()
  const waiting = new Device(new World(options)).connect('b')
  const device = new Device(world).join('a')
  await world.edge.shutdown(async () => world.settle())
  await waiting.world.edge.shutdown(async () => waiting.world.settle())
  expect(device.take()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x8b }])
  expect(waiting.take()).toMatchObject([{ cmd: 'connack', reasonCode: 0x88 }])
  expect(new Device(world).pipe.ended).toBe(true)
  expect(world.stats.closedBy[0x8b]).toBe(1)
  expect(waiting.world.stats.closedBy[0x8b]).toBe(0)
  expect(gauges(world.stats)).toEqual({})
})
