/** An MQTT client as the standard wants it, on a `Pipe`: keeps its side of QoS 1 and 2 across connections, and remembers what the application saw. Uses mqtt-packet, not the broker's codec. */
import { generate, type IPublishPacket, type Packet, parser } from 'mqtt-packet'
import type { TransportEvents } from '../../edge/listen/transport.ts'
import type { Gateway, Pipe } from './world.ts'

export interface Seen {
  readonly topic: string
  readonly text: string
  readonly qos: number
  readonly dup: boolean
  readonly retain: boolean
}

export class Client {
  readonly id: string
  readonly #world: Gateway
  readonly #version: 4 | 5
  #pipe: Pipe | undefined
  #events: TransportEvents | undefined
  #parser = parser()
  /** Received, and not looked at yet. */
  inbox: Packet[] = []
  /** What the application was given. */
  readonly seen: Seen[] = []
  /** Everything looked at, in order. */
  readonly log: Packet[] = []
  /** QoS 2 packet ids received and not released. */
  readonly #received = new Set<number>()
  /** Sent and not finished, in order; 'released' once PUBREC came. */
  readonly unacked = new Map<number, { packet: IPublishPacket; released: boolean }>()
  /** Texts of QoS ≥ 1 messages the broker acknowledged. */
  readonly acked: string[] = []
  /** Connections that were left open: the broker does not know yet that nobody is there. */
  readonly abandoned: TransportEvents[] = []
  #packetId = 0
  sessionPresent: boolean | undefined

  constructor(world: Gateway, id: string, version: 4 | 5 = 5) {
    this.#world = world
    this.id = id
    this.#version = version
  }

  get connected(): boolean {
    return this.#pipe !== undefined && !this.#pipe.ended
  }

  get pipe(): Pipe {
    if (this.#pipe === undefined) throw new Error(`${this.id} is not connected`)
    return this.#pipe
  }

  connect(options: { clean?: boolean; expirySec?: number; [key: string]: unknown } = {}): void {
    this.drop()
    const { clean = false, expirySec = 3600, ...rest } = options
    const { pipe, events } = this.#world.open()
    this.#pipe = pipe
    this.#events = events
    this.inbox = []
    this.sessionPresent = undefined
    this.#parser = parser({ protocolVersion: this.#version })
    this.#parser.on('packet', packet => this.inbox.push(packet))
    const properties =
      this.#version === 5 ? { properties: { sessionExpiryInterval: expirySec, ...(rest.properties as object) } } : {}
    this.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: this.#version,
      clientId: this.id,
      clean,
      keepalive: 0,
      ...rest,
      ...properties,
    } as Packet)
    this.#world.settle()
    this.receive()
    if (!this.connected) return
    if (clean) this.unacked.clear()
    for (const [messageId, one] of this.unacked)
      this.send(one.released ? { cmd: 'pubrel', messageId } : { ...one.packet, dup: true })
  }

  send(packet: Packet): void {
    if (this.connected) this.#world.feed(this.#pipe!, generate(packet, { protocolVersion: this.#version }))
  }

  /** Sends on another connection than its own. */
  sendOn(pipe: Pipe, packet: Packet): void {
    this.#world.feed(pipe, generate(packet, { protocolVersion: this.#version }))
  }

  /** The connection breaks; what was on its way is lost. */
  drop(): void {
    const events = this.#events
    this.#pipe = undefined
    this.#events = undefined
    this.inbox = []
    events?.closed()
  }

  /** Goes away, but the connection stays open for the broker until `abandoned` is told. */
  abandon(): void {
    if (this.#events !== undefined) this.abandoned.push(this.#events)
    this.lost()
  }

  /** DISCONNECT, and the end of the connection. */
  disconnect(reasonCode = 0, expirySec?: number): void {
    const properties = expirySec === undefined ? {} : { properties: { sessionExpiryInterval: expirySec } }
    const packet = this.#version === 5 ? { cmd: 'disconnect', reasonCode, ...properties } : { cmd: 'disconnect' }
    this.send(packet as Packet)
    this.drop()
  }

  /** The socket takes nothing more. */
  stall(): void {
    if (this.#pipe !== undefined) this.#pipe.stalled = true
  }

  /** The socket takes bytes again. */
  flow(): void {
    if (this.#pipe?.stalled !== true) return
    this.#pipe.stalled = false
    this.#events?.drained()
  }

  /** The broker is gone without a word. */
  lost(): void {
    this.#pipe = undefined
    this.#events = undefined
    this.inbox = []
  }

  /** SUBSCRIBE without waiting for its answer. */
  requestSubscribe(topic: string, qos: 0 | 1 | 2, more: object = {}): void {
    this.send({ cmd: 'subscribe', messageId: this.#nextId(), subscriptions: [{ topic, qos }], ...more } as Packet)
  }

  subscribe(topic: string, qos: 0 | 1 | 2, more: object = {}): void {
    this.requestSubscribe(topic, qos, more)
    this.#world.settle()
    this.receive()
  }

  unsubscribe(topic: string): void {
    this.send({ cmd: 'unsubscribe', messageId: this.#nextId(), unsubscriptions: [topic] })
    this.#world.settle()
    this.receive()
  }

  publish(topic: string, text: string, qos: 0 | 1 | 2, retain = false, expirySec?: number): void {
    const properties = expirySec === undefined ? {} : { properties: { messageExpiryInterval: expirySec } }
    const packet: IPublishPacket = { cmd: 'publish', topic, payload: text, qos, retain, dup: false, ...properties }
    if (qos > 0) {
      packet.messageId = this.#nextId()
      this.unacked.set(packet.messageId, { packet, released: false })
    }
    this.send(packet)
  }

  #nextId(): number {
    do this.#packetId = (this.#packetId % 0xffff) + 1
    while (this.unacked.has(this.#packetId))
    return this.#packetId
  }

  /** Takes from the pipe what was written, without answering yet. */
  receive(): void {
    if (this.#pipe === undefined) return
    const bytes = this.#pipe.take()
    if (bytes.length > 0) this.#parser.parse(Buffer.from(bytes))
    const first = this.inbox[0]
    if (first?.cmd === 'connack') {
      this.log.push(first)
      this.inbox.shift()
      if ((first.reasonCode ?? first.returnCode) !== 0) return
      this.sessionPresent = first.sessionPresent
      if (!first.sessionPresent) this.#received.clear()
    }
  }

  /** Looks at up to `count` packets and answers them as the standard says. Returns how many there were. */
  work(count = Number.POSITIVE_INFINITY): number {
    this.receive()
    let done = 0
    for (; done < count; done++) {
      const packet = this.inbox.shift()
      if (packet === undefined) break
      this.log.push(packet)
      this.#answer(packet)
    }
    return done
  }

  #answer(packet: Packet): void {
    switch (packet.cmd) {
      case 'publish':
        this.#take(packet)
        break
      case 'pubrel':
        this.#received.delete(packet.messageId!)
        this.send({ cmd: 'pubcomp', messageId: packet.messageId! } as Packet)
        break
      case 'pubrec': {
        const one = this.unacked.get(packet.messageId!)
        if (one !== undefined) one.released = true
        this.send({ cmd: 'pubrel', messageId: packet.messageId! } as Packet)
        break
      }
      case 'puback':
      case 'pubcomp': {
        const one = this.unacked.get(packet.messageId!)
        if (one !== undefined) this.acked.push(String(one.packet.payload))
        this.unacked.delete(packet.messageId!)
      }
    }
  }

  #take(packet: IPublishPacket): void {
    const { messageId } = packet
    if (packet.qos === 2) {
      if (!this.#received.has(messageId!)) this.#see(packet)
      this.#received.add(messageId!)
      this.send({ cmd: 'pubrec', messageId: messageId! } as Packet)
      return
    }
    this.#see(packet)
    if (packet.qos === 1) this.send({ cmd: 'puback', messageId: messageId! } as Packet)
  }

  #see(packet: IPublishPacket): void {
    this.seen.push({
      topic: packet.topic,
      text: String(packet.payload),
      qos: packet.qos,
      dup: packet.dup,
      retain: packet.retain,
    })
  }
}
