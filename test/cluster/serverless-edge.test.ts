/** An edge on a serverless host (`deno serve`) beside an edge on Node in another region: sessions move between them. */
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Host, serveHost, spawnHost } from '../harness/hosted.ts'
import { freePort, type Running, until } from '../harness/process.ts'
import { Client, persistently } from './client.ts'
import { type Program, pageOf, start } from './program.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const TOKEN = 'a-token-for-these-tests'
const running: Pick<Running, 'end'>[] = []
let core: Program
let edge: Program
let host: Host

const hosted = (env: Readonly<Record<string, string>>): Promise<Host> =>
  serveHost({ MERIDIAN_ALLOW_ANONYMOUS: 'true', MERIDIAN_LINK_TOKEN: TOKEN, ...env }, started => running.push(started))
const urlOf = (one: Program): string => `ws://127.0.0.1:${one.port('http')}`
const readyAt = async (http: string): Promise<number> => (await fetch(`${http}/readyz`)).status
const ready = (http: string) =>
  until('it to be ready', 20_000, async () => ((await readyAt(http)) === 200 ? true : undefined))

beforeAll(async () => {
  core = await start(['core', '--id', 'c1', '--http-port', '0', '--link-token', TOKEN, '--data-dir', ':memory:'])
  running.push(core)
  const words = ['edge', '--mqtt-port', '0', '--http-port', '0', '--link-token', TOKEN, '--core', urlOf(core)]
  const env = { MERIDIAN_CORE: urlOf(core), MERIDIAN_ID: 'fn1', MERIDIAN_REGION: 'us' }
  const starting = [start([...words, '--id', 'n1', '--region', 'eu']), hosted(env)] as const
  ;[edge, host] = await Promise.all(starting)
  running.push(edge)
  await Promise.all([ready(`http://127.0.0.1:${edge.port('ws')}`), ready(host.http)])
})
afterAll(() => Promise.all(running.map(one => one.end('SIGKILL'))))

/** A client at the host; what comes at once with the session is not missed. */
async function atHost(
  options: IClientOptions,
  url = host.ws,
): Promise<{ mqtt: MqttClient; present: boolean; payloads: string[] }> {
  const made = mqtt.connect(url, { protocolVersion: 5, reconnectPeriod: 0, connectTimeout: 10_000, ...options })
  const payloads: string[] = []
  made.on('message', (_topic, payload) => payloads.push(payload.toString()))
  const present = await new Promise<boolean>((done, fail) => {
    made.once('connect', ({ sessionPresent }) => done(sessionPresent))
    made.once('error', fail)
  })
  return { mqtt: made, present, payloads }
}
const KEPT: IClientOptions = { clean: false, properties: { sessionExpiryInterval: 300 } }

test('it says who and where it is, and the core knows it', async () => {
  const metrics = await (await fetch(`${host.http}/metrics`)).text()
  expect(metrics).toContain('meridian_edge_info{id="fn1",region="us"} 1')
  expect(metrics).toContain('meridian_edge_site_linked{site="default"} 1')
  expect((await pageOf(core.port('http'), '/')).text).toMatch(/<td>fn1<\/td><td>us<\/td>.*linked/)
  expect(host.process.output()).not.toContain(TOKEN)
})

test('messages pass between the two, at every QoS and with the retained one', async () => {
  const at = await Client.at(edge.port('tcp'))
  await at.subscribe('both/#', 2)
  const fn = await atHost({})
  for (const qos of [0, 1, 2] as const) await fn.mqtt.publishAsync(`both/${qos}`, `${qos}`, { qos, retain: qos === 1 })
  expect((await at.received(3)).sort()).toEqual(['0', '1', '2'])
  await fn.mqtt.subscribeAsync('both/1', { qos: 2 })
  await until('the retained message', 10_000, () => fn.payloads.length > 0 || undefined)
  expect(fn.payloads).toEqual(['1'])
  await Promise.all([at.leave(), fn.mqtt.endAsync()])
})

test('a session with queued messages comes over from the other region, in order', async () => {
  const keeper = await Client.kept(edge.port('tcp'), 'keeper')
  await keeper.subscribe('kept/#', 2)
  await keeper.vanish()
  const pub = await Client.at(edge.port('tcp'))
  const sent = Array.from({ length: 100 }, (_, i) => `m${i}`)
  for (const payload of sent) await pub.publish('kept/1', payload, 2)
  const back = await atHost({ clientId: 'keeper', ...KEPT })
  expect(back.present).toBe(true)
  await until('all of them', 20_000, () => back.payloads.length >= sent.length || undefined)
  await pub.publish('kept/1', 'live', 2)
  await until('the live one', 10_000, () => back.payloads.length > sent.length || undefined)
  expect(back.payloads).toEqual([...sent, 'live'])
  await Promise.all([back.mqtt.endAsync(), pub.leave()])
})

test('a connected client is taken over (0x8E), and back again', async () => {
  const first = await Client.kept(edge.port('tcp'), 'mover')
  await first.subscribe('moves', 1)
  const second = await atHost({ clientId: 'mover', ...KEPT })
  await first.closed()
  expect([first.disconnected, second.present]).toEqual([0x8e, true])
  const told = new Promise(done => second.mqtt.once('disconnect', packet => done(packet.reasonCode)))
  const third = await Client.kept(edge.port('tcp'), 'mover')
  expect([await told, third.present]).toEqual([0x8e, true])
  await third.publish('moves', 'here', 1)
  expect(await third.received(1)).toEqual(['here'])
  expect(second.payloads).toEqual([])
  await third.leave()
})

test('without a core it is not ready, refuses with 0x88, and links when the core comes', async () => {
  const port = await freePort()
  const alone = await hosted({ MERIDIAN_CORE: `ws://127.0.0.1:${port}` })
  expect(await readyAt(alone.http)).toBe(503)
  await expect(atHost({}, alone.ws)).rejects.toThrow('Server unavailable')
  running.push(
    await start(['core', '--id', 'c2', '--http-port', `${port}`, '--link-token', TOKEN, '--data-dir', ':memory:']),
  )
  const client = await persistently('the core', 20_000, () => atHost({}, alone.ws))
  await client.mqtt.endAsync()
  await alone.process.end('SIGTERM')
  expect(alone.process.ended()).toBe(0)
})

test('of the cores of two sites it takes the preferred one, and goes to the other when that is lost', async () => {
  const words = [
    'core',
    '--id',
    'u1',
    '--site',
    'us',
    '--http-port',
    '0',
    '--link-token',
    TOKEN,
    '--data-dir',
    ':memory:',
  ]
  const us = await start(words)
  running.push(us)
  const roaming = await hosted({ MERIDIAN_CORE: `${urlOf(core)},${urlOf(us)}`, MERIDIAN_SITE: 'us' })
  const linkedTo = (site: string) =>
    until(`the link to ${site}`, 15_000, async () => {
      const metrics = await (await fetch(`${roaming.http}/metrics`)).text()
      return metrics.includes(`meridian_edge_site_linked{site="${site}"} 1`) || undefined
    })
  await linkedTo('us')
  const before = await atHost({}, roaming.ws)
  await us.end('SIGKILL')
  await linkedTo('default')
  await until('the connection to end', 5_000, () => !before.mqtt.connected || undefined)
  const after = await atHost({}, roaming.ws)
  await after.mqtt.endAsync()
})

test('what it cannot do is refused at the start, with what to change', async () => {
  const far = spawnHost(await freePort(), { MERIDIAN_CORE: 'wss://core.example', MERIDIAN_ALLOW_ANONYMOUS: 'true' })
  const open = spawnHost(await freePort(), { MERIDIAN_CORE: 'ws://127.0.0.1:9' })
  for (const one of [far, open]) expect(await until('the host to end', 20_000, () => one.ended())).not.toBe(0)
  expect(far.output()).toContain('set linkToken (MERIDIAN_LINK_TOKEN)')
  expect(open.output()).toMatch(/MERIDIAN_AUTH_PASSWORD_FILE.*MERIDIAN_ALLOW_ANONYMOUS=true/)
})
