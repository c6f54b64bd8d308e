/** The device SDK against real brokers: Mosquitto, and Meridian in one process. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type ConnectOptions, connect, type Device, type DeviceEvents } from '../../../device/main.node.ts'
import { type Broker, startMeridian, startMosquitto } from '../../harness/broker.ts'
import { until } from '../../harness/process.ts'

vi.setConfig({ testTimeout: 40_000, hookTimeout: 40_000 })

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

let count = 0
async function device(options: Partial<ConnectOptions>): Promise<Device> {
  const made = await connect({ clientId: `device-${process.pid}-${++count}`, ...options } as ConnectOptions)
  ends.push(() => made.close())
  return made
}

const next = <Name extends keyof DeviceEvents>(of: Device, name: Name): Promise<DeviceEvents[Name]> =>
  new Promise(resolve => {
    const stop = of.on(name, event => {
      stop()
      resolve(event)
    })
  })

describe.each([
  ['Mosquitto', () => startMosquitto()],
  ['Meridian', () => startMeridian()],
] as const)('%s', (name, start) => {
  async function broker(): Promise<Broker> {
    const started = await start()
    ends.push(() => started.stop())
    return started
  }
  const url = (of: Broker): string => `mqtt://127.0.0.1:${of.tcpPort}`

  test.each([0, 1, 2] as const)('QoS %s goes round', async qos => {
    const one = await device({ endpoints: [url(await broker())] })
    const online = await next(one, 'online')
    expect(online.sessionPresent).toBe(false)
    const got: string[] = []
    one.on('message', message => got.push(`${message.topic} ${message.qos} ${message.text()}`))
    expect(await one.subscribe('a/#', { qos })).toBe(qos)
    for (let n = 0; n < 5; n++) await one.publish(`a/${n}`, `${name} ${n}`, { qos })
    await until('five messages', 5000, () => (got.length === 5 ? true : undefined))
    expect(got.sort()).toEqual([0, 1, 2, 3, 4].map(n => `a/${n} ${qos} ${name} ${n}`))
    expect(one.stats()).toMatchObject({ isOnline: true, outboxMessages: 0, outboxBytes: 0, received: 5 })
  })
})
