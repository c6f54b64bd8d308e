/** Enhanced authentication before CONNACK and on an open session, with a method that counts its steps. */
import { expect, test } from 'vitest'
import { DEFAULT_TENANT } from '../../../../core/contract/ids.ts'
import type { EnhancedMethod, EnhancedStep } from '../../../../edge/auth/ports.ts'
import { World } from '../../../simulation/world.ts'
import { Device, gauges } from '../device.ts'

const text = (data: Uint8Array | undefined) => (data === undefined ? '' : new TextDecoder().decode(data))
const bytes = (value: string) => new TextEncoder().encode(value)
const later = () => new Promise(resolve => setImmediate(resolve))

/** Two steps; the answer to the second is the user name. 'broken' breaks it, 'reject' fails the promise, 'no' is refused. */
const COUNT: EnhancedMethod = {
  method: 'COUNT',
  begin: () => {
    let steps = 0
    return {
      next(data): EnhancedStep | Promise<EnhancedStep> {
        if (text(data) === 'broken') throw new Error('Broken')
        if (text(data) === 'reject') return Promise.reject(new Error('Directory is away'))
        if (text(data) === 'no') return { do: 'refuse', reason: 0x87, detail: 'No' }
        if (++steps < 2) return { do: 'continue', data: bytes('who') }
        const accept: EnhancedStep = { do: 'accept', username: text(data), tenant: DEFAULT_TENANT, data: bytes('bye') }
        return text(data) === 'slow' ? Promise.resolve(accept) : accept
      },
    }
  },
}
const world = () => new World({ auth: { enhanced: [COUNT] } })
const start = (w = world(), method = 'COUNT') =>
  new Device(w).connect('a', { properties: { authenticationMethod: method, authenticationData: Buffer.from('hello') } })
const auth = (reasonCode: number, data: string, method = 'COUNT') => ({
  cmd: 'auth',
  reasonCode,
  properties: { authenticationMethod: method, authenticationData: Buffer.from(data) },
})
const open = () => {
  const device = start()
  device.take()
  device.send(auth(0x18, 'ann')).take()
  return device
}

test('AUTH until CONNACK, which carries method and last data [MQTT-4.12.0-2] [MQTT-4.12.0-3] [MQTT-4.12.0-4]', () => {
  const device = start()
  expect(device.take()).toMatchObject([
    { cmd: 'auth', reasonCode: 0x18, properties: { authenticationMethod: 'COUNT' } },
  ])
  expect(device.pipe.paused).toBe(false)
  const [connack] = device.send(auth(0x18, 'ann')).take()
  expect(connack).toMatchObject({ cmd: 'connack', reasonCode: 0, properties: { authenticationMethod: 'COUNT' } })
  expect(String(connack?.properties?.authenticationData)).toBe('bye')
  expect(device.pipe.paused).toBe(false)
})

test('a method that is not offered is refused with 0x8C [MQTT-4.12.0-1]', () => {
  const device = start(world(), 'OTHER')
  expect(device.take()).toMatchObject([{ cmd: 'connack', reasonCode: 0x8c }])
})

test.each([
  ['another method [MQTT-4.12.0-5]', auth(0x18, 'ann', 'OTHER'), 0x82],
  ['a re-authentication before there is anything to renew', auth(0x19, 'ann'), 0x82],
  ['another packet [MQTT-3.1.2-30]', { cmd: 'pingreq' }, 0x82],
  ['data that is refused', auth(0x18, 'no'), 0x87],
  ['data that breaks the method', auth(0x18, 'broken'), 0x88],
])('%s ends it', (_, packet, reasonCode) => {
  const device = start()
  device.take()
  expect(device.send(packet).take()).toMatchObject([{ cmd: 'connack', reasonCode }])
  expect(device.ended).toBe(true)
})

test('DISCONNECT may come during the exchange, and gets no answer [MQTT-3.1.2-30]', () => {
  const device = start()
  device.take()
  expect(device.send({ cmd: 'disconnect', reasonCode: 0 }).take()).toEqual([])
  expect(device.ended).toBe(true)
  expect(gauges(device.world.stats)).toEqual({})
})

test('nothing is read while a step is worked on, so what a device sends ahead is bounded', async () => {
  const device = start()
  device.take()
  device.send(auth(0x18, 'slow'))
  expect(device.pipe.paused).toBe(true)
  await later()
  expect(device.take()).toMatchObject([{ cmd: 'connack', reasonCode: 0 }])
  expect(device.pipe.paused).toBe(false)
})

test('a step that fails is a server that is not available', async () => {
  const device = start()
  device.take()
  device.send(auth(0x18, 'reject'))
  await later()
  expect(device.take()).toMatchObject([{ cmd: 'connack', reasonCode: 0x88 }])
})

test('no AUTH in time', () => {
  const device = start()
  device.take()
  device.world.pass(10_001)
  expect(device.take()).toMatchObject([{ cmd: 'connack', reasonCode: 0x80 }])
})

test('re-authentication of an open session; other packets go on meanwhile', () => {
  const device = open()
  expect(device.send(auth(0x19, 'again')).take()).toMatchObject([{ cmd: 'auth', reasonCode: 0x18 }])
  expect(device.send({ cmd: 'pingreq' }).take()).toMatchObject([{ cmd: 'pingresp' }])
  expect(device.send(auth(0x18, 'ann')).take()).toMatchObject([{ cmd: 'auth', reasonCode: 0 }])
  expect(device.ended).toBe(false)
})

test.each([
  ['as another user', ['again', 'bob']],
  ['that is refused [MQTT-4.12.1-2]', ['again', 'no']],
])('re-authentication %s closes', (_, [first, second]) => {
  const device = open()
  device.send(auth(0x19, first!)).take()
  expect(device.send(auth(0x18, second!)).take()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x87 }])
})

test('re-authentication by another method closes with 0x82 [MQTT-4.12.1-1]', () => {
  const device = open()
  expect(device.send(auth(0x19, 'again', 'OTHER')).take()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x82 }])
})

test('AUTH on a session that had no method closes with 0x82', () => {
  const device = new Device(world()).join('a')
  expect(device.send(auth(0x19, 'x')).take()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x82 }])
})
