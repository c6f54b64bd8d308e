/** What an edge tells a core that knows nothing of it about the QoS 2 messages it has sent to a client: the shape and its bytes. Decides nothing. */
import type { ByteReader, ByteWriter } from '../codec.ts'
import type { Incarnation } from '../ids.ts'
import { readList, writeList } from './records.ts'

/** `received`: PUBREC came. `done`: PUBCOMP came. */
export type OutgoingState = 'sent' | 'received' | 'done'

/** The client had been sent the message `origin`/`seq` under this packet id, on the connection of this epoch. */
export interface Outgoing {
  readonly packetId: number
  readonly epoch: number
  readonly state: OutgoingState
  readonly origin: Incarnation
  readonly seq: number
}

const STATES = ['sent', 'received', 'done'] as const

/** Per message: packet id, epoch, state (0, 1, 2), flag, [origin], seq. `origin` is left out if it is that of the message before. */
export function writeOutgoing(w: ByteWriter, list: readonly Outgoing[]): void {
  let previous = ''
  writeList(w, list, ({ packetId, epoch, state, origin, seq }) => {
    w.varint(packetId)
    w.varint(epoch)
    w.u8(STATES.indexOf(state))
    w.u8(origin === previous ? 0 : 1)
    if (origin !== previous) w.text(origin)
    previous = origin
    w.varint(seq)
  })
}

export function readOutgoing(r: ByteReader): Outgoing[] {
  let origin = '' as Incarnation
  return readList(r, () => {
    const packetId = r.varint()
    const epoch = r.varint()
    const code = r.u8()
    const state = STATES[code]
    if (state === undefined) throw new RangeError(`State ${code} of a sent message in a frame`)
    if (r.u8() !== 0) origin = r.text() as Incarnation
    return { packetId, epoch, state, origin, seq: r.varint() }
  })
}
