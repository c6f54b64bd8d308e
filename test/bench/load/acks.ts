/** Collects the acknowledgements of one chunk so that they leave in one write. */
import type { Connection } from './socket.ts'

const ACK_BYTES = 4
let scratch = Buffer.allocUnsafeSlow(64 * 1024)
let used = 0

/** Appends an acknowledgement with header byte `head` for the packet id at `buffer[at]`. */
export const acknowledge = (head: number, buffer: Uint8Array, at: number): void => {
  if (used + ACK_BYTES > scratch.length) scratch = Buffer.concat([scratch, scratch])
  scratch[used] = head
  scratch[used + 1] = 2
  scratch[used + 2] = buffer[at]!
  scratch[used + 3] = buffer[at + 1]!
  used += ACK_BYTES
}

/** Writes what was collected since the last flush; every reader calls it before it returns. */
export const flushAcks = (connection: Connection): void => {
  if (used === 0) return
  const bytes = Buffer.allocUnsafe(used)
  scratch.copy(bytes, 0, 0, used)
  used = 0
  connection.write(bytes)
}
