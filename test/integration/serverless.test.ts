/** The `{ fetch }` entry as a host runs it (`deno serve`): MQTT.js over WebSocket, pages, data directory, refusals, end by signal. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { afterEach, expect, test, vi } from 'vitest'
import { type Host, serveHost, spawnHost } from '../harness/hosted.ts'
import { freePort, type Running, until } from '../harness/process.ts'

vi.setConfig({ testTimeout: 40_000 })

const OPEN = { MERIDIAN_ALLOW_ANONYMOUS: 'true' }

let running: Running | undefined
afterEach(() => running?.end('SIGKILL'))

const serve = (env: Readonly<Record<string, string>>): Promise<Host> =>
  serveHost(env, started => {
    running = started
  })

const client = (url: string, options: IClientOptions): Promise<MqttClient> =>
  mqtt.connectAsync(url, { reconnectPeriod: 0, connectTimeout: 10_000, ...options })

const next = (from: MqttClient): Promise<{ payload: string; qos: number; retain: boolean }> =>
  new Promise(resolve =>
    from.once('message', (_topic, payload, { qos, retain }) => resolve({ payload: payload.toString(), qos, retain })),
  )

test('publish at QoS 2, retained messages and pages, for 3.1.1 and 5.0', async () => {
  const host = await serve(OPEN)
  for (const protocolVersion of [4, 5] as const) {
    const topic = `hosted/${protocolVersion}`
    const sub = await client(host.ws, { protocolVersion })
    const pub = await client(host.ws, { protocolVersion })
    await sub.subscribeAsync(topic, { qos: 2 })
    const live = next(sub)
    await pub.publishAsync(topic, 'once', { qos: 2, retain: true })
    expect(await live).toEqual({ payload: 'once', qos: 2, retain: false })
    const late = await client(host.ws, { protocolVersion })
    const retained = next(late)
    await late.subscribeAsync('hosted/+', { qos: 2 })
    expect(await retained).toMatchObject({ qos: 2, retain: true })
    await pub.publishAsync(topic, '', { retain: true, qos: 1 })
    await Promise.all([sub, pub, late].map(one => one.endAsync()))
  }
  expect(await (await fetch(`${host.http}/readyz`)).text()).toBe('ok\n')
  expect(await (await fetch(`${host.http}/metrics`)).text()).toContain('meridian_core_published_total')
  expect(await (await fetch(host.http)).text()).toContain(host.ws)
})

test('time passes: a silent client is closed at 1.5 times its keep alive, and its will is published', async () => {
  const host = await serve(OPEN)
  const watcher = await client(host.ws, { protocolVersion: 5 })
  await watcher.subscribeAsync('gone')
  const will = next(watcher)
  const silent = await client(host.ws, {
    protocolVersion: 5,
    keepalive: 1,
    reschedulePings: false,
    will: { topic: 'gone', payload: Buffer.from('silent'), qos: 0, retain: false },
    timerVariant: { set: () => 0, clear: () => {} },
  })
  const closed = new Promise<void>(resolve => silent.once('close', () => resolve()))
  expect(await will).toMatchObject({ payload: 'silent' })
  await closed
  await watcher.endAsync()
})

test('with a data directory a session survives kill -9 of the host', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'meridian-hosted-'))
  const options: IClientOptions = { clientId: 'keeper', clean: false, protocolVersion: 4 }
  try {
    const first = await serve({ ...OPEN, MERIDIAN_DATA_DIR: dataDir })
    const keeper = await client(first.ws, options)
    await keeper.subscribeAsync('kept', { qos: 1 })
    await keeper.endAsync()
    const pub = await client(first.ws, {})
    await pub.publishAsync('kept', 'still there', { qos: 1 })
    await first.process.end('SIGKILL')
    pub.end(true)
    const second = await serve({ ...OPEN, MERIDIAN_DATA_DIR: dataDir })
    const back = mqtt.connect(second.ws, { reconnectPeriod: 0, ...options })
    expect(await next(back)).toMatchObject({ payload: 'still there' })
    await back.endAsync()
    await second.process.end('SIGTERM')
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
})

test('SIGTERM tells clients of 5.0 with 0x8B and ends with status 0', async () => {
  const host = await serve(OPEN)
  const connected = await client(host.ws, { protocolVersion: 5 })
  const told = new Promise(resolve => connected.once('disconnect', packet => resolve(packet.reasonCode)))
  await host.process.end('SIGTERM')
  expect(await told).toBe(0x8b)
  expect(host.process.ended()).toBe(0)
})

test('a host without authentication is refused with what to do', async () => {
  const started = spawnHost(await freePort(), {})
  running = started
  const status = await until('the host to end', 20_000, () => started.ended())
  expect(status).not.toBe(0)
  expect(started.output()).toMatch(/MERIDIAN_AUTH_PASSWORD_FILE.*MERIDIAN_ALLOW_ANONYMOUS=true/)
})
