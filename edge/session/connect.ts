/** CONNECT, step by step: limits → authenticate → will → claim → restore → CONNACK → what waits. Each step goes on or refuses. */
import { clientKey, type Tenant } from '../../core/contract/ids.ts'
import type { SessionState, Subscription, Will } from '../../core/contract/session.ts'
import { checkTopicName, parseShare } from '../../core/topic/validate.ts'
import type { Authenticator, AuthVerdict, Identity } from '../auth/ports.ts'
import type { EdgeContext } from '../context.ts'
import { restoreInflight } from '../flow/inbox.ts'
import { connackFrame } from '../wire/encode.ts'
import type { Connect } from '../wire/packets.ts'
import { Reason } from '../wire/reason.ts'
import { beginExchange } from './auth-exchange.ts'
import { type Connection, Phase } from './connection.ts'
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
  state: SessionState | undefined
  present: boolean
}

type Step = (attempt: Attempt, next: () => void) => void

const STEPS: readonly Step[] = [limits, authenticate, will, claim, restore, acknowledge]

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
    state: undefined,
    present: false,
  }
  const run = (at: number): void => {
    if (connection.phase !== Phase.Closed) STEPS[at]?.(attempt, () => run(at + 1))
  }
  run(0)
}

function limits(a: Attempt, next: () => void): void {
  const { packet, connection, ctx } = a
  if (packet.clientId === '') {
    // [MQTT-3.1.3-8] of 3.1.1; 3.1 has no empty client id; [MQTT-3.1.3-6] of 5.0
    if (packet.version === 3 || (packet.version === 4 && !packet.cleanStart))
      return connection.refuse(Reason.ClientIdentifierNotValid, 'Empty client id without clean session')
    a.clientId = ctx.assignClientId()
  }
  if (a.clientId.length > ctx.limits.maxClientIdBytes)
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
  ask(ctx.auth.authenticators, 0, a, verdict => {
    if (verdict.do === 'accept') accept(verdict.username, verdict.tenant)
    else if (verdict.do === 'refuse') connection.refuse(verdict.reason, verdict.detail)
    else connection.refuse(Reason.NotAuthorized, 'No authentication method accepts this client')
  })
}

/** Asks the methods in their order until one decides. One that fails is a server that is not available, not a wrong password. */
function ask(methods: readonly Authenticator[], from: number, a: Attempt, done: (verdict: AuthVerdict) => void): void {
  for (let i = from; i < methods.length; i++) {
    const method = methods[i]!
    const verdict = method.authenticate(a.packet, a.connection.transport.peer)
    if (verdict instanceof Promise) {
      const failed = (error: unknown): AuthVerdict => ({
        do: 'refuse',
        reason: Reason.ServerUnavailable,
        detail: `${method.name}: ${error}`,
      })
      verdict.catch(failed).then(v => (v.do === 'next' ? ask(methods, i + 1, a, done) : done(v)))
      return
    }
    if (verdict.do !== 'next') return done(verdict)
  }
  done({ do: 'next' })
}

function will(a: Attempt, next: () => void): void {
  const { ctx, connection } = a
  const will: Will | undefined = a.packet.will
  if (will === undefined) return next()
  if (will.qos > ctx.limits.maxQos)
    return connection.refuse(Reason.QoSNotSupported, `Will QoS ${will.qos} is above the maximum`)
  if (will.retain && !ctx.settings.retainAvailable)
    return connection.refuse(Reason.RetainNotSupported, 'Retained messages are switched off')
  const wrong = checkTopicName(will.topic, ctx.limits)
  if (wrong !== undefined) return connection.refuse(Reason.TopicNameInvalid, wrong)
  const allowed = !will.topic.startsWith('$SYS/') && ctx.auth.authorizer.allows(a.identity!, 'publish', will.topic)
  if (!allowed) return connection.refuse(Reason.NotAuthorized, `Will topic '${will.topic}' is not allowed`)
  next()
}

/** Session Expiry Interval that is granted. A 3.x session with clean session 0 has the configured one. Seconds. */
function grantedExpiry({ ctx, packet }: Attempt): number {
  const asked =
    packet.version === 5 ? (packet.sessionExpirySec ?? 0) : packet.cleanStart ? 0 : ctx.limits.defaultSessionExpirySec
  return Math.min(asked, ctx.limits.maxSessionExpirySec)
}

function claim(a: Attempt, next: () => void): void {
  const { ctx, connection, packet } = a
  const client = clientKey(a.identity!.tenant, a.clientId)
  const expirySec = grantedExpiry(a)
  ctx.link.claim({ client, cleanStart: packet.cleanStart, expirySec, will: packet.will }, reply => {
    if (!reply.ok)
      return connection.refuse(reply.why === 'quota' ? Reason.QuotaExceeded : Reason.ServerUnavailable, reply.detail)
    if (connection.phase === Phase.Closed) {
      const nothing = { inflight: reply.state.inflight, queue: [] }
      return ctx.link.release(client, reply.epoch, { will: false, expirySec, outbound: nothing })
    }
    a.session = new Session({
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
    a.state = reply.state
    a.present = reply.present
    next()
  })
}

/** Subscriptions of the session go into the index; rights may have changed since [CVE-2018-12546]. */
function restore(a: Attempt, next: () => void): void {
  const { ctx } = a
  const session = a.session!
  ctx.sessions.set(session.key, session)
  ctx.stats.nowSessions++
  const lost: Subscription[] = []
  for (const subscription of a.state!.subscriptions) {
    const filter = parseShare(subscription.filter)?.filter ?? subscription.filter
    if (!ctx.auth.authorizer.allows(session.identity, 'subscribe', filter)) {
      lost.push(subscription)
      continue
    }
    session.subscriptions.set(subscription.filter, subscription)
    ctx.index.add(session, subscription)
  }
  ctx.stats.nowSubscriptions += session.subscriptions.size
  if (lost.length > 0)
    ctx.link.unsubscribe(
      session.key,
      session.epoch,
      lost.map(s => s.filter),
      () => {},
    )
  next()
}

function acknowledge(a: Attempt): void {
  const { ctx, connection, packet } = a
  const session = a.session!
  const maxKeepAlive = ctx.limits.maxKeepAliveSec
  const tooLong = maxKeepAlive > 0 && (packet.keepAliveSec === 0 || packet.keepAliveSec > maxKeepAlive)
  const keepAliveSec = tooLong && packet.version === 5 ? maxKeepAlive : packet.keepAliveSec
  connection.silenceMs = keepAliveSec * 1500
  connection.open(session, connack(a, session, keepAliveSec))
  ctx.stats.connectsOk++
  const { address } = connection.transport.peer
  ctx.events({
    is: 'connected',
    client: session.key,
    address,
    version: packet.version,
    username: session.identity.username,
  })
  restoreInflight(ctx, session, a.state!, ctx.now())
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
