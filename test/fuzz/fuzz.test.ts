/** Hostile clients over TCP, in a sequence that a seed decides (MERIDIAN_FUZZ_SEED; MERIDIAN_FUZZ_MS makes each attack longer): the broker stays up, small and quiet, and others notice nothing. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seeded } from '../chaos/random.ts'
import { type Broker, startMeridian } from '../harness/broker.ts'
import { sleep } from '../harness/process.ts'
import { below, goodConnect, pieces, type Random, randomBytes, spoil, validPackets } from './bytes.ts'
import { attack, expectQuiet, healthyPair, metric, rss } from './victim.ts'

const seed = Number(process.env.MERIDIAN_FUZZ_SEED ?? Date.now() % 1_000_000)
const ATTACK_MS = Number(process.env.MERIDIAN_FUZZ_MS ?? 1500)
const ATTACKERS = 16
const CONNECT_TIMEOUT_MS = 500
const MiB = 1024 * 1024

let broker: Broker
let before = 0

beforeAll(async () => {
  broker = await startMeridian({ config: { limits: { connectTimeoutMs: CONNECT_TIMEOUT_MS } } })
  before = rss(broker.pid)
}, 30_000)
afterAll(async () => {
  await broker?.kill()
})

/** Runs attackers side by side for a while, with a healthy pair among them. */
async function under(attackOnce: (random: Random, n: number) => Promise<unknown>): Promise<void> {
  const pair = await healthyPair(broker)
  const end = Date.now() + ATTACK_MS
  let n = 0
  await Promise.all(
    Array.from({ length: ATTACKERS }, async (_, i) => {
      const random = seeded(seed * 31 + i)
      while (Date.now() < end) await attackOnce(random, n++)
    }),
  )
  const latencies = await pair.stop()
  const p99 = latencies[Math.floor(latencies.length * 0.99)] ?? 0
  expect(p99, `p99 of the healthy pair with seed ${seed}, ${n} attacks. ms`).toBeLessThan(1000)
  expect(n).toBeGreaterThan(ATTACKERS)
  await expectQuiet(broker)
  expect((rss(broker.pid) - before) / MiB, 'Growth of RSS. MiB').toBeLessThan(250)
}

const packets = { 4: validPackets(4, seed, 400), 5: validPackets(5, seed, 400) }
const versionOf = (n: number): 4 | 5 => (n % 2 === 0 ? 5 : 4)
const anyOf = (random: Random, version: 4 | 5): Buffer => packets[version][below(random, 400)]!

test('random bytes', async () => {
  await under(random => attack(broker.tcpPort, pieces(randomBytes(random, 1 + below(random, 500)), random), 30))
}, 60_000)

test('spoilt packets first', async () => {
  await under((random, n) => {
    const start = random() < 0.5 ? goodConnect(`m${n}`, versionOf(n)) : anyOf(random, versionOf(n))
    return attack(broker.tcpPort, pieces(Buffer.concat([spoil(start, random), anyOf(random, 5)]), random), 30)
  })
}, 60_000)

test('spoilt packets among good ones after CONNECT', async () => {
  await under((random, n) => {
    const version = versionOf(n)
    const stream = Array.from({ length: below(random, 12) }, () => {
      const packet = anyOf(random, version)
      return random() < 0.5 ? packet : spoil(packet, random)
    })
    return attack(broker.tcpPort, pieces(Buffer.concat([goodConnect(`m${n}`, version), ...stream]), random), 40)
  })
}, 60_000)

test('good packets in any order, in one piece with CONNECT or before it', async () => {
  await under((random, n) => {
    const version = versionOf(n)
    const stream = Array.from({ length: 1 + below(random, 12) }, () => anyOf(random, version))
    if (random() < 0.9) stream.splice(below(random, 2), 0, goodConnect(`m${n}`, version))
    return attack(broker.tcpPort, pieces(Buffer.concat(stream), random), 40)
  })
}, 60_000)

test('half a packet, or none, then silence: closed in time', async () => {
  const silent = Array.from({ length: 40 }, (_, n) => {
    const connect = goodConnect(`m${n}`, versionOf(n))
    return attack(broker.tcpPort, n === 0 ? [] : [connect.subarray(0, n % connect.length)], CONNECT_TIMEOUT_MS + 4000)
  })
  for (const closedAfterMs of await Promise.all(silent)) expect(closedAfterMs).toBeDefined()
  await expectQuiet(broker)
}, 60_000)

test('huge lengths are refused at once, not waited for or reserved', async () => {
  const malformed = await metric(broker, 'meridian_malformed_packets_total')
  const huge = Buffer.from('fdffff7f', 'hex').subarray(1)
  const from = rss(broker.pid)
  const refused = await Promise.all(
    Array.from({ length: 200 }, (_, n) => {
      const type = Buffer.from([n % 4 === 0 ? 0x10 : 0x30])
      const first = n % 4 === 0 ? [] : [goodConnect(`m${n}`, versionOf(n))]
      return attack(
        broker.tcpPort,
        [Buffer.concat([...first, type, Buffer.from([0xff]), huge, Buffer.alloc(1000)])],
        4000,
      )
    }),
  )
  expect(refused.filter(ms => ms === undefined)).toEqual([])
  expect(await metric(broker, 'meridian_malformed_packets_total')).toBe(malformed + 200)
  expect((rss(broker.pid) - from) / MiB).toBeLessThan(100)
  await expectQuiet(broker)
}, 60_000)

test('thousands of connections that come and go', async () => {
  await under((random, n) => {
    const connect = goodConnect(random() < 0.3 ? 'same' : `m${n}`, versionOf(n))
    const bytes = n % 3 === 0 ? [] : n % 3 === 1 ? [connect] : [connect, Buffer.from([0xe0, 0])]
    return attack(broker.tcpPort, bytes, n % 5)
  })
}, 60_000)

test('afterwards it works as before', async () => {
  const pair = await healthyPair(broker)
  await sleep(300)
  expect((await pair.stop()).length).toBeGreaterThan(5)
  await expectQuiet(broker)
}, 60_000)
