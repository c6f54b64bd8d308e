/** The sending side of one publisher: an open loop whose backlog waits here, with its scheduled times, when the broker holds it back. */
import { acknowledge, flushAcks } from './acks.ts'
import { nowMs } from './clock.ts'
import { FrameCursor, PACKET, type PublishTemplate } from './frames.ts'
import { writeStamp } from './payload.ts'
import type { Connection, Reader } from './socket.ts'
import type { Tally } from './tally.ts'

const MAX_PER_WRITE = 256
const PACKET_IDS = 65_535
const cursor = new FrameCursor()

export interface PublisherSettings {
  readonly index: number
  readonly qos: 0 | 1 | 2
  readonly window: number
  readonly template: PublishTemplate
  /** Scheduled time of a sequence number, in microseconds. */
  readonly timeUs: (seq: number) => number
}

export class Publisher {
  readonly #connection: Connection
  readonly #settings: PublisherSettings
  readonly #tally: Tally
  #seq = 0
  #owed = 0
  #inflight = 0

  constructor(connection: Connection, settings: PublisherSettings, tally: Tally) {
    this.#connection = connection
    this.#settings = settings
    this.#tally = tally
    connection.reader = this.#read
    connection.onDrain = () => this.flush()
  }

  /** One more message is due. True if it is the first that waits: the caller flushes later in this turn. */
  owe(): boolean {
    return this.#owed++ === 0
  }

  /** Forgets what is due but was not sent. */
  stop(): void {
    this.#owed = 0
  }

  /** Writes what is due, as far as window and socket allow. */
  flush(): void {
    while (this.#owed > 0 && !this.#connection.blocked && !this.#connection.closed) {
      const room = this.#settings.qos === 0 ? MAX_PER_WRITE : this.#settings.window - this.#inflight
      const count = Math.min(this.#owed, room, MAX_PER_WRITE)
      if (count <= 0) return
      this.#send(count)
    }
  }

  #send(count: number): void {
    const { index, qos, template, timeUs } = this.#settings
    const size = template.bytes.length
    const out = Buffer.allocUnsafe(count * size)
    const tally = this.#tally
    const now = nowMs() * 1000
    for (let i = 0, at = 0; i < count; i++, at += size) {
      const seq = this.#seq++
      const time = timeUs(seq)
      template.bytes.copy(out, at)
      if (qos > 0) out.writeUInt16BE(1 + (seq % PACKET_IDS), at + template.packetIdAt)
      writeStamp(out, at + template.payloadAt, time, index, seq)
      if (tally.measures(time)) {
        tally.sentMeasured++
        tally.late.add(now - time)
      }
    }
    this.#owed -= count
    if (qos > 0) this.#inflight += count
    tally.sent += count
    this.#connection.write(out)
  }

  readonly #read: Reader = (buffer, from, to) => {
    const now = nowMs() * 1000
    let at = from
    while (cursor.next(buffer, at, to)) {
      const { head, body, end } = cursor
      at = end
      const type = head >> 4
      if (type === PACKET.pubrec) {
        acknowledge(0x62, buffer, body)
      } else if (type === PACKET.puback || type === PACKET.pubcomp) {
        const time = this.#settings.timeUs(this.#seqOf((buffer[body]! << 8) | buffer[body + 1]!))
        if (this.#tally.measures(time)) this.#tally.ack.add(now - time)
        this.#tally.acked++
        this.#inflight--
      }
    }
    flushAcks(this.#connection)
    this.flush()
    this.#tally.endChunk()
    return at
  }

  /** Packet ids follow the sequence numbers, so the latest sequence number with this id is the one meant. */
  #seqOf(packetId: number): number {
    const newest = this.#seq - 1
    return newest - ((newest - (packetId - 1)) % PACKET_IDS)
  }
}
