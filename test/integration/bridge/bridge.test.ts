/** The bridge against a real RocketMQ: ordinary producers and consumers on the one side, a core with a device on the other. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { ClientKey } from '../../../core/contract/ids.ts'
import { encodeProps, readProps } from '../../../edge/wire/props.ts'
import type { Rocketmq } from '../../../infra/local/rocketmq/start.ts'
import { ownRocketmq, ROCKETMQ_START_MS } from '../../harness/rocketmq.ts'
import { Backend } from './clients.ts'
import { inRule, Life, outRule, textOf } from './life.ts'

vi.setConfig({ testTimeout: 120_000 })

const folder = mkdtempSync(join(tmpdir(), 'meridian-bridge-'))
const WITHIN = { timeout: 60_000, interval: 50 }
let rocketmq: Rocketmq
let dispose: () => Promise<void>
let backend: Backend
const lives: Life[] = []
let names = 0

beforeAll(async () => {
  ;({ rocketmq, dispose } = await ownRocketmq({ topics: [], groups: [] }))
  backend = new Backend(rocketmq.endpoint)
}, ROCKETMQ_START_MS)

afterEach(async () => {
  await rocketmq.broker.start()
  await rocketmq.proxy.start()
  for (const life of lives.splice(0)) await life.stop()
}, 60_000)

afterAll(async () => {
  await backend?.close()
  rmSync(folder, { recursive: true, force: true })
  await dispose?.()
}, 30_000)

/** A topic of its own for a test. */
async function topic(type: 'NORMAL' | 'FIFO' = 'NORMAL'): Promise<string> {
  const name = `topic-${++names}`
  await rocketmq.createTopic({ name, type })
  return name
}

async function group(ordered = false): Promise<string> {
  const name = `group-${++names}`
  if (ordered) await rocketmq.admin('updateSubGroup', '-c', 'DefaultCluster', '-g', name, '-o', 'true')
  else await rocketmq.createGroup({ name })
  return name
}

async function start(...args: Parameters<typeof Life.start>): Promise<Life> {
  const life = await Life.start(...args)
  lives.push(life)
  return life
}

const dir = (): string => join(folder, `data-${++names}`)
const upTo = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i))

describe('out', () => {
  test('a device reaches an ordinary consumer, with all that its message carries', async () => {
    const t = await topic()
    const got = await backend.consume(t, await group())
    const rule = outRule({ filter: 'site/+/temp', topic: t, tag: '{level:2}' })
    const life = await start(dir(), rocketmq.endpoint, { out: [rule], in: [] })
    const props = encodeProps({ contentType: 'text/plain', userProperties: [['unit', '°C']] })
    life.publish('site/7/temp', '21.5', { qos: 2, props })
    life.publish('site/7/humidity', '40')
    life.publish('site/8/temp', '', { qos: 0, retain: true })
    await vi.waitFor(() => expect(got.length).toBe(2), WITHIN)
    const [hot, empty] = got.toSorted((a, b) => (a.tag ?? '').localeCompare(b.tag ?? ''))
    expect(hot).toMatchObject({ body: '21.5', tag: '7', group: undefined })
    expect(hot!.keys).toEqual([expect.stringMatching(/^life\d+-.*\/1$/)])
    expect(hot!.properties).toMatchObject({
      mqttTopic: 'site/7/temp',
      mqttClientId: 'd1',
      mqttQos: '2',
      mqttRetain: 'false',
      mqttContentType: 'text/plain',
      user_unit: '°C',
    })
    expect(Math.abs(Number(hot!.properties.mqttTimestamp) - Date.now())).toBeLessThan(30_000)
    expect(empty!.properties).toMatchObject({ mqttEmpty: 'true', mqttQos: '0', mqttRetain: 'true' })
    expect(life.stats).toMatchObject({ outSent: 2, nowOutWaiting: 0 })
  })

  test('FIFO: each client in order, across a restart of the proxy; nothing is lost', async () => {
    const t = await topic('FIFO')
    const life = await start(dir(), rocketmq.endpoint, {
      out: [outRule({ filter: '#', topic: t, fifo: 'client' })],
      in: [],
    })
    for (const [i, body] of upTo(200).entries()) {
      for (const client of ['d1', 'd2', 'd3']) life.publish('t', body, {}, client)
      if (i === 50) await rocketmq.proxy.kill9()
      if (i > 40) await new Promise(resolve => setTimeout(resolve, 5))
    }
    expect(life.receipts.length).toBeGreaterThan(500)
    await rocketmq.proxy.start()
    await vi.waitFor(() => expect(life.stats.outSent).toBe(600), WITHIN)
    const got = await backend.consume(t, await group(true))
    await vi.waitFor(() => expect(new Set(got.map(m => m.keys[0])).size).toBe(600), WITHIN)
    for (const client of ['d1', 'd2', 'd3']) {
      const bodies = got.filter(m => m.group === client).map(m => m.body)
      // First deliveries: what was sent again because its answer was lost comes twice.
      expect([...new Set(bodies)]).toEqual(upTo(200))
    }
    expect(life.stats.outLost + life.stats.outDeadLettered).toBe(0)
    expect(life.events.map(e => e.is)).toEqual(['bridge-failing', 'bridge-recovered'])
  })

  test('what a core accepted while RocketMQ was away, the next one sends', async () => {
    const t = await topic()
    const data = dir()
    const config = { out: [outRule({ filter: '#', topic: t })], in: [] }
    const first = await Life.start(data, rocketmq.endpoint, config)
    await rocketmq.proxy.kill9()
    for (const body of upTo(20)) first.publish('t', body)
    await vi.waitFor(() => expect(first.receipts.length).toBe(20), WITHIN)
    await new Promise(resolve => setTimeout(resolve, 1_500))
    expect(first.trouble).toMatch(/^bridge\.out\[0\]: RocketMQ at 127\.0\.0\.1:\d+ answers UNAVAILABLE/)
    await first.stop(100)
    await rocketmq.proxy.start()
    const second = await start(data, rocketmq.endpoint, config)
    const got = await backend.consume(t, await group())
    await vi.waitFor(() => expect(new Set(got.map(m => m.body))).toEqual(new Set(upTo(20))), WITHIN)
    await vi.waitFor(() => expect(second.coreStats.nowLogEnvelopes).toBe(0), WITHIN)
  })

  test('a broker that is away: everything waits for it', async () => {
    const t = await topic()
    const life = await start(dir(), rocketmq.endpoint, {
      out: [outRule({ filter: '#', topic: t, attempts: 1 })],
      in: [],
    })
    await rocketmq.broker.kill9()
    for (const body of upTo(50)) life.publish('t', body)
    // The proxy forgets the topic meanwhile, and says so in three ways.
    await new Promise(resolve => setTimeout(resolve, 5_000))
    expect(life.stats).toMatchObject({ outLost: 0, nowOutWaiting: 50 })
    await rocketmq.broker.start()
    const got = await backend.consume(t, await group())
    await vi.waitFor(() => expect(new Set(got.map(m => m.body))).toEqual(new Set(upTo(50))), WITHIN)
    await vi.waitFor(() => expect(life.stats).toMatchObject({ outSent: 50, outLost: 0 }), WITHIN)
  })

  test('too much for RocketMQ: to the dead-letter topic; too large for that as well: counted and said', async () => {
    const t = await topic()
    const dead = await topic()
    const got = await backend.consume(dead, await group())
    const life = await start(dir(), rocketmq.endpoint, {
      out: [outRule({ filter: '#', topic: t, deadLetter: dead })],
      in: [],
    })
    const userProperties = upTo(200).map(i => [`name${i}`, i] as [string, string])
    life.publish('many', 'properties', { props: encodeProps({ userProperties }) })
    life.publish('large', new Uint8Array(5 * 1024 * 1024))
    await vi.waitFor(
      () => expect(life.stats).toMatchObject({ outDeadLettered: 1, outLost: 1, nowOutWaiting: 0 }),
      WITHIN,
    )
    await vi.waitFor(() => expect(got.length).toBe(1), WITHIN)
    expect(got[0]).toMatchObject({ body: 'properties', properties: { mqttTopic: 'many', mqttDeadTopic: t } })
    expect(got[0]!.properties.mqttError).toMatch(/propert/i)
    expect(life.events.filter(e => e.is === 'bridge-lost')).toMatchObject([
      { rule: 'bridge.out[0]', topic: 'large', detail: expect.stringMatching(/MESSAGE_BODY_TOO_LARGE/) },
    ])
  })

  test('a topic that is missing or of another type is said at the start, with the command', async () => {
    const t = await topic()
    const missing = start(dir(), rocketmq.endpoint, { out: [outRule({ filter: '#', topic: 'nowhere' })], in: [] })
    await expect(missing).rejects.toThrow(
      "RocketMQ has no topic 'nowhere' (bridge.out[0].topic); create it: mqadmin updateTopic -n NAMESRV:9876 -c DefaultCluster -t nowhere -a +message.type=NORMAL",
    )
    const other = start(dir(), rocketmq.endpoint, { out: [outRule({ filter: '#', topic: t, fifo: 'client' })], in: [] })
    await expect(other).rejects.toThrow(`RocketMQ topic '${t}' (bridge.out[0].topic) takes NORMAL, not FIFO`)
  })
})

describe('in', () => {
  test('an ordinary producer reaches subscribers by a template, and one client', async () => {
    const t = await topic()
    const rules = [
      inRule({ topic: t, group: await group(), tags: 'all', to: 'in/{property:deviceId}/cmd' }),
      inRule({ topic: t, group: await group(), tags: 'one', to: 'in/cmd', clientId: '{property:deviceId}', qos: 2 }),
    ]
    const life = await start(dir(), rocketmq.endpoint, { out: [], in: rules })
    const producer = await backend.producer(t)
    const properties = new Map([
      ['deviceId', 'listener'],
      ['user_by', 'ops'],
      ['mqttContentType', 'text/plain'],
      ['internal', 'x'],
    ])
    await producer.send({ topic: t, tag: 'all', keys: ['k1'], properties, body: Buffer.from('on') })
    await producer.send({ topic: t, tag: 'one', properties, body: Buffer.from('off') })
    await producer.send({ topic: t, tag: 'none', properties, body: Buffer.from('never') })
    await vi.waitFor(() => expect(life.got.length).toBe(2), WITHIN)
    const [all, one] = life.got.toSorted((a, b) => a.qos - b.qos)
    expect(all).toMatchObject({ topic: 'in/listener/cmd', qos: 1, target: '', sender: `$rocketmq:${t}` })
    expect(textOf(all!)).toBe('on')
    expect(readProps(all!.props)).toEqual({ contentType: 'text/plain', userProperties: [['by', 'ops']] })
    expect(one).toMatchObject({ topic: 'in/cmd', qos: 2, target: ':listener' as ClientKey })
    await vi.waitFor(() => expect(life.stats).toMatchObject({ inPublished: 2, nowInUnsettled: 0 }), WITHIN)
  })

  test('an ordered group keeps the order of each message group, across a restart of the proxy; nothing is lost', async () => {
    const t = await topic('FIFO')
    const rule = inRule({ topic: t, group: await group(true), to: 'in/{group}' })
    const life = await start(dir(), rocketmq.endpoint, { out: [], in: [rule] }, { bridgeInMessages: 40 })
    const producer = await backend.producer(t)
    for (const body of upTo(100))
      for (const messageGroup of ['a', 'b']) await producer.send({ topic: t, messageGroup, body: Buffer.from(body) })
    await rocketmq.proxy.kill9()
    await rocketmq.proxy.start()
    const bodies = (g: string) => [...new Set(life.got.filter(m => m.topic === `in/${g}`).map(textOf))]
    await vi.waitFor(() => expect([bodies('a').length, bodies('b').length]).toEqual([100, 100]), WITHIN)
    expect(bodies('a')).toEqual(upTo(100))
    expect(bodies('b')).toEqual(upTo(100))
  })

  test('what can be no MQTT message goes to the dead-letter queue of the group at once, and the rest goes on', async () => {
    const t = await topic()
    const g = await group()
    const life = await start(dir(), rocketmq.endpoint, {
      out: [],
      in: [inRule({ topic: t, group: g, to: 'in/{property:id}' })],
    })
    const producer = await backend.producer(t)
    await producer.send({ topic: t, body: Buffer.from('lacks it') })
    await producer.send({ topic: t, body: Buffer.from('wildcard'), properties: new Map([['id', '#']]) })
    await producer.send({ topic: t, body: Buffer.from('good'), properties: new Map([['id', '7']]) })
    await vi.waitFor(
      () => expect(life.stats).toMatchObject({ inRefused: 2, inPublished: 1, nowInUnsettled: 0 }),
      WITHIN,
    )
    expect(life.got.map(textOf)).toEqual(['good'])
    const details = life.events.map(e => (e.is === 'bridge-refused' ? e.detail : e.is)).toSorted()
    expect(details).toEqual([
      "Template 'in/{property:id}' needs {property:id}, which the message lacks",
      "Topic name 'in/#' has the wildcard '#'",
    ])
    const status = await rocketmq.admin('topicStatus', '-t', `%DLQ%${g}`)
    const offsets = [...status.matchAll(/^\S+\s+\d+\s+\d+\s+(\d+)/gm)].map(line => Number(line[1]))
    expect(offsets.reduce((sum, n) => sum + n, 0)).toBe(2)
  })

  test('SQL over properties', async () => {
    const t = await topic()
    const rule = inRule({
      topic: t,
      group: await group(),
      sql: "level > 3 AND mqttTopic = 'alarm'",
      to: 'in/{property:level}',
    })
    const life = await start(dir(), rocketmq.endpoint, { out: [], in: [rule] })
    const producer = await backend.producer(t)
    for (const [level, mqttTopic] of [
      ['2', 'alarm'],
      ['5', 'alarm'],
      ['6', 'other'],
    ] as const)
      await producer.send({
        topic: t,
        body: Buffer.from(level),
        properties: new Map(Object.entries({ level, mqttTopic })),
      })
    await vi.waitFor(() => expect(life.got.map(m => m.topic)).toEqual(['in/5']), WITHIN)
  })

  test('a missing group is said at the start, with the command', async () => {
    const rule = inRule({ topic: await topic(), group: 'nobody', to: 'in/x' })
    await expect(start(dir(), rocketmq.endpoint, { out: [], in: [rule] })).rejects.toThrow(
      "RocketMQ has no group 'nobody' (bridge.in[0].group); create it: mqadmin updateSubGroup -n NAMESRV:9876 -c DefaultCluster -g nobody -o false",
    )
  })

  test('what came in is not sent out again', async () => {
    const t = await topic()
    const rules = {
      out: [outRule({ filter: '#', topic: t })],
      in: [inRule({ topic: t, group: await group(), to: 'in/{property:mqttTopic}' })],
    }
    const life = await start(dir(), rocketmq.endpoint, rules)
    life.publish('t', 'once')
    await vi.waitFor(() => expect(life.got.map(m => m.topic)).toEqual(['in/t']), WITHIN)
    await new Promise(resolve => setTimeout(resolve, 300))
    expect(life.stats).toMatchObject({ outSent: 1, inReceived: 1 })
  })
})
