/** What random lives of linked cores share: clients that publish, work, leave and come back, and what each subscriber must have seen at the end. */
import fc, { type Arbitrary } from 'fast-check'
import { expect } from 'vitest'
import type { Client } from './client.ts'
import { comeToRest, op } from './life.ts'
import type { Gateway } from './world.ts'

const TOPICS = ['a/1', 'a/2']

interface Size {
  readonly clients: number
  /** So many of them, the first ones, publish; the others subscribe. */
  readonly publishers: number
  /** Where each of them may connect. */
  readonly edges: number
}

/** What clients do, and time. */
export const daily = ({ clients, publishers, edges }: Size) => {
  const who = fc.nat(clients - 1)
  return [
    op(9, 'publish', {
      by: fc.nat(publishers - 1),
      topic: fc.nat(TOPICS.length - 1),
      qos: fc.constantFrom<(1 | 2)[]>(1, 2),
    }),
    op(8, 'work', { who, count: fc.integer({ min: 1, max: 5 }) }),
    op(2, 'drop', { who }),
    op(3, 'connect', { who, edge: fc.nat(edges - 1) }),
    op(5, 'settle'),
    op(5, 'turn', { count: fc.integer({ min: 1, max: 4 }) }),
    op(2, 'pass', { ms: fc.constantFrom(250, 1000, 2250, 6000) }),
  ] as const
}

type Made<A> = A extends Arbitrary<infer O> ? O : never
type Daily = Made<ReturnType<typeof daily>[number]['arbitrary']>

export class Crowd {
  readonly #world: Pick<Gateway, 'settle' | 'turn' | 'pass'>
  readonly #size: Size
  readonly #connect: (who: number, edge: number) => void
  readonly clients: readonly Client[]
  #n = 0

  /** All of them connect, each at one edge after the other. */
  constructor(
    world: Pick<Gateway, 'settle' | 'turn' | 'pass'>,
    clients: readonly Client[],
    size: Size,
    connect: (who: number, edge: number) => void,
  ) {
    this.#world = world
    this.clients = clients
    this.#size = size
    this.#connect = connect
    for (const i of clients.keys()) connect(i, i % size.edges)
  }

  step(o: Daily): void {
    const { clients } = this
    switch (o.do) {
      case 'publish': {
        const by = clients[o.by]!
        if (by.connected) by.publish(TOPICS[o.topic]!, `${o.by}:${o.topic}:${o.qos}:${++this.#n}`, o.qos)
        break
      }
      case 'work':
        clients[o.who]!.work(o.count)
        break
      case 'drop':
        clients[o.who]!.drop()
        break
      case 'connect':
        this.#connect(o.who, o.edge)
        break
      case 'settle':
        this.#world.settle()
        break
      case 'turn':
        for (let i = 0; i < o.count; i++) this.#world.turn()
        break
      case 'pass':
        this.#world.pass(o.ms)
    }
  }

  /** Everybody comes back, wherever, and works until nothing moves. */
  finish(): void {
    const { clients } = this
    for (let round = 0; round < 60; round++) {
      this.#world.pass(1000)
      for (const [i, client] of clients.entries())
        if (!client.connected) this.#connect(i, (i + round) % this.#size.edges)
      if (round > 15 && clients.every(c => c.connected)) break
    }
    comeToRest(this.#world, clients)
    for (const client of clients) expect(client.connected, `${client.id} stays connected`).toBe(true)
  }

  /** What publishers were told is safe. */
  get acked(): readonly string[] {
    return this.clients.slice(0, this.#size.publishers).flatMap(c => c.acked)
  }
}

/** Everything acknowledged that it `wants` at least once, QoS 2 once, and in order. */
export function sawAll(client: Client, acked: readonly string[], wants: (text: string) => boolean = () => true): void {
  const texts = client.seen.map(s => s.text)
  for (const text of acked) if (wants(text)) expect(texts, `${client.id} lost ${text}`).toContain(text)
  sawOnce(client)
  inOrder(client.id, texts)
}

export function sawOnce({ id, seen }: Client): void {
  const twice = seen.filter(s => s.qos === 2).map(s => s.text)
  expect(new Set(twice).size, `${id} saw a QoS 2 message twice: ${twice}`).toBe(twice.length)
}

/** First deliveries of one publisher on one topic and QoS come in order [MQTT-4.6.0-6]; a lost edge's QoS 2 messages in flight come before the rest. */
function inOrder(id: string, texts: readonly string[]): void {
  const last = new Map<string, number>()
  for (const text of new Set(texts)) {
    const [by, topic, qos, n] = text.split(':')
    const stream = `${by}:${topic}:${qos}`
    expect(Number(n), `${id}: ${text} came after ${stream}:${last.get(stream)}`).toBeGreaterThan(last.get(stream) ?? 0)
    last.set(stream, Number(n))
  }
}
