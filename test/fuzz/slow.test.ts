/** Clients that do not read, and floods, over TCP: memory stays within the limits, what is dropped is counted, what is promised comes in order, and others notice nothing. */
import type { Packet } from 'mqtt-packet'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Broker, startMeridian } from '../harness/broker.ts'
import { sleep, until } from '../harness/process.ts'
import { numberOf, Sluggish } from './sluggish.ts'
import { expectQuiet, healthyPair, metric, rss } from './victim.ts'

const MiB = 1024 * 1024
const SIZE = 16 * 1024
/** 100 MB. */
const COUNT = 6400
const LIMITS = {
  connectionOutBytes: 2 * MiB,
  sessionQueueBytes: 4 * MiB,
  inboxBytes: 16 * MiB,
  maxSubscriptionsPerSession: 5000,
}

let broker: Broker
beforeAll(async () => {
  broker = await startMeridian({ config: { limits: LIMITS } })
}, 30_000)
afterAll(async () => {
  await broker?.kill()
})

/** Runs `flood` beside a healthy pair. */
async function beside(flood: () => Promise<void>, growthMiB: number): Promise<void> {
  const from = rss(broker.pid)
  const pair = await healthyPair(broker)
  await flood()
  const grown = (rss(broker.pid) - from) / MiB
  const latencies = await pair.stop()
  expect(grown, 'Growth of RSS. MiB').toBeLessThan(growthMiB)
  expect(latencies[Math.floor(latencies.length * 0.99)] ?? 0, 'p99 of the healthy pair. ms').toBeLessThan(1000)
  await expectQuiet(broker)
}

async function sleeper(clientId: string, qos: 0 | 1, expirySec: number): Promise<Sluggish> {
  const client = await Sluggish.join(broker.tcpPort, clientId, expirySec)
  await client.subscribe(clientId, qos)
  client.stopReading()
  return client
}

test('QoS 0 for who does not read is dropped and counted', async () => {
  await beside(async () => {
    const reader = await sleeper('asleep0', 0, 0)
    const publisher = await Sluggish.join(broker.tcpPort, 'p', 0)
    const before = await metric(broker, 'meridian_messages_dropped_total')
    await publisher.pump('asleep0', 0, COUNT, SIZE)
    expect((await metric(broker, 'meridian_messages_dropped_total')) - before).toBeGreaterThan(COUNT / 2)
    for (const client of [reader, publisher]) client.leave()
  }, 150)
}, 60_000)

test('QoS 1 for a session that ends with its connection waits in its queue, and no more than that', async () => {
  await beside(async () => {
    const reader = await sleeper('asleep1', 1, 0)
    const publisher = await Sluggish.join(broker.tcpPort, 'p', 0)
    const before = await metric(broker, 'meridian_messages_dropped_total')
    await publisher.pump('asleep1', 1, COUNT, SIZE)
    expect(await metric(broker, 'meridian_queued_bytes')).toBeLessThan(LIMITS.sessionQueueBytes + 2 * SIZE)
    expect((await metric(broker, 'meridian_messages_dropped_total')) - before).toBeGreaterThan(COUNT / 2)
    const numbers = await readAll(reader)
    // The newest are kept, and all that came is in order.
    expect(numbers.at(-1)).toBe(COUNT - 1)
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
    for (const client of [reader, publisher]) client.leave()
  }, 200)
}, 60_000)

test('QoS 1 for a kept session fills its inbox to the bound, and comes in order once it reads', async () => {
  await beside(async () => {
    const reader = await sleeper('asleep-kept', 1, 2)
    const publisher = await Sluggish.join(broker.tcpPort, 'p', 0)
    await publisher.pump('asleep-kept', 1, COUNT, SIZE)
    expect(await metric(broker, 'meridian_core_inbox_bytes')).toBeLessThanOrEqual(LIMITS.inboxBytes)
    const numbers = await readAll(reader)
    expect(numbers.at(-1)).toBe(COUNT - 1)
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
    // The inbox kept the newest without a gap.
    const kept = Math.floor(LIMITS.inboxBytes / (SIZE + 200))
    expect(numbers.slice(-kept)).toEqual(Array.from({ length: kept }, (_, i) => COUNT - kept + i))
    await until('an empty inbox', 5000, async () =>
      (await metric(broker, 'meridian_core_inbox_messages')) === 0 ? true : undefined,
    )
    for (const client of [reader, publisher]) client.leave()
  }, 250)
}, 60_000)

/** Reads and acknowledges until the last message. */
async function readAll(reader: Sluggish): Promise<number[]> {
  const numbers: number[] = []
  reader.onPacket = packet => {
    if (packet.cmd !== 'publish') return
    numbers.push(numberOf(packet))
    reader.send({ cmd: 'puback', messageId: packet.messageId } as Packet)
  }
  reader.read()
  await reader.until('the last message', () => numbers.at(-1) === COUNT - 1, 20_000)
  return numbers
}

test('PINGREQ after PINGREQ without reading: the broker stops reading too', async () => {
  await beside(async () => {
    const client = await Sluggish.join(broker.tcpPort, 'pinger', 0)
    client.stopReading()
    const pings = Buffer.alloc(64 * 1024, Buffer.from([0xc0, 0]))
    let written = 0
    for (; written < 64 * MiB; written += pings.length) if (!client.raw(pings) && !(await client.taken(500))) break
    expect(written).toBeLessThan(64 * MiB)
    client.leave()
  }, 150)
}, 60_000)

test('SUBSCRIBE after SUBSCRIBE, read or not: no more subscriptions than allowed', async () => {
  await beside(async () => {
    for (const reads of [true, false]) {
      const client = await Sluggish.join(broker.tcpPort, 'subscriber', 0)
      const refused = { count: 0, answers: 0 }
      client.onPacket = packet => {
        if (packet.cmd !== 'suback') return
        refused.answers++
        refused.count += packet.granted.filter(code => code === 0x97).length
      }
      if (!reads) client.stopReading()
      for (let n = 0; n < 150; n++) {
        const subscriptions = Array.from({ length: 100 }, (_, i) => ({ topic: `${n}/+/${i}/#`, qos: 1 as const }))
        client.send({ cmd: 'subscribe', messageId: n + 1, subscriptions })
        await client.taken(500)
      }
      if (reads) {
        await client.until('all SUBACK', () => refused.answers === 150)
        expect(refused.count).toBe(150 * 100 - LIMITS.maxSubscriptionsPerSession)
      } else await sleep(300)
      expect(await metric(broker, 'meridian_subscriptions')).toBeLessThanOrEqual(LIMITS.maxSubscriptionsPerSession + 1)
      client.leave()
      await until('its subscriptions to go', 5000, async () =>
        (await metric(broker, 'meridian_subscriptions')) <= 1 ? true : undefined,
      )
    }
  }, 150)
}, 60_000)
