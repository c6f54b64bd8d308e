/** CONNECT, step by step: limits → authenticate → will → claim → restore → CONNACK → what waits. Each step goes on or refuses. */
import { type ClientKey, clientKey, SITE_PREFIX, type Tenant, type TopicFilter } from '../../core/contract/ids.ts'
import type { ClaimReply } from '../../core/contract/link.ts'
import type { Will } from '../../core/contract/session.ts'
import { parseShare } from '../../core/topic/validate.ts'
import type { AuthVerdict, Identity } from '../auth/ports.ts'
import type { EdgeContext } from '../context.ts'
import { restoreInflight } from '../flow/inbox.ts'
import { connackFrame } from '../wire/encode.ts'
import type { Connect } from '../wire/packets.ts'
import { Reason } from '../wire/reason.ts'
import { utf8Length } from '../wire/utf8.ts'
import { beginExchange } from './auth-exchange.ts'
import { type Connection, Phase } from './connection.ts'
import { checkTopic } from './publish.ts'
import { Session } from './session.ts'

interface Attempt {
  readonly ctx: EdgeContext
  readonly connection: Connection
  readonly packet: Connect
  clientId: string
  identity: Identity | undefined
  /** Last data of an enhanced exchange, for CONNACK. */
  authData: Uint8Array | undefined
  session: Session | undefined
  present: boolean
  /** The claim was answered: another one may be made. */
  leave: () => void
}

type Step = (attempt: Attempt, next: () => void) => void

const STEPS: readonly Step[] = [elsewhere, limits, authenticate, will, queue, claim, restore, acknowledge]

export function connect(ctx: EdgeContext, connection: Connection, packet: Connect): void {
  const { clientId } = packet
  const attempt: Attempt = {
    ctx,
    connection,
    packet,
    clientId,
    identity: undefined,
    authData: undefined,
    session: undefined,
    present: false,
    leave: () => {},
  }
  const run = (at: number): void => {
    if (connection.phase !== Phase.Closed) connection.guard(() => STEPS[at]?.(attempt, () => run(at + 1)))
  }
  run(0)
}

/** An edge that drains takes nobody in, and says who does. */
function elsewhere({ ctx, connection, packet }: Attempt, next: () => void): void {
  const away = ctx.sendsAway(connection.transport.peer)
  if (away === undefined) return next()
  const { reason, serverReference } = away
  // 0x8B is for DISCONNECT alone.
  const answer = serverReference === undefined ? Reason.ServerUnavailable : reason
  connection.refuse(answer, 'The edge drains', { serverReference }, packet.maximumPacketSize)
}

function limits(a: Attempt, next: () => void): void {
  const { packet, connection, ctx } = a
  if (packet.clientId === '') {
    // [MQTT-3.1.3-8] of 3.1.1; 3.1 has no empty client id; [MQTT-3.1.3-6] of 5.0
    if (packet.version === 3 || (packet.version === 4 && !packet.cleanStart))
      return connection.refuse(Reason.ClientIdentifierNotValid, 'Empty client id without clean session')
    a.clientId = ctx.assignClientId()
  }
  if (a.clientId.startsWith(SITE_PREFIX))
    return connection.refuse(Reason.ClientIdentifierNotValid, `Client ids below '${SITE_PREFIX}' are kept for sites`)
  if (utf8Length(a.clientId) > ctx.limits.maxClientIdBytes)
    return connection.refuse(Reason.ClientIdentifierNotValid, `Client id is longer than ${ctx.limits.maxClientIdBytes}`)
  next()
}

function authenticate(a: Attempt, next: () => void): void {
  const { ctx, connection, packet } = a
  const accept = (username: string | undefined, tenant: Tenant) => {
    a.identity = { tenant, clientId: a.clientId, username }
    next()
  }
  if (packet.authenticationMethod !== undefined)
    return beginExchange(ctx, connection, packet, step => {
      a.authData = step.data
      accept(step.username, step.tenant)
    })
  const { authenticator } = ctx.auth
  const decide = (verdict: AuthVerdict): void => {
    if (verdict.do === 'accept') accept(verdict.username, verdict.tenant)
    else if (verdict.do === 'refuse') connection.refuse(verdict.reason, verdict.detail)
    else connection.refuse(Reason.NotAuthorized, 'No authentication method accepts this client')
  }
  // One that fails is a server that is not available, not a wrong password.
  const failed = (error: unknown): void =>
    connection.refuse(Reason.ServerUnavailable, `${authenticator.name}: ${error}`)
  let verdict: AuthVerdict | Promise<AuthVerdict>
  try {
    verdict = authenticator.authenticate(packet, connection.transport.peer)
  } catch (error) {
    return failed(error)
  }
  if (verdict instanceof Promise) verdict.then(late => connection.guard(() => decide(late)), failed)
  else decide(verdict)
}

function will(a: Attempt, next: () => void): void {
  const { ctx, connection } = a
  const will: Will | undefined = a.packet.will
  if (will === undefined) return next()
  if (will.qos > ctx.limits.maxQos)
    return connection.refuse(Reason.QoSNotSupported, `Will QoS ${will.qos} is above the maximum`)
  if (will.retain && !ctx.settings.retainAvailable)
    return connection.refuse(Reason.RetainNotSupported, 'Retained messages are switched off')
  const checked = checkTopic(ctx, will.topic)
  if (checked.do === 'close') return connection.refuse(checked.reason, checked.detail)
  if (checked.do === 'refuse') return connection.refuse(checked.reason, `Will topic '${will.topic}' is not allowed`)
  if (!ctx.auth.authorizer.allows(a.identity!, 'publish', will.topic))
    return connection.refuse(Reason.NotAuthorized, `Will topic '${will.topic}' is not allowed`)
  next()
}

/** Session Expiry Interval that is granted. A 3.x session with clean session 0 has the configured one. Seconds. */
function grantedExpiry({ ctx, packet }: Attempt): number {
  const asked =
    packet.version === 5 ? (packet.sessionExpirySec ?? 0) : packet.cleanStart ? 0 : ctx.limits.defaultSessionExpirySec
  return Math.min(asked, ctx.limits.maxSessionExpirySec)
}

/** Only so many claims are under way at once, so that each has its answer in time. */
function queue(a: Attempt, next: () => void): void {
  const { ctx, connection } = a
  // Without a core nobody waits: the answer is no, and comes at once.
  if (ctx.suspended()) return next()
  let waited = false
  const begin = (leave: () => void): boolean => {
    if (waited && connection.gone) connection.refuse(Reason.ServerUnavailable, 'The client has gone before its turn')
    if (connection.phase === Phase.Closed) return false
    a.leave = leave
    next()
    return true
  }
  if (!ctx.claims.enter(begin))
    connection.refuse(Reason.ConnectionRateExceeded, `${ctx.limits.claimsWaiting} clients wait for their sessions`)
  waited = true
}

function claim(a: Attempt, next: () => void): void {
  const { ctx, connection, packet } = a
  const client = clientKey(a.identity!.tenant, a.clientId)
  const expirySec = grantedExpiry(a)
  ctx.link.claim({ client, cleanStart: packet.cleanStart, expirySec, will: packet.will }, reply => {
    a.leave()
    connection.guard(() => {
      if (!reply.ok)
        return connection.refuse(reply.why === 'quota' ? Reason.QuotaExceeded : Reason.ServerUnavailable, reply.detail)
      if (connection.phase === Phase.Closed) {
        const outbound = { inflight: reply.state.inflight, queue: [] }
        return ctx.link.release(client, reply.epoch, { will: false, expirySec, outbound })
      }
      a.present = reply.present
      take(a, client, expirySec, reply)
      next()
    })
  })
}

/** From here on the session is the connection's: however that ends, the session is handed back as it was. */
function take(a: Attempt, client: ClientKey, expirySec: number, reply: Extract<ClaimReply, { ok: true }>): void {
  const { ctx, connection, packet } = a
  ctx.sessions.get(client)?.connection.close(Reason.SessionTakenOver, 'Another connection holds the session')
  const session = new Session({
    key: client,
    identity: a.identity!,
    version: packet.version,
    epoch: reply.epoch,
    connection,
    expirySec,
    quota: Math.min(packet.receiveMaximum ?? 0xffff, ctx.limits.maxInflight),
    maxPacketBytes: packet.maximumPacketSize ?? Number.POSITIVE_INFINITY,
    aliasMaximum: Math.min(packet.topicAliasMaximum ?? 0, ctx.limits.maxOutboundTopicAliases),
    problemInformation: packet.requestProblemInformation,
    queueMessages: ctx.limits.sessionQueueMessages,
    queueBytes: ctx.limits.sessionQueueBytes,
  })
  for (const subscription of reply.state.subscriptions) session.subscriptions.set(subscription.filter, subscription)
  restoreInflight(ctx, session, reply.state, ctx.now())
  if (reply.present) session.scatterPacketIds()
  session.unsure = reply.unsure !== undefined
  if (reply.present && reply.unsure !== undefined)
    session.doubtPacketIds(reply.state.inflight, reply.unsure, !ctx.spared.has(client))
  ctx.sessions.set(client, session)
  ctx.stats.nowSessions++
  ctx.stats.nowSubscriptions += session.subscriptions.size
  a.session = session
  connection.session = session
}

/** Subscriptions of the session go into the index; rights may have changed since [CVE-2018-12546]. */
function restore(a: Attempt, next: () => void): void {
  const { ctx } = a
  const session = a.session!
  const lost: TopicFilter[] = []
  for (const subscription of session.subscriptions.values()) {
    const filter = parseShare(subscription.filter)?.filter ?? subscription.filter
    if (ctx.auth.authorizer.allows(session.identity, 'subscribe', filter)) ctx.index.add(session, subscription)
    else lost.push(subscription.filter)
  }
  for (const filter of lost) session.subscriptions.delete(filter)
  ctx.stats.nowSubscriptions -= lost.length
  if (lost.length > 0) ctx.link.unsubscribe(session.key, session.epoch, lost, () => {})
  next()
}

function acknowledge(a: Attempt): void {
  const { ctx, connection, packet } = a
  const session = a.session!
  const maxKeepAlive = ctx.limits.maxKeepAliveSec
  const tooLong = maxKeepAlive > 0 && (packet.keepAliveSec === 0 || packet.keepAliveSec > maxKeepAlive)
  const keepAliveSec = tooLong && packet.version === 5 ? maxKeepAlive : packet.keepAliveSec
  connection.silenceMs = keepAliveSec * 1500
  const frame = connack(a, session, keepAliveSec)
  if (frame.length > session.maxPacketBytes)
    return connection.refuse(Reason.PacketTooLarge, `CONNACK of ${frame.length} bytes is larger than the client takes`)
  connection.open(frame)
  ctx.stats.connectsOk++
  const { address } = connection.transport.peer
  ctx.events({
    is: 'connected',
    client: session.key,
    address,
    version: packet.version,
    username: session.identity.username,
  })
  connection.refill()
  connection.resume()
}

function connack(a: Attempt, session: Session, keepAliveSec: number): Uint8Array {
  const { ctx, packet } = a
  const base = { sessionPresent: a.present, reason: Reason.Success }
  if (packet.version !== 5) return connackFrame(packet.version, base)
  const { limits, settings } = ctx
  const asked = packet.sessionExpirySec ?? 0
  const response = settings.responseInformation
  const unless = <T>(usual: boolean, value: T): T | undefined => (usual ? undefined : value)
  return connackFrame(5, {
    ...base,
    sessionExpirySec: unless(session.expirySec === asked, session.expirySec),
    receiveMaximum: unless(limits.receiveMaximum === 0xffff, limits.receiveMaximum),
    maximumQos: unless(limits.maxQos === 2, limits.maxQos),
    retainAvailable: unless(settings.retainAvailable, false),
    maximumPacketSize: limits.maxPacketBytes,
    assignedClientId: unless(packet.clientId !== '', a.clientId),
    topicAliasMaximum: unless(limits.topicAliasMaximum === 0, limits.topicAliasMaximum),
    wildcardSubscriptionAvailable: unless(settings.wildcardAvailable, false),
    subscriptionIdentifiersAvailable: unless(settings.subscriptionIdAvailable, false),
    sharedSubscriptionAvailable: unless(settings.sharedAvailable, false),
    serverKeepAliveSec: unless(keepAliveSec === packet.keepAliveSec, keepAliveSec),
    responseInformation:
      packet.requestResponseInformation && response !== undefined ? `${response}${a.clientId}` : undefined,
    authenticationMethod: packet.authenticationMethod,
    authenticationData: a.authData,
  })
}
