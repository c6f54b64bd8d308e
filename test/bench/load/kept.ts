/** Sessions that outlive their connections, with messages of their own waiting for them: what `takeover` and `offline` share. */
import { acknowledge, flushAcks } from './acks.ts'
import { DISCONNECT, FrameCursor, PACKET, publishTemplate, skipCounted } from './frames.ts'
import type { LoadOptions } from './options.ts'
import { readPublisher, readSeq, writeStamp } from './payload.ts'
import { type Connection, dial, type Reader, subscribe } from './socket.ts'

const EXPIRY_SECS = 600
const cursor = new FrameCursor()

const topicOf = (o: LoadOptions, session: number): string => `${o.prefix}/k/${session}`
const clientOf = (o: LoadOptions, session: number): string => `${o.prefix}-k${session}`

/** Subscribes with QoS 1 and takes nothing: messages stay in flight and behind the window. */
export const openKept = async (o: LoadOptions, session: number, receiveMaximum = 65_535): Promise<Connection> => {
  const kept = { expirySecs: EXPIRY_SECS, receiveMaximum }
  const connection = await dial(o.host, o.port, 5, clientOf(o, session), kept)
  await subscribe(connection, 5, topicOf(o, session), 1, (_buffer, _from, to) => to)
  return connection
}

/** DISCONNECT; resolves when the connection is closed. */
export const closeKept = (connection: Connection): Promise<void> =>
  new Promise(done => {
    connection.onClose = done
    connection.end(DISCONNECT)
  })

/** Comes back, acknowledges what comes and tells session and number of each message. Resolves with the CONNACK. */
export const resumeKept = (
  o: LoadOptions,
  port: number,
  session: number,
  record: (session: number, seq: number) => void,
): Promise<Connection> =>
  dial(o.host, port, 5, clientOf(o, session), { expirySecs: EXPIRY_SECS }, connection => takes(connection, record))

const takes = (connection: Connection, record: (session: number, seq: number) => void): Reader => {
  return (buffer, from, to) => {
    let at = from
    for (; cursor.next(buffer, at, to); at = cursor.end) {
      const { head, body } = cursor
      if (head >> 4 !== PACKET.publish) continue
      const id = body + 2 + ((buffer[body]! << 8) | buffer[body + 1]!)
      acknowledge(0x40, buffer, id)
      const payload = skipCounted(buffer, id + 2)
      record(readPublisher(buffer, payload), readSeq(buffer, payload))
    }
    flushAcks(connection)
    return at
  }
}

/** The PUBLISH with number `seq` to a session; `place` is its place on the connection it goes through. */
export const keptFrame = (o: LoadOptions, session: number, seq: number, place: number): Buffer => {
  const { bytes, packetIdAt, payloadAt } = publishTemplate(5, topicOf(o, session), 1, o.size)
  bytes.writeUInt16BE(1 + (place % 65_535), packetIdAt)
  writeStamp(bytes, payloadAt, 0, session, seq)
  return bytes
}
