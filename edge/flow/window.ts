/**
 * What is out to one device, or about to be: packet ids, the journal before them, acknowledgements. Whether there is room is for
 * `outbound` to say, which hands copies over here.
 *
 *   transmit ─▶ (journal) ─▶ send ─▶ Output        inflight: PUBACK / PUBREC, PUBCOMP ─▶ finish ─▶ settle
 */
import { type Message, NEVER } from '../../core/contract/message.ts'
import type { EdgeContext } from '../context.ts'
import type { ShareGroup } from '../route/share.ts'
import type { Session } from '../session/session.ts'
import { PUBREL } from '../wire/packets.ts'
import { Reason } from '../wire/reason.ts'
import type { Doubt } from './doubt.ts'
import { drop, mayReceive } from './drop.ts'
import { type Entry, Source, State } from './entry.ts'
import { frameFor } from './frames.ts'

/** Puts a copy into the window and sends it, or finishes it if it cannot or need not be sent any more. */
export function transmit(ctx: EdgeContext, session: Session, entry: Entry, now: number): void {
  const message = entry.message
  if (entry.packetId === 0) {
    if (session.doubt !== undefined) releaseDoubtful(ctx, session, session.doubt, entry.qos)
    entry.packetId = session.nextPacketId()
  } else session.restoredIds?.delete(entry.packetId)
  session.track(entry)
  ctx.stats.nowInflight++
  // Rights may have changed since it was sent on an earlier connection [CVE-2018-12546].
  if (entry.dup && message !== undefined && !mayReceive(ctx, session, message)) {
    finish(ctx, session, entry)
    return
  }
  if (message === undefined || entry.state === State.Received) {
    entry.state = State.Received
    session.connection.output.ack(PUBREL, entry.packetId)
    ctx.stats.retransmissions++
    ctx.touch(session.connection)
    return
  }
  if (expired(ctx, session, entry, message, now)) return
  if (entry.qos === 2 && session.persistent && !entry.dup) {
    entry.state = State.Journaling
    session.journaling++
    // Once sent it stays with this session [MQTT-4.8.2-5].
    if (entry.group !== undefined) taken(ctx, session, entry.group, message)
    ctx.link.journal(session.key, session.epoch, { step: 'out', packetId: entry.packetId, message }, () => {
      session.journaling--
      try {
        if (session.connection.serves(session)) journaled(ctx, session, entry, message)
      } catch (error) {
        session.connection.failed(error)
      }
    })
    return
  }
  if (session.journaling === 0) return send(ctx, session, entry, message, now)
  // Behind those that are not in the log yet: messages keep their order whatever their QoS.
  entry.state = State.Journaling
  entry.after = session.journaled + session.journaling
  session.behind.push(entry)
}

function releaseDoubtful(ctx: EdgeContext, session: Session, doubt: Doubt, qos: 1 | 2): void {
  for (const id of doubt.next(session, qos)) session.connection.output.ack(PUBREL, id)
  ctx.touch(session.connection)
}

/** It is in the log: it goes out, and what waited only for it. */
function journaled(ctx: EdgeContext, session: Session, entry: Entry, message: Message): void {
  const now = ctx.now()
  sendLate(ctx, session, entry, message, now)
  session.journaled++
  for (let next = session.behind[0]; next !== undefined && next.after <= session.journaled; next = session.behind[0]) {
    session.behind.shift()
    sendLate(ctx, session, next, next.message!, now)
  }
  if (session.queue.length > 0 || session.spooling) session.connection.refill()
}

function sendLate(ctx: EdgeContext, session: Session, entry: Entry, message: Message, now: number): void {
  if (entry.state === State.Journaling && !expired(ctx, session, entry, message, now))
    send(ctx, session, entry, message, now)
}

/** What is over before it is sent for the first time is not sent at all [MQTT-3.3.2-5]. */
function expired(ctx: EdgeContext, session: Session, entry: Entry, message: Message, now: number): boolean {
  if (message.expiresAt === NEVER || now < message.expiresAt || entry.dup) return false
  drop(ctx, session, message, 'expired')
  finish(ctx, session, entry)
  return true
}

function send(ctx: EdgeContext, session: Session, entry: Entry, message: Message, now: number): void {
  const frame = frameFor(ctx, message, session, entry.target.ids, entry.qos, entry.retain, entry.dup, now)
  if (frame.bytes.length > session.maxPacketBytes) {
    drop(ctx, session, message, 'too-large')
    finish(ctx, session, entry)
    return
  }
  entry.state = State.Sent
  if (entry.dup) ctx.stats.retransmissions++
  else if (entry.qos === 1) ctx.stats.deliveries1++
  else ctx.stats.deliveries2++
  session.connection.output.publish(frame, entry.packetId)
  ctx.touch(session.connection)
}

/** Takes a copy out of the window for good. */
function finish(ctx: EdgeContext, session: Session, entry: Entry): void {
  session.untrack(entry)
  ctx.stats.nowInflight--
  settle(ctx, session, entry)
}

/** This recipient needs the message no more: tells the core, where the core waits or keeps a record. */
export function settle(ctx: EdgeContext, session: Session, entry: Entry): void {
  const { message, group } = entry
  if (isRecorded(session, entry))
    ctx.link.journal(session.key, session.epoch, { step: 'done', packetId: entry.packetId, message })
  if (message !== undefined && group !== undefined) taken(ctx, session, group, message)
  unhold(ctx, entry)
}

/** The core has it in this session's name: in the inbox, in the record, in the log, or by the packet id of its QoS 2 exchange. */
const isRecorded = (session: Session, { source, qos }: Entry): boolean =>
  source === Source.Inbox || source === Source.Saved || (session.persistent && (source === Source.Live || qos === 2))

export function taken(ctx: EdgeContext, session: Session, group: ShareGroup, message: Message): void {
  if (group.durableMembers > 0)
    ctx.link.journal(session.key, session.epoch, { step: 'taken', group: group.filter, message })
}

/** PUBACK, PUBREC, PUBCOMP of the device. An id or state that does not fit is answered as the standard says and changes nothing. */
export function acknowledged(
  ctx: EdgeContext,
  session: Session,
  type: 4 | 5 | 7,
  packetId: number,
  reason: number,
): void {
  const entry = session.inflight.get(packetId)
  if (type === 4) {
    if (entry?.qos === 1 && entry.state === State.Sent) finish(ctx, session, entry)
  } else if (type === 7) {
    if (session.doubt !== undefined) session.doubt.answered = true
    if (entry?.state === State.Received) finish(ctx, session, entry)
  } else if (entry === undefined || entry.qos !== 2 || entry.state < State.Sent) {
    // PUBREL answers a PUBREC below 0x80 only [MQTT-4.3.3-4].
    if (reason < 0x80) session.connection.answerAck(PUBREL, packetId, Reason.PacketIdentifierNotFound)
  } else if (reason >= 0x80) {
    // [MQTT-4.3.3-4] of 5.0: an error in PUBREC ends the exchange; the packet id is free again.
    finish(ctx, session, entry)
  } else received(ctx, session, entry)
}

function received(ctx: EdgeContext, session: Session, entry: Entry): void {
  const release = () => {
    session.connection.output.ack(PUBREL, entry.packetId)
    ctx.touch(session.connection)
  }
  if (entry.state === State.Recording) return
  const again = entry.state === State.Received
  entry.state = State.Received
  if (!session.persistent || again) return release()
  entry.state = State.Recording
  ctx.link.journal(session.key, session.epoch, { step: 'rec', packetId: entry.packetId }, () => {
    if (!session.connection.serves(session) || entry.state !== State.Recording) return
    entry.state = State.Received
    release()
  })
}

/** The core need not wait for this copy any more. */
export function unhold(ctx: EdgeContext, entry: Entry): void {
  if (!entry.held) return
  entry.held = false
  if (--entry.message!.pending === 0) ctx.link.delivered(entry.message!)
}
