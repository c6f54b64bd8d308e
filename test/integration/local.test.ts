/** A whole local installation through its command: up, messages through RocketMQ, Redis, status, up again, down. */
import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Redis } from '@upstash/redis'
import { ConsumeResult, LitePushConsumerImpl, OffsetOption, Producer, SimpleConsumer } from 'rocketmq-client-nodejs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Endpoints, Status } from '../../infra/local/installation.ts'
import { createGroup, createTopic } from '../../infra/local/rocketmq/admin.ts'
import {
  GROUPS,
  groupCommand,
  INBOX_GROUP,
  INBOX_TOPIC,
  TOPICS,
  topicCommand,
} from '../../infra/local/rocketmq/names.ts'
import { ask, RequestCode } from '../../infra/local/rocketmq/remoting.ts'
import { describeRocketmq } from '../../infra/local/rocketmq/start.ts'
import { loadState } from '../../infra/local/state.ts'

const dir = mkdtempSync(join(tmpdir(), 'meridian-local-'))
const MAIN = join(import.meta.dirname, '../../infra/local/main.node.ts')
const quiet = { info() {}, warn() {}, error() {}, debug() {} }
let endpoints: Endpoints
let closing: Promise<void> | undefined

async function local(...words: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, ...words, '--dir', dir])
  return stdout
}
const status = async (): Promise<Status[]> => JSON.parse(await local('status', '--json')) as Status[]
const text = (body: Uint8Array): string => Buffer.from(body).toString()

beforeAll(async () => {
  endpoints = JSON.parse(await local('up', '--free-ports', '--json')) as Endpoints
}, 240_000)

afterAll(async () => {
  await local('down')
  await closing
  rmSync(dir, { recursive: true, force: true })
}, 60_000)

test('status lists each process with name, kind, pid, ports and health', async () => {
  const all = await status()
  expect(all.map(({ name, kind, health }) => [name, kind, health])).toEqual([
    ['namesrv', 'rocketmq-namesrv', 'ready'],
    ['broker', 'rocketmq-broker', 'ready'],
    ['proxy', 'rocketmq-proxy', 'ready'],
    ['redis', 'redis', 'ready'],
    ['redis-rest', 'redis-rest', 'ready'],
    ['core-1', 'core', 'ready'],
    ['edge-1', 'edge', 'ready'],
    ['edge-2', 'edge', 'ready'],
  ])
  for (const { pid, ports } of all) {
    expect(pid).toBeGreaterThan(1)
    expect(Object.values(ports).length).toBeGreaterThan(0)
  }
})

test('a normal message goes through RocketMQ', async () => {
  const { rocketmq } = loadState(dir)!.ports
  await createTopic(rocketmq, { name: 'test-normal', type: 'NORMAL' })
  await createGroup(rocketmq, { name: 'test-normal' })
  const producer = new Producer({ endpoints: endpoints.rocketmq, namespace: '', logger: quiet })
  const consumer = new SimpleConsumer({
    endpoints: endpoints.rocketmq,
    namespace: '',
    logger: quiet,
    consumerGroup: 'test-normal',
    subscriptions: new Map([['test-normal', '*']]),
    awaitDuration: 3_000,
  })
  await Promise.all([producer.startup(), consumer.startup()])
  try {
    await producer.send({ topic: 'test-normal', body: Buffer.from('normal') })
    const received: string[] = []
    await expect
      .poll(async () => received.push(...(await consumer.receive(8)).map(({ body }) => text(body))), {
        timeout: 40_000,
      })
      .toBeGreaterThan(0)
    expect(received).toEqual(['normal'])
  } finally {
    await Promise.all([producer.shutdown(), consumer.shutdown()])
  }
}, 60_000)

test('lite messages are read from an offset of their lite topic', async () => {
  const producer = new Producer({ endpoints: endpoints.rocketmq, namespace: '', logger: quiet })
  const received: string[] = []
  const consumer = new LitePushConsumerImpl({
    endpoints: endpoints.rocketmq,
    logger: quiet,
    namespace: '',
    bindTopic: INBOX_TOPIC,
    consumerGroup: INBOX_GROUP,
    subscriptions: new Map(),
    messageListener: {
      async consume({ body }) {
        received.push(text(body))
        return ConsumeResult.SUCCESS
      },
    },
  })
  await Promise.all([producer.startup(), consumer.startup()])
  try {
    for (let n = 0; n < 5; n++) {
      await producer.send({ topic: INBOX_TOPIC, liteTopic: 'session-1', body: Buffer.from(`lite ${n}`) })
    }
    await consumer.subscribeLite('session-1', OffsetOption.ofOffset(2))
    await expect.poll(() => received, { timeout: 40_000 }).toEqual(['lite 2', 'lite 3', 'lite 4'])
    await consumer.unsubscribeLite('session-1')
  } finally {
    await producer.shutdown()
    // It waits for its last long poll, up to 20 s: until the end of this file.
    closing = consumer.shutdown().catch(() => {})
  }
}, 60_000)

test('the mqadmin commands create what was created without them', async () => {
  const { rocketmq: ports } = loadState(dir)!.ports
  const { admin } = describeRocketmq({ dir: join(dir, 'rocketmq'), ports })
  const [topic, group] = [TOPICS[0]!, GROUPS[0]!]
  const { namesrv } = endpoints
  await Promise.all([
    admin(...topicCommand({ ...topic, name: 'by-command' }, namesrv)),
    admin(...groupCommand({ ...group, name: 'by-command' }, namesrv)),
  ])
  const topicOf = async (name: string) => (await ask(ports.broker, RequestCode.topicConfig, { topic: name })).body
  const groupOf = async (name: string) => (await ask(ports.broker, RequestCode.groupConfig, { group: name })).body
  expect(JSON.parse(await topicOf('by-command'))).toEqual({
    ...(JSON.parse(await topicOf(topic.name)) as object),
    topicName: 'by-command',
  })
  expect(JSON.parse(await groupOf('by-command'))).toEqual({
    ...(JSON.parse(await groupOf(group.name)) as object),
    groupName: 'by-command',
  })
}, 60_000)

test('what was killed is started again by up, with its data; the rest goes on', async () => {
  const client = new Redis({ ...endpoints.rest, enableTelemetry: false })
  expect(await client.set('kept', 'value')).toBe('OK')
  // Longer than Redis waits before it writes its file.
  await expect
    .poll(() => readFileSync(join(dir, 'redis/appendonlydir/appendonly.aof.1.incr.aof'), 'utf8'), { timeout: 10_000 })
    .toContain('kept')
  const before = await status()
  process.kill(before.find(({ name }) => name === 'redis')!.pid!, 'SIGKILL')
  await expect
    .poll(async () => (await status()).map(({ health }) => health), { timeout: 15_000 })
    .toEqual(['ready', 'ready', 'ready', 'stopped', 'not answering', 'not answering', 'ready', 'ready'])
  await local('up')
  // The core finds Redis again by itself.
  await expect
    .poll(async () => (await status()).map(({ health }) => health), { timeout: 15_000 })
    .toEqual(Array(8).fill('ready'))
  const after = await status()
  expect(after.filter(({ pid }, index) => pid !== before[index]!.pid).map(({ name }) => name)).toEqual(['redis'])
  expect(await client.get('kept')).toBe('value')
}, 60_000)

test('down leaves nothing running', async () => {
  const { faults } = describeRocketmq({ dir: join(dir, 'rocketmq'), ports: loadState(dir)!.ports.rocketmq })
  expect(faults()).toEqual([])
  const pids = (await status()).map(({ pid }) => pid!)
  await local('down')
  expect((await status()).map(({ health, pid }) => [health, pid])).toEqual(Array(8).fill(['stopped', null]))
  const states = spawnSync('ps', ['-o', 'stat=', '-p', pids.join(',')], { encoding: 'utf8' })
    .stdout.trim()
    .split(/\s+/)
  // One that ended and that nobody has asked for yet.
  expect(states.filter(state => !state.startsWith('Z') && state !== '')).toEqual([])
  expect(spawnSync('pgrep', ['-f', dir], { encoding: 'utf8' }).stdout).toBe('')
  expect(await local('down')).toContain('Nothing was running')
}, 60_000)
