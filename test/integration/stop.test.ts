/** SIGTERM of `meridian start`, and a start on the same data directory: what clients are told, and what they find when they come again. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { Client } from '../cluster/client.ts'
import { type Broker, startMeridian } from '../harness/broker.ts'
import { sleep, until } from '../harness/process.ts'

vi.setConfig({ testTimeout: 60_000 })

/** From SIGTERM; the next start is over by then. */
const HOLD_MS = 10_000
const dataDir = mkdtempSync(join(tmpdir(), 'meridian-stop-'))
let broker: Broker

afterEach(async () => {
  await broker.kill()
  rmSync(dataDir, { recursive: true, force: true })
})

const start = async (): Promise<void> => {
  broker = await startMeridian({ dataDir, args: ['--limits-drain-will-hold-ms', String(HOLD_MS)] })
}

test('tells clients of 5.0 (0x8B), keeps what was acknowledged, and holds wills back for those who come again in time', async () => {
  await start()
  const will = (payload: string) => ({ will: { topic: 'will', payload: Buffer.from(payload), qos: 1 as const } })
  const watcher = await Client.kept(broker.tcpPort, 'watcher')
  await watcher.subscribe('#', 1)
  await watcher.leave()
  const clients = [
    await Client.kept(broker.tcpPort, 'kept', will('kept')),
    await Client.kept(broker.tcpPort, 'stays-away', will('stays away')),
    await Client.at(broker.tcpPort, { clientId: 'not-kept', ...will('not kept') }),
    await Client.at(broker.tcpPort, { clientId: 'not-kept-3', protocolVersion: 4, ...will('3.1.1') }),
  ]
  for (let i = 0; i < 20; i++) await clients[i % 4]!.publish('t', `${i}`, i % 2 === 0 ? 1 : 2)
  await broker.stop()
  expect(broker.ended()).toBe(0)
  expect(clients.map(client => client.disconnected)).toEqual([0x8b, 0x8b, 0x8b, undefined])

  await start()
  const back = [
    await Client.kept(broker.tcpPort, 'kept'),
    await Client.at(broker.tcpPort, { clientId: 'not-kept' }),
    await Client.at(broker.tcpPort, { clientId: 'not-kept-3', protocolVersion: 4 }),
  ]
  expect(back.map(client => client.present)).toEqual([true, false, false])
  const again = await Client.kept(broker.tcpPort, 'watcher')
  const sent = Array.from({ length: 20 }, (_, i) => `${i}`)
  expect(await again.received(20)).toEqual(sent)
  await until('the will of who stays away', 30_000, () => again.payloads[20])
  await sleep(1_000)
  expect(again.payloads).toEqual([...sent, 'stays away'])
  await Promise.all([...back, again].map(client => client.leave()))
})
