/** SUBSCRIBE and UNSUBSCRIBE: checks each filter, keeps index and core in step, answers, and starts the replay of retained messages. */
import type { TopicFilter } from '../../core/contract/ids.ts'
import type { Subscription } from '../../core/contract/session.ts'
import { checkTopicFilter, hasWildcard, parseShare } from '../../core/topic/validate.ts'
import type { EdgeContext } from '../context.ts'
import { saveOverdue } from '../flow/inbox.ts'
import { addReplay } from '../flow/replay.ts'
import { answered } from '../settings.ts'
import { subackFrame, unsubackFrame } from '../wire/encode.ts'
import type { Subscribe, SubscribeRequest, Unsubscribe } from '../wire/packets.ts'
import { Reason } from '../wire/reason.ts'
import type { Session } from './session.ts'

export function subscribe(ctx: EdgeContext, session: Session, packet: Subscribe): void {
  const { connection } = session
  if (packet.id !== 0 && !ctx.settings.subscriptionIdAvailable)
    return connection.close(Reason.SubscriptionIdentifiersNotSupported, 'Subscription identifiers are switched off')
  if (packet.requests.length > ctx.limits.maxFiltersPerSubscribe)
    return connection.close(
      Reason.QuotaExceeded,
      `More than ${ctx.limits.maxFiltersPerSubscribe} filters in one SUBSCRIBE`,
    )
  for (const request of packet.requests) {
    const error = protocolError(ctx, session, request)
    if (error !== undefined) return connection.close(error.reason, error.detail)
  }
  const codes: number[] = []
  const granted: Subscription[] = []
  const replay: Subscription[] = []
  for (const request of packet.requests) {
    const refused = judge(ctx, session, request)
    if (refused !== 0) {
      ctx.stats.subscribeRefused++
      codes.push(session.version === 5 ? answered(ctx.settings, refused) : 0x80)
      continue
    }
    const subscription = subscriptionOf(ctx, request, packet.id)
    codes.push(subscription.qos)
    granted.push(subscription)
    const isNew = !session.subscriptions.has(subscription.filter)
    if (wantsRetained(ctx, subscription, isNew)) replay.push(subscription)
    if (isNew) ctx.stats.nowSubscriptions++
    session.subscriptions.set(subscription.filter, subscription)
    ctx.index.add(session, subscription)
  }
  const suback = (): void => {
    if (!connection.serves(session)) return
    const plain = subackFrame(session.version, packet.packetId, codes)
    const explained = subackFrame(session.version, packet.packetId, codes, explanation(ctx, session, packet))
    connection.send(explained.length <= session.maxPacketBytes ? explained : plain)
    for (const { filter } of replay) {
      // It may have been replaced, or be gone, by what came behind this SUBSCRIBE.
      const subscription = session.subscriptions.get(filter)
      if (subscription !== undefined) addReplay(session, subscription)
    }
    if (replay.length > 0) connection.refill()
  }
  ctx.link.subscribe(session.key, session.epoch, granted, () => connection.guard(suback))
}

/** What ends the connection rather than refusing one filter: 5.0 clients were told in CONNACK [MQTT5 3.2.2.3.11..13; MQTT-3.8.3-4]. */
function protocolError(ctx: EdgeContext, session: Session, { filter, noLocal }: SubscribeRequest) {
  const shared = parseShare(filter)
  if (shared !== undefined && noLocal)
    return { reason: Reason.ProtocolError, detail: `Shared subscription '${filter}' has No Local` }
  if (session.version !== 5) return undefined
  if (shared !== undefined && !ctx.settings.sharedAvailable)
    return { reason: Reason.SharedSubscriptionsNotSupported, detail: 'Shared subscriptions are switched off' }
  if (hasWildcard(shared?.filter ?? filter) && !ctx.settings.wildcardAvailable)
    return { reason: Reason.WildcardSubscriptionsNotSupported, detail: 'Wildcard subscriptions are switched off' }
  return undefined
}

/** What is wrong with the first filter that is no filter, for clients that want to know. */
function explanation(ctx: EdgeContext, session: Session, packet: Subscribe): { reasonString?: string } {
  if (session.version !== 5 || !session.problemInformation) return {}
  for (const { filter } of packet.requests) {
    const wrong = checkTopicFilter(filter, ctx.limits)
    if (wrong !== undefined && wrong.length < 1024) return { reasonString: wrong }
  }
  return {}
}

/** 0, or the reason why this filter is refused; the others of the packet go on. */
function judge(ctx: EdgeContext, session: Session, request: SubscribeRequest): number {
  const { limits, settings, auth } = ctx
  if (checkTopicFilter(request.filter, limits) !== undefined) return Reason.TopicFilterInvalid
  const shared = parseShare(request.filter)
  if (shared !== undefined && !settings.sharedAvailable) return Reason.SharedSubscriptionsNotSupported
  const filter = shared?.filter ?? request.filter
  if (!settings.wildcardAvailable && hasWildcard(filter)) return Reason.WildcardSubscriptionsNotSupported
  const { authorizer } = auth
  if (!authorizer.unrestricted('subscribe') && !authorizer.allows(session.identity, 'subscribe', filter))
    return Reason.NotAuthorized
  const known = session.subscriptions.has(request.filter as TopicFilter)
  return !known && session.subscriptions.size >= limits.maxSubscriptionsPerSession ? Reason.QuotaExceeded : 0
}

const subscriptionOf = (ctx: EdgeContext, request: SubscribeRequest, id: number): Subscription => ({
  filter: request.filter as TopicFilter,
  qos: request.qos < ctx.limits.maxQos ? request.qos : ctx.limits.maxQos,
  noLocal: request.noLocal,
  retainAsPublished: request.retainAsPublished,
  retainHandling: request.retainHandling,
  id,
})

/** Retain Handling [MQTT-3.3.1-9..-11 of 5.0]; a shared subscription gets none [MQTT5 4.8.2]. */
function wantsRetained(ctx: EdgeContext, s: Subscription, isNew: boolean): boolean {
  if (!ctx.settings.retainAvailable || s.filter.startsWith('$share/')) return false
  return s.retainHandling === 0 || (s.retainHandling === 1 && isNew)
}

export function unsubscribe(ctx: EdgeContext, session: Session, packet: Unsubscribe): void {
  const codes: number[] = []
  const gone: TopicFilter[] = []
  for (const raw of packet.filters) {
    const filter = raw as TopicFilter
    if (!session.subscriptions.delete(filter)) {
      codes.push(
        checkTopicFilter(raw, ctx.limits) === undefined ? Reason.NoSubscriptionExisted : Reason.TopicFilterInvalid,
      )
      continue
    }
    codes.push(Reason.Success)
    gone.push(filter)
    ctx.stats.nowSubscriptions--
    ctx.index.remove(session, filter)
    session.replays = session.replays?.filter(r => r.subscription.filter !== filter)
    if (session.replays?.length === 0) session.replays = undefined
  }
  // What is on its way stays so [MQTT-3.10.4-3], also when the core has to find out from the log who gets it.
  if (gone.length > 0) saveOverdue(ctx, session, Number.POSITIVE_INFINITY)
  ctx.link.unsubscribe(session.key, session.epoch, gone, () => {
    if (session.connection.serves(session))
      session.connection.send(unsubackFrame(session.version, packet.packetId, codes))
  })
}
