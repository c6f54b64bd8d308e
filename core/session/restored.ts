/** A session as the state has it: offline until somebody claims it. Knows no other session. */
import type { SessionRecord } from '../state/port.ts'
import { Session } from './session.ts'

export function restored(record: SessionRecord): Session {
  const s = new Session(record.client, record.since)
  s.asOf = record.asOf
  s.epoch = record.epoch
  s.expirySec = record.expirySec
  s.offlineAt = record.offlineAt
  s.will = record.will
  s.heldUntil = record.heldUntil
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
