/** Sends what waits in the outbox over the connection: in order, within the window, nothing that the broker would end the connection over. Keeps no message. */
import type { BrokerLimits, Connection } from './connection.ts'
import { DeviceError } from './error.ts'
import { packetBytes } from './message.ts'
import { type Entry, type Outbox, remainingSec } from './outbox.ts'

const UNLIMITED: BrokerLimits = { receiveMaximum: 0xffff, maximumQos: 2, maximumPacketBytes: Number.POSITIVE_INFINITY }
/** Reason codes a broker has for what it does not take: QoS not supported, Packet too large. */
const QOS_NOT_SUPPORTED = 0x9b
const PACKET_TOO_LARGE = 0x95

export class Feeder {
  readonly #outbox: Outbox
  readonly #connection: Pick<Connection, 'isUp' | 'publish' | 'release'>
  readonly #maxInflight: number
  #allows = UNLIMITED
  #isHeld = false
  #isFeeding = false

  constructor(outbox: Outbox, connection: Pick<Connection, 'isUp' | 'publish' | 'release'>, maxInflight: number) {
    this.#outbox = outbox
    this.#connection = connection
    this.#maxInflight = maxInflight
  }

  /** A new connection, to a broker that takes so much. */
  connected(sessionPresent: boolean, allows: BrokerLimits): void {
    this.#allows = allows
    this.#isHeld = false
    this.#outbox.connected(sessionPresent)
  }

  /** Nothing more goes out on this connection. */
  hold(): void {
    this.#isHeld = true
  }

  /** Sends as much as may be on its way. */
  feed(): void {
    if (this.#isFeeding) return
    this.#isFeeding = true
    try {
      const window = Math.min(this.#maxInflight, this.#allows.receiveMaximum)
      while (this.#connection.isUp && !this.#isHeld && this.#outbox.inFlight < window) {
        const entry = this.#outbox.next(Date.now())
        if (entry === undefined) break
        this.#send(entry)
      }
    } finally {
      this.#isFeeding = false
    }
  }

  #send(entry: Entry): void {
    const { message, released, mayBeSent } = entry
    const { properties, packetId, topic, qos } = message
    const reason = this.#refusal(entry)
    if (reason !== undefined) {
      const text = `Message to '${topic}' with QoS ${qos} and ${entry.bytes} bytes is more than the broker takes`
      this.#outbox.settle(packetId, new DeviceError('refused', text, reason))
    } else if (released) this.#connection.release(message)
    else {
      const left = { messageExpiryInterval: Math.max(1, remainingSec(message, Date.now())) }
      const now = properties.messageExpiryInterval === undefined ? properties : { ...properties, ...left }
      entry.mayBeSent = true
      this.#connection.publish(message, now, mayBeSent)
    }
  }

  #refusal({ message }: Entry): number | undefined {
    if (message.qos > this.#allows.maximumQos) return QOS_NOT_SUPPORTED
    return packetBytes(message) > this.#allows.maximumPacketBytes ? PACKET_TOO_LARGE : undefined
  }
}
