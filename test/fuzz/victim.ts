/** The broker under attack: what it says of itself, and two well-behaved clients beside the attack that time every message. */
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { expect } from 'vitest'
import { Peer } from '../conversations/peer.ts'
import type { Broker } from '../harness/broker.ts'
import { sleep, until } from '../harness/process.ts'

const PAGE_BYTES = 4096
/** Resident set of a process. Bytes. */
export const rss = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES

/** The value of a metric without labels, or the sum over its labels. */
export async function metric(broker: Broker, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${broker.httpPort}/metrics`)).text()
  let sum: number | undefined
  for (const line of text.split('\n'))
    if (line.startsWith(`${name} `) || line.startsWith(`${name}{`)) sum = (sum ?? 0) + Number(line.split(' ').at(-1))
  if (sum === undefined) throw new Error(`Metric '${name}' is not there`)
  return sum
}

/** Lines that a broker must not write whatever comes in. */
export const complaints = (broker: Broker): string[] =>
  broker
    .output()
    .split('\n')
    .filter(line => /"level":(?:50|60)|internal|\bat .*:\d+:\d+/i.test(line))

/** Sends the pieces, waits for the end or `lingerMs`, and goes away. Never fails: the other side may do what it likes. Resolves to the milliseconds until the broker closed, or undefined. */
export function attack(port: number, bytes: readonly Buffer[], lingerMs: number): Promise<number | undefined> {
  return new Promise(resolve => {
    const from = performance.now()
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let closedAt: number | undefined
    const timer = setTimeout(() => socket.destroy(), lingerMs)
    socket.on('connect', () => {
      for (const piece of bytes) socket.write(piece)
    })
    socket.on('data', () => {})
    socket.on('error', () => {})
    socket.on('end', () => {
      closedAt = performance.now() - from
      socket.destroy()
    })
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(closedAt)
    })
  })
}

const EVERY_MS = 20
const LOOK_MS = 50

/** A publisher and a subscriber with QoS 1. `stop` checks that everything arrived, and returns the latencies in ms, sorted. */
export async function healthyPair(broker: Broker): Promise<{ stop: () => Promise<number[]> }> {
  const target = { transport: 'tcp', host: broker.host, tcpPort: broker.tcpPort, wsUrl: broker.wsUrl } as const
  const [publisher, subscriber] = await Promise.all([Peer.open(target, 5), Peer.open(target, 5)])
  for (const [peer, clientId] of [
    [publisher, 'healthy-publisher'],
    [subscriber, 'healthy-subscriber'],
  ] as const) {
    peer.send({ cmd: 'connect', protocolVersion: 5, clientId, clean: true, keepalive: 0 })
    expect((await peer.next(5000))?.code).toBe(0)
  }
  subscriber.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'healthy', qos: 1 }] })
  expect((await subscriber.next(5000))?.cmd).toBe('suback')
  const sentAt: number[] = []
  const latencies: number[] = []
  let running = true
  const reading = (async () => {
    let silentMs = 0
    while (running || latencies.length < sentAt.length) {
      const packet = await subscriber.next(LOOK_MS)
      if (subscriber.ended) throw new Error('The healthy subscriber was disconnected')
      silentMs = packet === undefined ? silentMs + LOOK_MS : 0
      if (silentMs > 3000)
        throw new Error(`${sentAt.length - latencies.length} messages of the healthy pair are missing`)
      if (packet === undefined) continue
      latencies.push(performance.now() - sentAt[Number(packet.payload)]!)
      subscriber.send({ cmd: 'puback', messageId: packet.messageId })
    }
  })()
  const writing = (async () => {
    while (running) {
      const n = sentAt.push(performance.now()) - 1
      publisher.send({ cmd: 'publish', topic: 'healthy', payload: `${n}`, qos: 1, messageId: (n % 1000) + 1 })
      await sleep(EVERY_MS)
    }
  })()
  return {
    async stop() {
      running = false
      await Promise.all([reading, writing])
      publisher.drop()
      subscriber.drop()
      return latencies.sort((a, b) => a - b)
    },
  }
}

/** No connection is left, and nobody complained. */
export async function expectQuiet(broker: Broker): Promise<void> {
  await until('all connections to be gone', 5000, async () =>
    (await metric(broker, 'meridian_connections')) === 0 ? true : undefined,
  )
  for (const gauge of ['sessions', 'subscriptions', 'inflight_messages', 'queued_messages', 'queued_bytes'])
    expect([gauge, await metric(broker, `meridian_${gauge}`)]).toEqual([gauge, 0])
  expect(complaints(broker)).toEqual([])
}
