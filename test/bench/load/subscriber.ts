/** The receiving side: reads PUBLISH frames straight from the chunk, accounts for them and acknowledges them in one write. */
import { acknowledge, flushAcks } from './acks.ts'
import { nowMs } from './clock.ts'
import { FrameCursor, PACKET, skipCounted } from './frames.ts'
import { type LoadOptions, streamOf } from './options.ts'
import { PAYLOAD_MIN_BYTES, readPublisher, readSeq, readTimeUs } from './payload.ts'
import type { Connection, Reader } from './socket.ts'
import type { Tally } from './tally.ts'

const cursor = new FrameCursor()

/** Reader of subscriber number `sub`. */
export const subscriberReader = (connection: Connection, o: LoadOptions, sub: number, tally: Tally): Reader => {
  const withProperties = o.version === 5
  return (buffer, from, to) => {
    const now = nowMs() * 1000
    let at = from
    while (cursor.next(buffer, at, to)) {
      const { head, body, end } = cursor
      at = end
      const type = head >> 4
      if (type === PACKET.publish) {
        const qos = (head >> 1) & 3
        let payload = body + 2 + ((buffer[body]! << 8) | buffer[body + 1]!)
        if (qos > 0) {
          acknowledge(qos === 1 ? 0x40 : 0x50, buffer, payload)
          payload += 2
        }
        if (withProperties) payload = skipCounted(buffer, payload)
        if (end - payload < PAYLOAD_MIN_BYTES) continue
        const time = readTimeUs(buffer, payload)
        if (tally.measures(time)) tally.latency.add(now - time)
        tally.ledger.record(streamOf(o, sub, readPublisher(buffer, payload)), readSeq(buffer, payload))
      } else if (type === PACKET.pubrel) {
        acknowledge(0x70, buffer, body)
      }
    }
    flushAcks(connection)
    tally.endChunk()
    return at
  }
}
