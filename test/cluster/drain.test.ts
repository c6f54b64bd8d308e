/** A drain of a real edge: its pace with 2,000 clients, what they are told, and no will of one that comes back; and what a storm of CONNECTs meets while the core stands still. */
import { connect, type Socket } from 'node:net'
import { generate } from 'mqtt-packet'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Peer } from '../conversations/peer.ts'
import { sleep, until } from '../harness/process.ts'
import { Client } from './client.ts'
import { bootLines, type Program, pageOf, start } from './program.ts'

vi.setConfig({ testTimeout: 90_000, hookTimeout: 40_000 })

const LINK_TOKEN = 'a-token-for-these-tests'
const ADMIN_TOKEN = 'who-may-drain-an-edge'
const HOLD_MS = 8_000
/** A machine that is busy with other tests is no lost link. */
const PATIENT = [
  '--limits-link-heartbeat-ms',
  '5000',
  '--limits-link-grace-ms',
  '30000',
  '--limits-link-lost-ms',
  '60000',
]
const children: Program[] = []

afterEach(async () => {
  await Promise.all(children.splice(0).map(child => child.end('SIGKILL')))
})

async function started(...words: string[]): Promise<Program> {
  const child = await start(words)
  children.push(child)
  return child
}

const startCore = (): Promise<Program> =>
  started(
    ...['core', '--http-port', '0', '--data-dir', ':memory:', '--link-token', LINK_TOKEN],
    ...['--limits-drain-will-hold-ms', String(HOLD_MS), ...PATIENT],
  )

/** An edge of the region `eu`, which knows `us` at that port. */
async function startEdge(core: Program, region: string, us: number, ...more: string[]): Promise<Program> {
  const regions = `[{name: eu, endpoints: ["mqtt://eu.example"]}, {name: us, endpoints: ["mqtt://127.0.0.1:${us}"]}]`
  const edge = await started(
    ...['edge', '--mqtt-port', '0', '--http-port', '0', '--core', `ws://127.0.0.1:${core.port('http')}`],
    ...[
      '--region',
      region,
      '--regions',
      regions,
      '--link-token',
      LINK_TOKEN,
      '--admin-token',
      ADMIN_TOKEN,
      ...PATIENT,
      ...more,
    ],
  )
  await until('it to be ready', 20_000, async () => ((await readiness(edge)).status === 200 ? true : undefined))
  return edge
}

const readiness = (edge: Program) => pageOf(edge.port('ws'), '/readyz')

const drain = (edge: Program, method: string, token = ADMIN_TOKEN, query = ''): Promise<Response> =>
  fetch(`http://127.0.0.1:${edge.port('ws')}/drain${query}`, { method, headers: { authorization: `Bearer ${token}` } })

const metric = async (program: Program, kind: string, name: string): Promise<number> => {
  const { text } = await pageOf(program.port(kind), '/metrics')
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
}

const peer = (edge: Program, version: 4 | 5) =>
  Peer.open({ transport: 'tcp', host: '127.0.0.1', tcpPort: edge.port('tcp'), wsUrl: '' }, version)

const will = { topic: 'lost', payload: Buffer.from('x'), qos: 1 as const, retain: false }

/** A device of as few bytes as possible: CONNECT with a will, and when its connection ended. */
class Raw {
  readonly socket: Socket
  bytes = Buffer.alloc(0)
  closedAt = 0

  constructor(port: number, n: number) {
    const protocolVersion = n % 2 === 0 ? 5 : 4
    this.socket = connect({ host: '127.0.0.1', port })
    this.socket.on('data', chunk => {
      this.bytes = Buffer.concat([this.bytes, chunk])
    })
    this.socket.on('error', () => {})
    this.socket.on('close', () => {
      this.closedAt = performance.now()
    })
    const clientId = `raw-${n}`
    this.socket.write(generate({ cmd: 'connect', clientId, clean: true, keepalive: 0, protocolVersion, will }))
  }

  /** The first byte of each packet after CONNACK. */
  get farewell(): Buffer {
    return this.bytes.subarray(2 + (this.bytes[1] ?? 0))
  }
}

async function crowd(edge: Program, n: number): Promise<Raw[]> {
  const all: Raw[] = []
  while (all.length < n) {
    for (let i = 0; i < 100 && all.length < n; i++) all.push(new Raw(edge.port('tcp'), all.length))
    await until('CONNACKs', 20_000, () => all.every(one => one.bytes[0] === 0x20) || undefined)
  }
  return all
}

test('2,000 clients go at 200/s to where they are sent, and no will is published', async () => {
  const core = await startCore()
  const us = await startEdge(core, 'us', 9)
  const eu = await startEdge(core, 'eu', us.port('tcp'))
  const watcher = await Client.at(us.port('tcp'))
  await watcher.subscribe('lost', 1)
  const clients = await crowd(eu, 2_000)
  const lost = await peer(eu, 5)
  lost.send({ cmd: 'connect', clientId: 'lost', clean: true, keepalive: 0, protocolVersion: 5, will: { ...will } })
  expect(await lost.next(5_000)).toMatchObject({ cmd: 'connack', code: 0 })
  // They come back at the other edge, as devices would.
  const back: Raw[] = []
  for (const [n, one] of clients.entries()) one.socket.on('close', () => back.push(new Raw(us.port('tcp'), n)))

  const answer = await drain(eu, 'POST')
  expect([answer.status, await answer.json()]).toMatchObject([202, { draining: true }])
  expect(await readiness(eu)).toEqual({ status: 503, text: 'Draining\n' })
  const late = await peer(eu, 5)
  late.send({ cmd: 'connect', clientId: 'late', clean: true, keepalive: 0, protocolVersion: 5 })
  const serverReference = `127.0.0.1:${us.port('tcp')}`
  expect(await late.next(5_000)).toMatchObject({ cmd: 'connack', code: 0x9c, properties: { serverReference } })

  expect(await lost.next(20_000)).toMatchObject({ cmd: 'disconnect', code: 0x9c, properties: { serverReference } })
  await until('everybody to be gone', 20_000, () => clients.every(one => one.closedAt > 0) || undefined)
  const times = clients.map(one => one.closedAt).sort((a, b) => a - b)
  const perSecond = (1000 * (times.length - 1)) / (times.at(-1)! - times[0]!)
  expect(perSecond).toBeGreaterThan(170)
  expect(perSecond).toBeLessThan(230)
  for (const [n, { farewell }] of clients.entries()) {
    if (n % 2 === 0) expect([farewell[0], farewell[2]]).toEqual([0xe0, 0x9c])
    else expect(farewell).toHaveLength(0)
  }
  await until(
    'them to be back',
    20_000,
    () => back.every(one => one.bytes[0] === 0x20 && one.bytes[3] === 0) || undefined,
  )
  await sleep(HOLD_MS + 1_500)
  // The one that did not come back.
  expect(watcher.payloads).toEqual(['x'])
  expect(await metric(core, 'http', 'meridian_core_wills_held_total')).toBe(2_001)
  expect(await metric(core, 'http', 'meridian_core_wills_published_total')).toBe(1)
  expect(await metric(eu, 'ws', 'meridian_clients_sent_away_total')).toBe(2_001)
  for (const one of back) one.socket.destroy()
  await watcher.vanish()
})

describe('/drain', () => {
  test('is for who has the token; can be looked at and taken back', async () => {
    const core = await startCore()
    const eu = await startEdge(core, 'eu', 9)
    for (const method of ['GET', 'POST', 'DELETE']) {
      const refused = await drain(eu, method, 'not-the-right-token')
      expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
    }
    expect((await readiness(eu)).status).toBe(200)
    expect((await drain(eu, 'POST', ADMIN_TOKEN, '?moved=maybe')).status).toBe(400)
    const four = await peer(eu, 4)
    const five = await peer(eu, 5)
    four.send({ cmd: 'connect', clientId: 'four', clean: true, keepalive: 0, protocolVersion: 4 })
    five.send({ cmd: 'connect', clientId: 'five', clean: true, keepalive: 0, protocolVersion: 5 })
    expect([(await four.next(5_000))?.code, (await five.next(5_000))?.code]).toEqual([0, 0])
    expect((await drain(eu, 'POST', ADMIN_TOKEN, '?moved=true')).status).toBe(202)
    const moved = { cmd: 'disconnect', code: 0x9d, properties: { serverReference: '127.0.0.1:9' } }
    expect(await five.next(5_000)).toMatchObject(moved)
    expect(await four.next(5_000)).toBeUndefined()
    expect(four.ended).toBe(true)
    expect(await (await drain(eu, 'GET')).json()).toEqual({ draining: true, clients: 0 })
    expect(await (await drain(eu, 'DELETE')).json()).toEqual({ draining: false, clients: 0 })
    expect((await readiness(eu)).status).toBe(200)
    await (await Client.at(eu.port('tcp'))).leave()
  })

  test('is not there without a token', async () => {
    const edge = await started('edge', '--mqtt-port', '0', '--http-port', '0', '--core', 'ws://127.0.0.1:9')
    expect((await drain(edge, 'POST')).status).toBe(404)
  })
})

test('SIGTERM drains, says where to go meanwhile, and ends', async () => {
  const core = await startCore()
  const eu = await startEdge(core, 'eu', 9, '--limits-drain-clients-per-sec', '20')
  const clients = await crowd(eu, 40)
  const ended = eu.end('SIGTERM')
  await until('it to drain', 5_000, async () => ((await readiness(eu)).status === 503 ? true : undefined))
  expect((await drain(eu, 'DELETE')).status).toBe(409)
  const late = await peer(eu, 5)
  late.send({ cmd: 'connect', clientId: 'late', clean: true, keepalive: 0, protocolVersion: 5 })
  expect(await late.next(5_000)).toMatchObject({ code: 0x9c, properties: { serverReference: '127.0.0.1:9' } })
  await ended
  expect(eu.ended()).toBe(0)
  const times = clients.map(one => one.closedAt).sort((a, b) => a - b)
  expect(times.at(-1)! - times[0]!).toBeGreaterThan(1_500)
  await sleep(500)
  expect(await metric(core, 'http', 'meridian_core_wills_held_total')).toBe(40)
  expect(await metric(core, 'http', 'meridian_core_wills_published_total')).toBe(0)
})

test('workers drain together, at the rate of one edge', async () => {
  const core = await startCore()
  const words = ['--workers', '2', '--limits-drain-clients-per-sec', '20']
  const eu = await startEdge(core, 'eu', 9, ...words)
  const clients = await crowd(eu, 40)
  await eu.end('SIGTERM', 20_000)
  expect(eu.ended()).toBe(0)
  const times = clients.map(one => one.closedAt).sort((a, b) => a - b)
  // Each worker has some 20 of them, and sends 10 per second away.
  expect(times.at(-1)! - times[0]!).toBeGreaterThan(1_000)
  await sleep(500)
  expect(await metric(core, 'http', 'meridian_core_wills_held_total')).toBe(40)
  expect(await metric(core, 'http', 'meridian_core_wills_published_total')).toBe(0)
})

test('what one worker is ordered all of them do, also one that dies meanwhile', async () => {
  const core = await startCore()
  const eu = await startEdge(core, 'eu', 9, '--workers', '2', '--limits-drain-clients-per-sec', '1000')
  const clients = await crowd(eu, 40)
  const order = async (method: string) => {
    const answer = await drain(eu, method)
    return [answer.status, await answer.json()]
  }
  const states = async () => {
    const workers = bootLines(eu.output()).filter(line => line.workers === undefined)
    const latest = new Map(workers.map(line => [line.id, line.listeners.at(-1)!.port]))
    return Promise.all([...latest.values()].map(async port => (await pageOf(port, '/readyz')).text))
  }
  expect(await order('GET')).toEqual([200, { draining: false, clients: 40 }])
  expect(await order('POST')).toEqual([202, { draining: true, clients: 40 }])
  expect(await states()).toEqual(['Draining\n', 'Draining\n'])
  await until('everybody to be gone', 20_000, () => clients.every(one => one.closedAt > 0) || undefined)
  expect(await order('GET')).toEqual([200, { draining: true, clients: 0 }])

  process.kill(eu.boot.workers![1]!, 'SIGKILL')
  await until('it to be started again', 20_000, () => bootLines(eu.output()).length === 4 || undefined)
  await until('it to drain', 20_000, async () => (await states()).every(text => text === 'Draining\n') || undefined)
  expect(await order('DELETE')).toEqual([200, { draining: false, clients: 0 }])
  await until('both to be ready', 20_000, async () => (await states()).every(text => text === 'ok\n') || undefined)
})

/** CONNECT, and what comes within that time. */
function arrive(one: Peer, clientId: string, withinMs: number) {
  one.send({ cmd: 'connect', clientId, clean: true, keepalive: 0, protocolVersion: one.version })
  return one.next(withinMs)
}

test('a storm while the core stands still: who is too many is told at once', async () => {
  const core = await startCore()
  const limits = ['--limits-claims-in-flight', '2', '--limits-claims-waiting', '3']
  const eu = await startEdge(core, 'eu', 9, ...limits)
  process.kill(core.pid, 'SIGSTOP')
  try {
    const patient = await Promise.all(Array.from({ length: 5 }, () => peer(eu, 5)))
    await Promise.all(patient.map((one, i) => arrive(one, `p${i}`, 300)))
    // The best of some rounds: what a busy machine adds is not ours.
    let bestMs = Number.POSITIVE_INFINITY
    for (let round = 0; round < 5; round++) {
      const peers = await Promise.all(Array.from({ length: 20 }, (_, i) => peer(eu, i < 10 ? 5 : 4)))
      const begun = performance.now()
      const refused = await Promise.all(peers.map((one, i) => arrive(one, `r${round}-${i}`, 2_000)))
      bestMs = Math.min(bestMs, performance.now() - begun)
      expect(refused.map(packet => packet?.code)).toEqual([...Array(10).fill(0x9f), ...Array(10).fill(3)])
    }
    expect(bestMs).toBeLessThan(100)
    process.kill(core.pid, 'SIGCONT')
    for (const one of patient) expect(await one.next(5_000)).toMatchObject({ cmd: 'connack', code: 0 })
    expect(await metric(eu, 'ws', 'meridian_claims_shed_total')).toBe(100)
    expect(await metric(eu, 'ws', 'meridian_claims')).toBe(0)
  } finally {
    process.kill(core.pid, 'SIGCONT')
  }
})
