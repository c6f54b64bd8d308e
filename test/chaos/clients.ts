/** Clients that survive their broker: what they sent and received stays with them from one connection to the next. They keep books, the checker judges. */
import { show } from '../conversations/match.ts'
import { type Packet, Peer, type Target } from '../conversations/peer.ts'

const ANSWER_MS = 10_000
const HOUR = { sessionExpiryInterval: 3600 }

/** Something a broker must not do, in a sentence. */
export type Complain = (violation: string) => void

/** One client id with a kept session, connected anew after every crash. */
abstract class KeptClient {
  readonly name: string
  protected peer: Peer | undefined
  readonly #complain: Complain
  #known = false

  constructor(name: string, complain: Complain) {
    this.name = name
    this.#complain = complain
  }

  /** Connects, goes on where it was, and works in the background until the connection ends. */
  async connect(target: Target): Promise<void> {
    const peer = await Peer.open(target, 5)
    peer.send({ cmd: 'connect', protocolVersion: 5, clientId: this.name, clean: false, keepalive: 0, properties: HOUR })
    const connack = await peer.next(ANSWER_MS)
    if (connack?.cmd !== 'connack' || connack.code !== 0)
      throw new Error(`${this.name} was not accepted: ${show(connack)}`)
    if (this.#known && connack.sessionPresent !== true) this.#complain(`${this.name}: its session was lost`)
    this.peer = peer
    await this.begin(peer, this.#known)
    this.#known = true
    void this.#work(peer)
  }

  /** Ends the connection from the client's side, without DISCONNECT. */
  leave(): void {
    this.peer?.drop()
    this.peer = undefined
  }

  protected abstract begin(peer: Peer, known: boolean): Promise<void>
  protected abstract take(peer: Peer, packet: Packet): void

  async #work(peer: Peer): Promise<void> {
    while (!peer.ended) {
      const packet = await peer.next(1000)
      if (packet !== undefined) this.take(peer, packet)
    }
  }

  protected complain(violation: string): void {
    this.#complain(`${this.name}: ${violation}`)
  }
}

interface Sent {
  readonly topic: string
  readonly payload: string
  readonly retain: boolean
  /** `released`: PUBREC came, PUBREL is out. */
  state: 'sent' | 'released'
}

/** Publishes numbered messages, up to a window at once, and sends what is unacknowledged again after a crash. */
export class Publisher extends KeptClient {
  readonly qos: 1 | 2
  /** Messages published so far: the last one's number. */
  count = 0
  acknowledged = 0
  readonly #inflight = new Map<number, Sent>()
  #packetId = 0

  constructor(name: string, qos: 1 | 2, complain: Complain) {
    super(name, complain)
    this.qos = qos
  }

  get unacknowledged(): number {
    return this.#inflight.size
  }

  /** Sends one more message if the window and the connection allow. */
  publish(topic: string, payload: string, retain = false): boolean {
    if (this.peer === undefined || this.peer.ended || this.#inflight.size >= 20) return false
    this.#packetId = (this.#packetId % 65_535) + 1
    const sent: Sent = { topic, payload, retain, state: 'sent' }
    this.#inflight.set(this.#packetId, sent)
    this.#send(this.peer, this.#packetId, sent, false)
    return true
  }

  /** One more numbered message on its own topic. */
  next(): boolean {
    const sent = this.publish(`load/${this.name}`, `${this.name}:${this.count + 1}`)
    if (sent) this.count++
    return sent
  }

  protected override async begin(peer: Peer): Promise<void> {
    for (const [messageId, sent] of this.#inflight) {
      if (sent.state === 'sent') this.#send(peer, messageId, sent, true)
      else peer.send({ cmd: 'pubrel', messageId })
    }
  }

  protected override take(peer: Peer, packet: Packet): void {
    const messageId = Number(packet.messageId)
    const sent = this.#inflight.get(messageId)
    if (packet.cmd === 'pubrec') {
      if (sent !== undefined) sent.state = 'released'
      peer.send({ cmd: 'pubrel', messageId })
    } else if (packet.cmd === 'puback' || packet.cmd === 'pubcomp') {
      if (Number(packet.code) >= 0x80 && packet.cmd === 'puback') this.complain(`refused with ${packet.code}`)
      if (this.#inflight.delete(messageId)) this.acknowledged++
    } else this.complain(`got ${packet.cmd}`)
  }

  #send(peer: Peer, messageId: number, sent: Sent, dup: boolean): void {
    const { topic, payload, retain } = sent
    peer.send({ cmd: 'publish', topic, payload, qos: this.qos, retain, dup, messageId })
  }
}

/** Subscribes once, ever, and writes down every message it takes over. */
export class Subscriber extends KeptClient {
  /** Payloads in the order they were taken over, duplicates and all. */
  readonly taken: string[] = []
  readonly qos: 1 | 2
  readonly #filter: string
  /** QoS 2 packet ids taken over and not released: the same id again is the same message. */
  readonly #open = new Set<number>()

  constructor(name: string, filter: string, qos: 1 | 2, complain: Complain) {
    super(name, complain)
    this.#filter = filter
    this.qos = qos
  }

  protected override async begin(peer: Peer, known: boolean): Promise<void> {
    if (known) return
    const subscriptions = [{ topic: this.#filter, qos: this.qos, nl: false, rap: false, rh: 0 }]
    peer.send({ cmd: 'subscribe', messageId: 1, subscriptions })
    const suback = await peer.next(ANSWER_MS)
    if (suback?.cmd !== 'suback') throw new Error(`${this.name} got no SUBACK`)
  }

  protected override take(peer: Peer, packet: Packet): void {
    const messageId = Number(packet.messageId)
    if (packet.cmd === 'pubrel') {
      this.#open.delete(messageId)
      peer.send({ cmd: 'pubcomp', messageId })
    } else if (packet.cmd === 'publish' && packet.qos === 2) {
      if (!this.#open.has(messageId)) this.taken.push(String(packet.payload))
      this.#open.add(messageId)
      peer.send({ cmd: 'pubrec', messageId })
    } else if (packet.cmd === 'publish') {
      this.taken.push(String(packet.payload))
      if (packet.qos === 1) peer.send({ cmd: 'puback', messageId })
    } else this.complain(`got ${packet.cmd}`)
  }
}

/** A client of one connection that leaves a will. */
export async function mortal(target: Target, name: string, payload: string): Promise<Peer> {
  const peer = await Peer.open(target, 5)
  const will = { topic: `wills/${name}`, payload, qos: 2, retain: false }
  peer.send({ cmd: 'connect', protocolVersion: 5, clientId: name, clean: true, keepalive: 0, will })
  const connack = await peer.next(ANSWER_MS)
  if (connack?.cmd !== 'connack' || connack.code !== 0) throw new Error(`${name} was not accepted: ${show(connack)}`)
  return peer
}

/** Retained messages under a filter, as a new client gets them: topic → payload. */
export async function retainedUnder(target: Target, filter: string): Promise<ReadonlyMap<string, string>> {
  const peer = await Peer.open(target, 5)
  peer.send({ cmd: 'connect', protocolVersion: 5, clientId: 'retained-reader', clean: true, keepalive: 0 })
  await peer.next(ANSWER_MS)
  peer.send({
    cmd: 'subscribe',
    messageId: 1,
    subscriptions: [{ topic: filter, qos: 0, nl: false, rap: false, rh: 0 }],
  })
  await peer.next(ANSWER_MS)
  const found = new Map<string, string>()
  for (let packet = await peer.next(1000); packet !== undefined; packet = await peer.next(500)) {
    found.set(String(packet.topic), String(packet.payload))
  }
  peer.drop()
  return found
}
