/** A client's side of one kept session: what it has sent and not had acknowledged, which QoS 2 packet ids are open. Survives connections; opens none. */
import type { Record } from '../../history/recorder.ts'
import type { Packet, Wire } from './wire.ts'

/** Messages without acknowledgement at once. */
const WINDOW = 20
const ERROR = 0x80

interface Sent {
  readonly topic: string
  readonly payload: string
  readonly qos: 1 | 2
  readonly retain: boolean
  /** PUBREC came: the message is the server's, PUBREL is ours [MQTT-4.3.3]. */
  released: boolean
}

export class ClientSession {
  readonly #client: string
  readonly #record: Record
  readonly #inflight = new Map<number, Sent>()
  readonly #open = new Set<number>()
  #packetId = 0

  constructor(client: string, record: Record) {
    this.#client = client
    this.#record = record
  }

  get unacknowledged(): number {
    return this.#inflight.size
  }

  get hasRoom(): boolean {
    return this.#inflight.size < WINDOW
  }

  publish(wire: Wire, message: Omit<Sent, 'released'>): void {
    do this.#packetId = (this.#packetId % 65_535) + 1
    while (this.#inflight.has(this.#packetId))
    const sent = { ...message, released: false }
    this.#inflight.set(this.#packetId, sent)
    this.#send(wire, this.#packetId, sent, false)
  }

  /** After CONNACK: sends again what is unacknowledged, in the order it was sent first [MQTT-4.4.0-1] [MQTT-4.6.0-1]. */
  resume(wire: Wire, present: boolean): void {
    if (!present) this.#open.clear()
    for (const [messageId, sent] of this.#inflight) {
      if (!present) sent.released = false
      if (sent.released) wire.send({ cmd: 'pubrel', messageId })
      else this.#send(wire, messageId, sent, present)
    }
  }

  /** Answers a packet of a message exchange. False if it is none. */
  take(wire: Wire, connection: number, packet: Packet): boolean {
    const messageId = Number(packet.messageId)
    switch (packet.cmd) {
      case 'publish':
        this.#receive(wire, connection, packet)
        return true
      case 'pubrel':
        this.#open.delete(messageId)
        wire.send({ cmd: 'pubcomp', messageId })
        return true
      case 'puback':
        this.#settle(messageId, packet)
        return true
      case 'pubrec':
        if (this.#settle(messageId, packet)) wire.send({ cmd: 'pubrel', messageId })
        return true
      case 'pubcomp':
        this.#inflight.delete(messageId)
        return true
      default:
        return false
    }
  }

  #send(wire: Wire, messageId: number, sent: Sent, dup: boolean): void {
    const { topic, payload, qos, retain } = sent
    this.#record({ is: 'sent', client: this.#client, topic, payload, qos, retain, dup })
    wire.send({ cmd: 'publish', messageId, topic, payload, qos, retain, dup })
  }

  #receive(wire: Wire, connection: number, packet: Packet): void {
    const [topic, payload, dup] = [String(packet.topic), String(packet.payload), packet.dup === true]
    const qos = Number(packet.qos) as 0 | 1 | 2
    const packetId = Number(packet.messageId ?? 0)
    const taken = !(qos === 2 && this.#open.has(packetId))
    this.#record({ is: 'received', client: this.#client, connection, topic, payload, qos, dup, packetId, taken })
    if (qos === 2) this.#open.add(packetId)
    if (qos > 0) wire.send({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId: packetId })
  }

  /** PUBACK or PUBREC. True if the exchange goes on. */
  #settle(messageId: number, packet: Packet): boolean {
    const sent = this.#inflight.get(messageId)
    const code = Number(packet.reasonCode ?? 0)
    if (sent === undefined) return packet.cmd === 'pubrec' && code < ERROR
    if (code >= ERROR) {
      this.#inflight.delete(messageId)
      this.#record({ is: 'wrong', client: this.#client, what: `${sent.payload} was refused with ${code}` })
      return false
    }
    if (!sent.released) this.#record({ is: 'acknowledged', client: this.#client, payload: sent.payload })
    sent.released = true
    if (packet.cmd === 'puback') this.#inflight.delete(messageId)
    return true
  }
}
