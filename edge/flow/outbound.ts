/**
 * Messages from the core to one device: what goes out at once, what waits for room, and who gets what a leaving member has not
 * taken. The hot path of a delivery is `offer` → `transmit` → `Output`.
 *
 *   offer ─▶ window open ─────────▶ transmit (`window`)
 *     └────▶ queue (bounded) ──▶ refill ──┘
 *               └──▶ full: persistent → inbox (spooling), else drop or disconnect
 */
import type { Message, QoS } from '../../core/contract/message.ts'
import { NEVER } from '../../core/contract/message.ts'
import type { EdgeContext } from '../context.ts'
import type { ShareGroup } from '../route/share.ts'
import type { Target } from '../route/target.ts'
import type { Session } from '../session/session.ts'
import { Reason } from '../wire/reason.ts'
import { drop, mayReceive } from './drop.ts'
import { Entry, Source } from './entry.ts'
import { frameFor } from './frames.ts'
import { settle, taken, transmit, unhold } from './window.ts'

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
  if (!mayReceive(ctx, session, message)) {
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

function spool(ctx: EdgeContext, session: Session, message: Message): void {
  session.spooling = true
  session.spooledSinceAsked = true
  ctx.link.spool(session.key, session.epoch, message)
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
