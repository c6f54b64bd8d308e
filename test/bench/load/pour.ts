/** Publishes a known number of QoS 1 messages through one connection as fast as their acknowledgements allow. */
import { FrameCursor, PACKET } from './frames.ts'
import type { Connection } from './socket.ts'

const cursor = new FrameCursor()

/** Resolves with the last PUBACK. `frameOf` gives the PUBLISH number i, packet id included. The connection stays open. */
export const pour = (
  connection: Connection,
  count: number,
  window: number,
  frameOf: (i: number) => Buffer,
): Promise<void> => {
  let sent = 0
  let acked = 0
  const send = (): void => {
    const frames: Buffer[] = []
    for (; sent < count && sent - acked < window; sent++) frames.push(frameOf(sent))
    if (frames.length > 0) connection.write(Buffer.concat(frames))
  }
  return new Promise<void>((done, failed) => {
    connection.onClose = () => failed(new Error(`Connection closed after ${acked} of ${count} messages`))
    connection.reader = (buffer, from, to) => {
      let at = from
      for (; cursor.next(buffer, at, to); at = cursor.end) if (cursor.head >> 4 === PACKET.puback) acked++
      if (acked < count) send()
      else {
        connection.onClose = () => undefined
        done()
      }
      return at
    }
    send()
  })
}
