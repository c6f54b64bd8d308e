/** The page on RocketMQ in and out, played: its configuration, its back end, a device at an edge, and a core that is killed. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Redis, startRedis } from '../../infra/local/redis.ts'
import type { Rocketmq } from '../../infra/local/rocketmq/start.ts'
import { type Running, run, until } from '../harness/process.ts'
import { ownRocketmq, ROCKETMQ_START_MS } from '../harness/rocketmq.ts'
import { Backend } from '../integration/bridge/clients.ts'
import { sectionsOf } from '../readme/blocks.ts'
import { Client } from './client.ts'
import { type Program, pageOf, start } from './program.ts'

vi.setConfig({ testTimeout: 120_000 })

const ROOT = resolve(import.meta.dirname, '../..')
const WITHIN_MS = 60_000
const folder = mkdtempSync(join(tmpdir(), 'meridian-bridge-readme-'))
const ended: (() => Promise<unknown>)[] = []
let rocketmq: Rocketmq
let redis: Redis
let core: Program
let edge: Program
let backend: Running

/** The files of the section, with the endpoint of this test. */
function files(endpoint: string): void {
  const section = sectionsOf(readFileSync(join(ROOT, 'docs/rocketmq.md'), 'utf8')).find(
    s => s.title === 'RocketMQ in and out',
  )
  for (const { purpose, text } of section?.blocks ?? [])
    if (purpose.is === 'file') writeFileSync(join(folder, purpose.name), text.replaceAll('127.0.0.1:8081', endpoint))
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
}

const startCore = (): Promise<Program> =>
  start([
    ...['core', '--id', 'c1', '--site', 's1', '--http-port', '0', '--config', join(folder, 'core.yaml')],
    ...['--rocketmq', rocketmq.endpoint, '--state', redis.url],
  ])

const startEdge = (): Promise<Program> =>
  start([
    ...['edge', '--id', 'e1', '--region', 'r1', '--mqtt-port', '0', '--http-port', '0'],
    ...['--core', `ws://127.0.0.1:${core.port('http')}/link`],
  ])

const linked = (): Promise<unknown> =>
  until('the edge to be linked', WITHIN_MS, async () => {
    const { status } = await pageOf(edge.port('ws'), '/readyz')
    return status === 200 ? true : undefined
  })

/** Lines that the back end has printed. */
const printed = (): string[] =>
  backend
    .output()
    .split('\n')
    .filter(line => line !== '')

beforeAll(async () => {
  const own = await ownRocketmq()
  rocketmq = own.rocketmq
  ended.push(own.dispose)
  mkdirSync(join(folder, 'redis'))
  redis = await startRedis({ dir: join(folder, 'redis') })
  ended.push(() => redis.stop(0))
  for (const name of ['telemetry', 'telemetry-dead', 'commands']) await rocketmq.createTopic({ name, type: 'NORMAL' })
  for (const name of ['meridian-commands', 'backend', 'second-backend']) await rocketmq.createGroup({ name })
  files(rocketmq.endpoint)
  core = await startCore()
  edge = await startEdge()
  await linked()
}, ROCKETMQ_START_MS + 60_000)

afterAll(async () => {
  for (const one of [backend, edge, core]) await one?.end('SIGKILL')
  for (const end of ended.toReversed()) await end()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

test('an ordinary producer reaches a device, and a device reaches an ordinary consumer', async () => {
  const device = await Client.at(edge.port('tcp'))
  await device.subscribe('devices/7/cmd', 1)
  // Its log goes to the home folder.
  backend = run(process.execPath, ['backend.mjs'], { cwd: folder, env: { ...process.env, HOME: folder } })
  expect(await device.received(1, WITHIN_MS)).toEqual(['report'])
  await device.publish('site/berlin/temperature', '21.5', 1)
  await until('the measurement', WITHIN_MS, () => (printed().length > 0 ? true : undefined))
  expect(printed()).toEqual(['site/berlin/temperature berlin 21.5'])
  const { text } = await pageOf(core.port('http'), '/metrics')
  expect(text).toMatch(/^meridian_bridge_out_sent_total 1$/m)
  expect(text).toMatch(/^meridian_bridge_in_published_total 1$/m)
  await device.leave()
})

test('what was acknowledged before kill -9 of core and proxy arrives', async () => {
  const device = await Client.at(edge.port('tcp'))
  await rocketmq.proxy.restart()
  for (let n = 0; n < 50; n++) await device.publish('site/rome/temperature', `${n}`, 1)
  await core.end('SIGKILL')
  core = await startCore()
  await edge.end('SIGKILL')
  edge = await startEdge()
  await linked()
  const second = new Backend(rocketmq.endpoint)
  ended.push(() => second.close())
  const got = await second.consume('telemetry', 'second-backend')
  const wanted = Array.from({ length: 50 }, (_, n) => `${n}`)
  const missing = () => wanted.filter(body => !got.some(m => m.tag === 'rome' && m.body === body))
  await until('50 measurements', WITHIN_MS, () => missing().length === 0 || undefined)
})
