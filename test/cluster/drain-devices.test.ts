/** Devices with the SDK on an edge that drains while they publish: they find the other region by the Server Reference, and nothing they publish fails. */
import { expect, test, vi } from 'vitest'
import { freePort, sleep, until } from '../harness/process.ts'
import { device, ending, endsAfterEachTest } from '../integration/device/rig.ts'
import { Client } from './client.ts'
import { type Program, pageOf, start } from './program.ts'

vi.setConfig({ testTimeout: 90_000, hookTimeout: 40_000 })
endsAfterEachTest()

const LINK_TOKEN = 'a-token-for-these-tests'
const ADMIN_TOKEN = 'who-may-drain-an-edge'
const PATIENT = [
  '--limits-link-heartbeat-ms',
  '5000',
  '--limits-link-grace-ms',
  '30000',
  '--limits-link-lost-ms',
  '60000',
]
const DEVICES = 20
const EACH = 60

const started = async (...words: string[]): Promise<Program> =>
  ending(await start([...words, '--link-token', LINK_TOKEN, ...PATIENT]), each => each.end('SIGKILL'))

test('no publish fails, none with QoS 2 comes twice, and each device is where it was sent', async () => {
  const core = await started('core', '--http-port', '0', '--data-dir', ':memory:')
  const ports = { eu: await freePort(), us: await freePort() }
  const regions = `[{name: eu, weight: 100, endpoints: ["mqtt://127.0.0.1:${ports.eu}"]}, {name: us, endpoints: ["mqtt://127.0.0.1:${ports.us}"]}]`
  const edge = (region: 'eu' | 'us', ...more: string[]) =>
    started(
      ...['edge', '--core', `ws://127.0.0.1:${core.port('http')}`, '--mqtt-port', String(ports[region])],
      ...['--http-port', '0', '--region', region, '--regions', regions, ...more],
    )
  const us = await edge('us')
  const eu = await edge('eu', '--admin-token', ADMIN_TOKEN, '--limits-drain-clients-per-sec', '10')
  const page = (path: string) => `http://127.0.0.1:${eu.port('ws')}${path}`
  for (const one of [us, eu])
    await until('readiness', 20_000, async () =>
      (await pageOf(one.port('ws'), '/readyz')).status === 200 ? true : undefined,
    )
  const receiver = await Client.at(ports.us)
  await receiver.subscribe('sent/#', 2)
  const devices = await Promise.all(Array.from({ length: DEVICES }, () => device({ discovery: page('/regions') })))
  await until('them to be in eu', 20_000, () => devices.every(({ region }) => region === 'eu') || undefined)

  const sent: Promise<void>[] = []
  const drained = fetch(page('/drain'), { method: 'POST', headers: { authorization: `Bearer ${ADMIN_TOKEN}` } })
  for (let n = 0; n < EACH; n++) {
    for (const [d, one] of devices.entries())
      sent.push(one.publish(`sent/${d}`, String(n), { qos: d % 2 === 0 ? 1 : 2 }))
    await sleep(60)
  }
  expect((await drained).status).toBe(202)
  await Promise.all(sent)
  await until('them to be in us', 10_000, () => devices.every(({ region }) => region === 'us') || undefined)
  await until('all to have come', 10_000, () => receiver.arrived.length >= DEVICES * EACH || undefined)
  const all = Array.from({ length: EACH }, (_, n) => String(n))
  for (let d = 0; d < DEVICES; d++) {
    const got = receiver.arrived.filter(({ topic }) => topic === `sent/${d}`).map(({ payload }) => payload)
    expect(d % 2 === 0 ? [...new Set(got)] : got).toEqual(all)
  }
  await receiver.vanish()
})
