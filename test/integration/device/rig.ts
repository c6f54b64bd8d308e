/** What the device tests share: devices, brokers and relays that end with the test, and the next event of a kind. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import { type ConnectOptions, connect, type Device, type DeviceEvents } from '../../../device/main.node.ts'
import { type Relay, relay } from './relay.ts'

const ends: (() => Promise<unknown>)[] = []

/** Registers the end of what a test began. */
export function endsAfterEachTest(): void {
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end()
  })
}

export function ending<T>(what: T, end: (what: T) => Promise<unknown>): T {
  ends.push(() => end(what))
  return what
}

let count = 0

export const freshId = (): string => `device-${process.pid}-${++count}`

export async function device(options: Partial<ConnectOptions>): Promise<Device> {
  return ending(await connect({ clientId: freshId(), ...options }), made => made.close())
}

export async function relayTo(port: number, delayMs = 0): Promise<Relay> {
  return ending(await relay(port, delayMs), each => each.close())
}

export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'meridian-device-'))
  return ending(path, async () => rmSync(path, { recursive: true, force: true }))
}

export const next = <Name extends keyof DeviceEvents>(
  of: Device,
  name: Name,
  matches: (event: DeviceEvents[Name]) => boolean = () => true,
): Promise<DeviceEvents[Name]> =>
  new Promise(resolve => {
    const stop = of.on(name, event => {
      if (!matches(event)) return
      stop()
      resolve(event)
    })
  })
