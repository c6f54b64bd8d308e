/**
 * Messages from the core to one device: window, queue, acknowledgements. The hot path of a delivery is `offer` → `Output`.
 *
 *   offer ─▶ window open ─────────▶ Output ─▶ socket      inflight: PUBACK / PUBREC, PUBCOMP ─▶ settle
 *     └────▶ queue (bounded) ──▶ refill ──┘
 *               └──▶ full: persistent → inbox (spooling), else drop or disconnect
 */
import type { Message, QoS } from '../../core/contract/message.ts'
import { NEVER } from '../../core/contract/message.ts'
import type { EdgeContext } from '../context.ts'
import type { ShareGroup } from '../route/share.ts'
import type { Target } from '../route/target.ts'
import type { Session } from '../session/session.ts'
import type { EdgeEvent } from '../stats.ts'
import type { Frame } from '../wire/frame.ts'
import { PUBREL } from '../wire/packets.ts'
import { Reason } from '../wire/reason.ts'
import { Entry, Source, State } from './entry.ts'
import { isShared, ownFrame, sharedFrame } from './frames.ts'

type DropCause = Extract<EdgeEvent, { is: 'dropped' }>['why']

/** Gives `message` to the session of `target`. Never blocks, never throws: what has no room is queued, spooled or dropped. */
export function offer(
  ctx: EdgeContext,
  message: Message,
  target: Target,
  group: ShareGroup | undefined,
  source: Source,
  now: number,
): void {
  const session = target.session
  // It had to leave during the fan-out that is under way. A persistent one takes it all the same: what it holds stays in the log.
  if (session.ended && !session.persistent) return
  const retain = message.retain && (source === Source.Retained || target.retainAsPublished || message.target !== '')
  const qos: QoS = message.qos < target.qos ? message.qos : target.qos
  if (ctx.auth.authorizer.unrestricted('receive') === false && !mayReceive(ctx, session, message)) {
    drop(ctx, session, message, 'not-allowed')
    if (qos > 0 && source === Source.Inbox)
      ctx.link.journal(session.key, session.epoch, { step: 'done', packetId: 0, message })
    return
  }
  if (qos === 0) {
    sendQos0(ctx, session, message, target, retain, now)
    if (group !== undefined && message.qos > 0) taken(ctx, session, group, message)
    if (source === Source.Inbox) ctx.link.journal(session.key, session.epoch, { step: 'done', packetId: 0, message })
    return
  }
  if (session.spooling && source === Source.Live) {
    spool(ctx, session, message)
    return
  }
  const entry = new Entry(message, target, qos, retain, group, source, now)
  // A group may have members that are not connected: what nobody took is theirs, also after a crash.
  if (source === Source.Live && (session.persistent || group !== undefined)) {
    entry.held = true
    message.pending++
  }
  enqueue(ctx, session, entry, now)
}

function mayReceive(ctx: EdgeContext, session: Session, message: Message): boolean {
  return ctx.auth.authorizer.allows(session.identity, 'receive', message.topic)
}

/** Rights may have changed since it was sent on an earlier connection [CVE-2018-12546]. */
function mayStillReceive(ctx: EdgeContext, session: Session, message: Message): boolean {
  if (ctx.auth.authorizer.unrestricted('receive') || mayReceive(ctx, session, message)) return true
  drop(ctx, session, message, 'not-allowed')
  return false
}

/** Sends at once if window and order allow, else queues within bounds. */
function enqueue(ctx: EdgeContext, session: Session, entry: Entry, now: number): void {
  if (session.queuedBytes === 0 && session.windowOpen) {
    transmit(ctx, session, entry, now)
    return
  }
  if (session.queueFull && entry.source === Source.Live) {
    overflow(ctx, session, entry, now)
    return
  }
  pushQueue(ctx, session, entry)
}

export function pushQueue(ctx: EdgeContext, session: Session, entry: Entry): void {
  entry.message?.compact()
  session.queue.push(entry)
  session.queuedBytes += entry.bytes
  ctx.stats.nowQueuedMessages++
  ctx.stats.nowQueuedBytes += entry.bytes
}

function shiftQueue(ctx: EdgeContext, session: Session): Entry | undefined {
  const entry = session.queue.shift()
  if (entry === undefined) return undefined
  session.queuedBytes -= entry.bytes
  ctx.stats.nowQueuedMessages--
  ctx.stats.nowQueuedBytes -= entry.bytes
  return entry
}

function overflow(ctx: EdgeContext, session: Session, entry: Entry, now: number): void {
  const message = entry.message!
  const other = entry.group?.pick(message, session)
  if (other?.session.canTake()) {
    ctx.stats.shareRedispatched++
    offer(ctx, message, other, entry.group, entry.source, now)
    unhold(ctx, entry)
  } else if (session.persistent) {
    spool(ctx, session, message)
    unhold(ctx, entry)
  } else if (ctx.settings.slowConsumer === 'disconnect') {
    settle(ctx, session, entry)
    if (session.connection.serves(session)) ctx.stats.slowClosed++
    session.connection.close(Reason.QuotaExceeded, 'Queue of a slow consumer is full')
  } else if (ctx.settings.dropPolicy === 'newest' || (session.queue.peek()?.packetId ?? 1) !== 0) {
    // What was sent on an earlier connection is under way and stays.
    drop(ctx, session, message, 'queue-full')
    settle(ctx, session, entry)
  } else {
    const oldest = shiftQueue(ctx, session)!
    if (oldest.message !== undefined) drop(ctx, session, oldest.message, 'queue-full')
    settle(ctx, session, oldest)
    pushQueue(ctx, session, entry)
  }
}

/** The core need not wait for this copy any more. */
function unhold(ctx: EdgeContext, entry: Entry): void {
  if (!entry.held) return
  entry.held = false
  if (--entry.message!.pending === 0) ctx.link.delivered(entry.message!)
}

function spool(ctx: EdgeContext, session: Session, message: Message): void {
  session.spooling = true
  session.spooledSinceAsked = true
  ctx.link.spool(session.key, session.epoch, message)
}

function drop(ctx: EdgeContext, session: Session, message: Message, why: DropCause): void {
  if (why === 'slow') ctx.stats.droppedSlowQos0++
  else if (why === 'queue-full') ctx.stats.droppedQueueFull++
  else if (why === 'too-large') ctx.stats.droppedTooLarge++
  else if (why === 'expired') ctx.stats.droppedExpired++
  else ctx.stats.droppedNotAllowed++
  ctx.events({ is: 'dropped', client: session.key, topic: message.topic, why })
}

function sendQos0(
  ctx: EdgeContext,
  session: Session,
  message: Message,
  target: Target,
  retain: boolean,
  now: number,
): void {
  const connection = session.connection
  const out = connection.output
  if (message.expiresAt !== NEVER && now >= message.expiresAt) {
    drop(ctx, session, message, 'expired')
    return
  }
  if (out.bytes > ctx.limits.connectionOutBytes || out.count > ctx.limits.connectionOutMessages) {
    // A long turn is not the device's fault: slow is who does not take what is written.
    connection.flush()
    if (out.count > 0) {
      drop(ctx, session, message, 'slow')
      return
    }
  }
  const frame = frameFor(ctx, message, session, target.ids, 0, retain, false, now)
  if (frame.bytes.length > session.maxPacketBytes) {
    drop(ctx, session, message, 'too-large')
    return
  }
  out.publish(frame, 0)
  ctx.stats.deliveries0++
  ctx.touch(connection)
}

const frameFor = (
  ctx: EdgeContext,
  message: Message,
  session: Session,
  ids: readonly number[],
  qos: QoS,
  retain: boolean,
  dup: boolean,
  now: number,
): Frame =>
  isShared(message, session, ids, dup)
    ? sharedFrame(message, session.version, qos, retain)
    : ownFrame(message, session, ids, qos, retain, dup, now, ctx.stats)

/** Puts a copy into the window and sends it, or finishes it if it cannot or need not be sent any more. */
function transmit(ctx: EdgeContext, session: Session, entry: Entry, now: number): void {
  const message = entry.message
  if (entry.packetId === 0) entry.packetId = session.nextPacketId()
  else session.restoredIds?.delete(entry.packetId)
  session.track(entry)
  ctx.stats.nowInflight++
  if (entry.dup && message !== undefined && !mayStillReceive(ctx, session, message)) {
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
export function finish(ctx: EdgeContext, session: Session, entry: Entry): void {
  session.untrack(entry)
  ctx.stats.nowInflight--
  settle(ctx, session, entry)
}

/** This recipient needs the message no more: tells the core, where the core waits or keeps a record. */
function settle(ctx: EdgeContext, session: Session, entry: Entry): void {
  const { message, group } = entry
  if (isRecorded(session, entry))
    ctx.link.journal(session.key, session.epoch, { step: 'done', packetId: entry.packetId, message })
  if (message !== undefined && group !== undefined) taken(ctx, session, group, message)
  unhold(ctx, entry)
}

/** The core has it in this session's name: in the inbox, in the record, in the log, or by the packet id of its QoS 2 exchange. */
const isRecorded = (session: Session, { source, qos }: Entry): boolean =>
  source === Source.Inbox || source === Source.Saved || (session.persistent && (source === Source.Live || qos === 2))

function taken(ctx: EdgeContext, session: Session, group: ShareGroup, message: Message): void {
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

/** Moves what waits into the window as far as it is open. True if there is room for more than the queue held. */
export function refillWindow(ctx: EdgeContext, session: Session, now: number): boolean {
  for (let next = session.queue.peek(); next !== undefined; next = session.queue.peek()) {
    if (!session.windowOpen) return false
    shiftQueue(ctx, session)
    transmit(ctx, session, next, now)
  }
  return session.windowOpen
}

/**
 * Gives up what a leaving member of shared groups has not taken: QoS 1 and what was never sent goes to another member
 * [MQTT-4.8.2-5, -6 of 5.0: a QoS 2 message that was sent stays with its session]. Call before the session is released.
 */
export function redispatch(ctx: EdgeContext, session: Session, now: number): void {
  const gone: Entry[] = []
  for (const entry of session.inflight.values()) if (entry.group !== undefined && entry.qos === 1) gone.push(entry)
  const keep: Entry[] = []
  for (let entry = shiftQueue(ctx, session); entry !== undefined; entry = shiftQueue(ctx, session))
    if (entry.group !== undefined && !entry.dup) gone.push(entry)
    else keep.push(entry)
  for (const entry of keep) pushQueue(ctx, session, entry)
  for (const entry of gone) handOver(ctx, session, entry, now)
}

function handOver(ctx: EdgeContext, session: Session, entry: Entry, now: number): void {
  const message = entry.message!
  const to = entry.group!.pick(message, session)
  const logged = entry.source === Source.Live
  // What is in this session's record and not in the log may only go where it is as durable.
  if (session.persistent && (to === undefined || !(logged || to.session.persistent))) {
    if (session.inflight.get(entry.packetId) !== entry) pushQueue(ctx, session, entry)
    return
  }
  if (session.untrack(entry)) ctx.stats.nowInflight--
  if (to === undefined) {
    ctx.link.giveBack(entry.group!.filter, message)
    unhold(ctx, entry)
    return
  }
  ctx.stats.shareRedispatched++
  if (session.persistent && !logged)
    ctx.link.journal(session.key, session.epoch, { step: 'done', packetId: entry.packetId, message })
  try {
    if (logged) offer(ctx, message, to, entry.group, Source.Live, now)
    else {
      spool(ctx, to.session, message)
      ctx.touch(to.session.connection)
    }
  } catch (error) {
    to.session.connection.failed(error)
  }
  unhold(ctx, entry)
}
