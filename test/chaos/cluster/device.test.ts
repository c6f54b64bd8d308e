/** A device of the drivers: of two connections that it is to open, which one it goes by. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import mqtt from 'mqtt-packet'
import { afterEach, expect, test } from 'vitest'
import { sleep, until } from '../../harness/process.ts'
import { Device } from './device.ts'
import type { Place } from './rig.ts'

const SOON_MS = 5_000

/** Takes every CONNECT, after `afterMs`. */
class Gateway {
  readonly #server: Server
  readonly sockets: Socket[] = []
  afterMs = 0

  constructor() {
    this.#server = createServer(socket => {
      this.sockets.push(socket)
      const connack = mqtt.generate({ cmd: 'connack', reasonCode: 0, sessionPresent: true }, { protocolVersion: 5 })
      socket.once('data', () => setTimeout(() => socket.write(connack), this.afterMs))
      socket.on('error', () => {})
    })
  }

  async place(name: string): Promise<Place> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening')
    return { name, port: (this.#server.address() as AddressInfo).port }
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy()
    this.#server.close()
  }
}

let [eu, us]: Gateway[] = []
let device: Device | undefined

afterEach(async () => {
  await device?.leave()
  eu?.close()
  us?.close()
})

async function atEu(): Promise<{ eu: Gateway; us: Gateway; device: Device; there: Place }> {
  const gateways = { eu: (eu = new Gateway()), us: (us = new Gateway()) }
  const [here, there] = [await eu.place('eu'), await us.place('us')]
  device = new Device({ name: 'd', version: 5, places: [here], random: () => 0.5, record: () => {} })
  device.stay()
  await until('a CONNACK', SOON_MS, () => device?.line)
  return { ...gateways, device, there }
}

test('whose connection ends while it goes elsewhere does not open a third one', async () => {
  const { eu, us, device, there } = await atEu()
  us.afterMs = 500
  const attached = device.attach(there)
  await until('a second connection', SOON_MS, () => us.sockets[0])
  eu.sockets[0]?.destroy()
  expect(await attached).toBe(true)
  await sleep(200)
  expect(device.line?.edge).toBe('us')
  expect(eu.sockets).toHaveLength(1)
})

test('comes again when its last connection ends, though an older one is open still', async () => {
  const { eu, us, device, there } = await atEu()
  await device.attach(there)
  us.sockets[0]?.destroy()
  await until('a third connection', SOON_MS, () => eu.sockets[1])
  await until('its CONNACK', SOON_MS, () => (device.line?.edge === 'eu' ? true : undefined))
})
