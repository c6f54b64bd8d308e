/** A session as the state has it, and back: offline until somebody claims it. Knows no other session. */
import type { InboxStore } from '../inbox/port.ts'
import type { Turn } from '../link/turn.ts'
import type { SessionRecord } from '../state/port.ts'
import type { Flights } from './flights.ts'
import { Session } from './session.ts'

export interface RecordParts {
  readonly turn: Pick<Turn, 'next'>
  readonly flights: Pick<Flights, 'inflight'>
  readonly store: Pick<InboxStore, 'mark'>
}

export const recordOf = (s: Session, { turn, flights, store }: RecordParts): SessionRecord => ({
  client: s.client,
  epoch: s.epoch,
  since: s.since,
  asOf: turn.next,
  expirySec: s.expirySec,
  offlineAt: s.offlineAt,
  will: s.will,
  heldUntil: s.heldUntil,
  comesFrom: s.comesFrom,
  inflight: flights.inflight(s),
  received: [...(s.received?.keys() ?? [])],
  inbox: store.mark(s.client),
})

export function restored(record: SessionRecord): Session {
  const s = new Session(record.client, record.since)
  s.asOf = record.asOf
  s.epoch = record.epoch
  s.expirySec = record.expirySec
  s.offlineAt = record.offlineAt
  s.will = record.will
  s.heldUntil = record.heldUntil
  s.comesFrom = record.comesFrom
  s.stored = true
  for (const { packetId, state, qos, retain, message } of record.inflight) {
    s.inflight ??= new Map()
    s.inflight.set(packetId, { state, qos, retain, message, envelope: undefined, recorded: true })
  }
  for (const packetId of record.received) {
    s.received ??= new Map()
    s.received.set(packetId, { envelope: undefined, recorded: true })
  }
  return s
}
