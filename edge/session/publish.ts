/** PUBLISH and PUBREL from the device: what is checked, what goes to the core, what is answered. Receipts: `Connection.receipt`. */
import { clientKey, NO_CLIENT, type TopicName } from '../../core/contract/ids.ts'
import { Message, NEVER } from '../../core/contract/message.ts'
import { checkTopicName, parseP2p } from '../../core/topic/validate.ts'
import type { EdgeContext } from '../context.ts'
import { answered } from '../settings.ts'
import { PUBACK, PUBCOMP, PUBREC, type Publish } from '../wire/packets.ts'
import { Reason } from '../wire/reason.ts'
import { isUtf8 } from '../wire/utf8.ts'
import type { Session } from './session.ts'

interface Closing {
  readonly do: 'close'
  readonly reason: number
  readonly detail: string
}

type Verdict =
  | { readonly do: 'pass'; readonly topic: TopicName }
  /** Not this message: an error in PUBACK or PUBREC (5.0), else acknowledged and dropped [MQTT-3.3.5-2 of 3.1.1]. */
  | { readonly do: 'refuse'; readonly reason: number }
  | Closing

const DOLLAR = 0x24
const close = (reason: number, detail: string): Closing => ({ do: 'close', reason, detail })

export function publishReceived(ctx: EdgeContext, session: Session, packet: Publish, now: number): void {
  // First of all, for an alias holds whatever becomes of its message.
  const named = packet.alias === 0 ? (packet.topic as TopicName) : resolveAlias(ctx, session, packet)
  if (typeof named !== 'string') return session.connection.close(named.reason, named.detail)
  const window = inWindow(ctx, session, packet)
  if (window === 'again') return
  const verdict = window ?? judge(ctx, session, packet, named)
  if (verdict.do === 'close') return session.connection.close(verdict.reason, verdict.detail)
  if (verdict.do === 'refuse') {
    ctx.stats.publishRefused++
    const reason = answered(ctx.settings, verdict.reason)
    if (packet.qos > 0) session.connection.answerAck(packet.qos === 1 ? PUBACK : PUBREC, packet.packetId, reason)
    return
  }
  const { topic } = verdict
  const p2p = topic.charCodeAt(0) === DOLLAR ? parseP2p(topic) : undefined
  const message = new Message(ctx.link.incarnation, ctx.nextSeq(), {
    tenant: session.identity.tenant,
    topic,
    qos: packet.qos,
    payload: packet.payload,
    retain: packet.retain && p2p === undefined,
    props: packet.props,
    expiresAt: packet.expirySec < 0 ? NEVER : now + packet.expirySec * 1000,
    sender: session.key,
    packetId: packet.qos === 2 && session.persistent ? packet.packetId : 0,
    target: p2p === undefined ? NO_CLIENT : clientKey(session.identity.tenant, p2p.clientId),
  })
  if (packet.qos === 0) ctx.stats.publishesIn0++
  else {
    message.publisher = session.connection
    message.publisherPacketId = packet.packetId
    if (packet.qos === 1) {
      ctx.stats.publishesIn1++
      session.unacked++
    } else {
      ctx.stats.publishesIn2++
      session.received ??= new Map()
      session.received.set(packet.packetId, false)
    }
  }
  ctx.link.publish(message)
}

/** Receive Maximum [MQTT-3.3.4-9 of 5.0], counted at once, and packet ids in use. 'again': a QoS 2 message known already [MQTT-4.3.3-10]. */
function inWindow(ctx: EdgeContext, session: Session, packet: Publish): Verdict | 'again' | undefined {
  if (packet.qos === 0) return undefined
  const known = session.received?.get(packet.packetId)
  if (known !== undefined) {
    if (packet.qos === 1) return { do: 'refuse', reason: Reason.PacketIdentifierInUse }
    session.resumedIds?.delete(packet.packetId)
    if (known) session.connection.answerAck(PUBREC, packet.packetId, Reason.Success)
    return 'again'
  }
  const open = session.unacked + (session.received?.size ?? 0) - (session.resumedIds?.size ?? 0)
  if (session.version === 5 && open >= ctx.limits.receiveMaximum)
    return close(
      Reason.ReceiveMaximumExceeded,
      `More than ${ctx.limits.receiveMaximum} messages without acknowledgement`,
    )
  return undefined
}

function judge(ctx: EdgeContext, session: Session, packet: Publish, topic: TopicName): Verdict {
  const { limits, settings, auth } = ctx
  if (packet.qos > limits.maxQos)
    return close(Reason.QoSNotSupported, `QoS ${packet.qos} is above the maximum of ${limits.maxQos}`)
  if (packet.retain && !settings.retainAvailable)
    return close(Reason.RetainNotSupported, 'Retained messages are switched off')
  const checked = checkTopic(ctx, topic)
  if (checked.do !== 'pass') return checked
  if (!auth.authorizer.unrestricted('publish') && !auth.authorizer.allows(session.identity, 'publish', topic))
    return { do: 'refuse', reason: Reason.NotAuthorized }
  if (settings.checkPayloadFormat && packet.utf8Payload && !isUtf8(packet.payload))
    return { do: 'refuse', reason: Reason.PayloadFormatInvalid }
  return checked
}

/** Topic Alias [MQTT-3.3.2-7..-11 of 5.0]. */
function resolveAlias(ctx: EdgeContext, session: Session, packet: Publish): TopicName | Closing {
  if (packet.alias > ctx.limits.topicAliasMaximum)
    return close(
      Reason.TopicAliasInvalid,
      `Topic alias ${packet.alias} is above the maximum of ${ctx.limits.topicAliasMaximum}`,
    )
  if (packet.topic !== '') {
    session.aliasesIn ??= new Map()
    session.aliasesIn.set(packet.alias, packet.topic)
    return packet.topic
  }
  const topic = session.aliasesIn?.get(packet.alias)
  return topic === undefined
    ? close(Reason.ProtocolError, `Topic alias ${packet.alias} is not known`)
    : (topic as TopicName)
}

/** What may be published to at all, by a PUBLISH or a will. */
export function checkTopic(ctx: EdgeContext, topic: TopicName): Verdict {
  const wrong = checkTopicName(topic, ctx.limits)
  if (wrong !== undefined) return close(Reason.TopicNameInvalid, wrong)
  if (topic.charCodeAt(0) !== DOLLAR) return { do: 'pass', topic }
  if (topic.startsWith('$SYS/') || topic === '$SYS' || topic.startsWith('$share/'))
    return { do: 'refuse', reason: Reason.NotAuthorized }
  if (topic.startsWith('$p2p') && parseP2p(topic) === undefined)
    return { do: 'refuse', reason: Reason.TopicNameInvalid }
  return { do: 'pass', topic }
}

/** PUBREL: the packet id is free again, durably so before PUBCOMP says it [MQTT-4.3.3-11 of 5.0]. */
export function released(ctx: EdgeContext, session: Session, packetId: number): void {
  const { connection, received } = session
  session.resumedIds?.delete(packetId)
  const isKnown = received?.delete(packetId) === true
  const reason = isKnown ? Reason.Success : Reason.PacketIdentifierNotFound
  // Of an id that is not known only a site that does not answer may know more.
  if (!session.persistent || !(isKnown || session.unsure)) return connection.answerAck(PUBCOMP, packetId, reason)
  ctx.link.journal(session.key, session.epoch, { step: 'rel', packetId }, () => {
    if (connection.serves(session)) connection.answerAck(PUBCOMP, packetId, reason)
  })
}
