/** The longer calls of an edge as records, laid out as `core/contract/link/records.ts` says. Writes bytes; knows neither session nor answers. `req`: number of the call. */
import type { ByteWriter } from '../../core/contract/codec.ts'
import type { ClientKey, Tenant, TopicFilter } from '../../core/contract/ids.ts'
import { type Outgoing, writeOutgoing } from '../../core/contract/link/outgoing.ts'
import { FromEdge, StepCode, writeOutbound, writeRef, writeWill } from '../../core/contract/link/records.ts'
import type { ClaimRequest, Release, Step } from '../../core/contract/link.ts'
import type { Farewell } from './farewells.ts'

export function writeClaim(
  out: ByteWriter,
  req: number,
  { client, cleanStart, expirySec, will, epoch }: ClaimRequest,
): void {
  out.u8(FromEdge.claim)
  out.varint(req)
  out.text(client)
  out.u8((cleanStart ? 1 : 0) | (will === undefined ? 0 : 2) | (epoch === undefined ? 0 : 4))
  out.varint(expirySec)
  if (will !== undefined) writeWill(out, will)
  if (epoch !== undefined) out.varint(epoch)
}

const AGAIN = 4

/** `req` 0: nobody waits for the answer. */
export function writeJournal(out: ByteWriter, req: number, client: ClientKey, epoch: number, step: Step): void {
  out.u8(FromEdge.journal)
  out.varint(req)
  out.text(client)
  out.varint(epoch)
  out.u8(StepCode[step.step])
  if (step.step === 'taken') {
    out.text(step.group)
    writeRef(out, step.message, true)
    return
  }
  out.varint(step.packetId)
  if (step.step === 'out') writeRef(out, step.message, false)
  else if (step.step === 'done') writeRef(out, step.message, true)
}

/** `seen`: the last delivery that came. */
export function writeRelease(out: ByteWriter, client: ClientKey, epoch: number, release: Release, seen: number): void {
  writeEnd(out, client, epoch, release, 0)
  out.varint(seen)
  writeOutbound(out, release.outbound)
}

/** The same again, to a core that may know nothing of it. `now`: ms since the epoch. */
export function writeFarewell(out: ByteWriter, farewell: Farewell, now: number): void {
  writeEnd(out, farewell.client, farewell.epoch, farewell, AGAIN)
  out.varint(Math.max(0, Math.floor(now - farewell.at)))
}

/** A record per client. */
export function writeSent(out: ByteWriter, sent: ReadonlyMap<ClientKey, readonly Outgoing[]>): void {
  for (const [client, list] of sent) {
    out.u8(FromEdge.sent)
    out.text(client)
    writeOutgoing(out, list)
  }
}

type End = Pick<Release, 'will' | 'sentAway' | 'expirySec'>

function writeEnd(
  out: ByteWriter,
  client: ClientKey,
  epoch: number,
  { will, sentAway, expirySec }: End,
  flags: number,
) {
  out.u8(FromEdge.release)
  out.text(client)
  out.varint(epoch)
  out.u8((will ? 1 : 0) | (sentAway === true ? 2 : 0) | flags)
  out.varint(expirySec)
}

export interface RetainedQuery {
  readonly tenant: Tenant
  readonly filter: TopicFilter
  readonly cursor: string | undefined
  readonly limit: number
}

export function writeRetained(out: ByteWriter, req: number, { tenant, filter, cursor, limit }: RetainedQuery): void {
  out.u8(FromEdge.retained)
  out.varint(req)
  out.text(tenant)
  out.text(filter)
  out.u8(cursor === undefined ? 0 : 1)
  if (cursor !== undefined) out.text(cursor)
  out.varint(limit)
}
