/** Reads a session's inbox back, in order, before live messages; and hands what is un-acked over to the core when asked or when the connection ends. */
import type { InboxPage } from '../../core/contract/link.ts'
import { type Message, retainedFor } from '../../core/contract/message.ts'
import type { Inflight, Outbound, SessionState, Subscription } from '../../core/contract/session.ts'
import { matches, parseShare } from '../../core/topic/validate.ts'
import type { EdgeContext } from '../context.ts'
import { mergeTarget, NO_IDS, type Target } from '../route/target.ts'
import type { Session } from '../session/session.ts'
import { Entry, Source, State } from './entry.ts'
import { offer, pushQueue } from './outbound.ts'

/** Asks for the next page if the inbox holds something and none is under way. */
export function askDrain(ctx: EdgeContext, session: Session): void {
  if (!session.spooling || session.drainAsked) return
  session.drainAsked = true
  session.spooledSinceAsked = false
  ctx.link.drain(session.key, session.epoch, ctx.limits.drainPageMessages, page =>
    session.connection.guard(() => takePage(ctx, session, page)),
  )
}

function takePage(ctx: EdgeContext, session: Session, page: InboxPage): void {
  if (!session.connection.serves(session)) return
  const now = ctx.now()
  session.drainAsked = false
  for (const message of page.messages) offer(ctx, message, targetFor(session, message), undefined, Source.Inbox, now)
  if (page.end && !session.spooledSinceAsked) session.spooling = false
  session.connection.refill()
}

/** What the session's subscriptions say of a message that was spooled as published. */
function targetFor(session: Session, message: Message): Target {
  const matching: Subscription[] = []
  for (const s of session.subscriptions.values())
    if (matches(parseShare(s.filter)?.filter ?? s.filter, message.topic)) matching.push(s)
  if (matching.length > 0) {
    const target = mergeTarget(session, matching)
    return message.sender === session.key ? (target.own?.target ?? target) : target
  }
  return { session, qos: message.qos, retainAsPublished: false, ids: NO_IDS, own: undefined }
}

/** Puts the in-flight messages of an earlier connection before everything else, to be sent again in their order [MQTT-4.4.0-1, MQTT-4.6.0-1]. */
export function restoreInflight(ctx: EdgeContext, session: Session, state: SessionState, now: number): void {
  for (const one of state.inflight) {
    const target =
      one.message === undefined
        ? { session, qos: 2 as const, retainAsPublished: false, ids: NO_IDS, own: undefined }
        : targetFor(session, one.message)
    const entry = new Entry(one.message, target, one.qos, one.retain, undefined, Source.Saved, now)
    entry.packetId = one.packetId
    entry.dup = true
    if (one.state === 'received') entry.state = State.Received
    session.restoredIds ??= new Set()
    session.restoredIds.add(one.packetId)
    pushQueue(ctx, session, entry)
  }
  if (state.received.length > 0) {
    session.received = new Map(state.received.map(id => [id, true]))
    session.resumedIds = new Set(state.received)
  }
  session.spooling = state.queued
}

/** What is in flight and what waits, in order, for `save` or `release`; `waiting` says which of the waiting ones. Does not change the session. */
export function outboundOf(session: Session, waiting: (entry: Entry) => boolean = () => true): Outbound {
  const inflight: Inflight[] = []
  const queue: Message[] = []
  for (const entry of session.inflight.values()) inflight.push(inflightOf(entry))
  for (const entry of session.queue.peekAll())
    if (entry.packetId !== 0) inflight.push(inflightOf(entry))
    else if (entry.message !== undefined && waiting(entry))
      queue.push(entry.source === Source.Retained ? retainedFor(session.key, entry.message) : entry.message)
  return { inflight, queue }
}

const inflightOf = (entry: Entry): Inflight =>
  entry.state >= State.Recording
    ? { packetId: entry.packetId, state: 'received', qos: entry.qos, retain: entry.retain, message: undefined }
    : { packetId: entry.packetId, state: 'sent', qos: entry.qos, retain: entry.retain, message: entry.message }

/** The inbox holds it already, and it is read only once in an epoch. */
const notInInbox = (entry: Entry): boolean => entry.source !== Source.Inbox

/** Stores what has been un-acked since before `before`, so that the log can go on; what waits and is not in the inbox moves there. */
export function saveOverdue(ctx: EdgeContext, session: Session, before: number): void {
  if (!session.persistent || !overdue(session, before)) return
  ctx.link.save(session.key, session.epoch, outboundOf(session, notInInbox))
  for (const entry of session.inflight.values()) {
    entry.source = Source.Saved
    answered(ctx, entry)
  }
  const kept: Entry[] = []
  let spooled = false
  for (const entry of session.queue.drain()) {
    ctx.stats.nowQueuedMessages--
    ctx.stats.nowQueuedBytes -= entry.bytes
    if (entry.packetId !== 0 || entry.source === Source.Inbox) kept.push(entry)
    else {
      answered(ctx, entry)
      spooled = true
    }
  }
  session.queuedBytes = 0
  for (const entry of kept) pushQueue(ctx, session, entry)
  if (!spooled) return
  session.spooling = true
  session.spooledSinceAsked = true
}

/** Retained messages are nowhere else: they are overdue as soon as anybody looks. What waits is in order: its first live message is the oldest. */
function overdue(session: Session, before: number): boolean {
  for (const entry of session.inflight.values())
    if (entry.source === Source.Retained || (entry.source === Source.Live && entry.at < before)) return true
  const first = session.queue.find(entry => entry.source === Source.Live)
  return first !== undefined && first.at < before
}

/**
 * A session that ends with its connection has nowhere to save to: what a shared group gave it before `before` is no longer
 * kept in the log for other members, should this edge die.
 */
export function releaseOverdue(ctx: EdgeContext, session: Session, before: number): void {
  for (const entry of session.inflight.values()) if (entry.held && entry.at < before) answered(ctx, entry)
  const first = session.queue.find(entry => entry.held)
  if (first !== undefined && first.at < before)
    for (const entry of session.queue.peekAll()) if (entry.held && entry.at < before) answered(ctx, entry)
}

function answered(ctx: EdgeContext, entry: Entry): void {
  if (!entry.held) return
  entry.held = false
  if (--entry.message!.pending === 0) ctx.link.delivered(entry.message!)
}
