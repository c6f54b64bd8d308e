/** The bytes of a message for a receiver: encoded once per (version, QoS, RETAIN) and shared, or for one receiver alone where it needs its own. */
import { type Message, NEVER, type QoS } from '../../core/contract/message.ts'
import type { EdgeContext } from '../context.ts'
import type { Session } from '../session/session.ts'
import type { EdgeStats } from '../stats.ts'
import { type Frame, publishFrame } from '../wire/frame.ts'
import type { Version } from '../wire/packets.ts'

type Cache = (Frame | undefined)[]

export const frameFor = (
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

/** What all receivers of this version share. The packet id in it is 0: each copy is patched. */
function sharedFrame(message: Message, version: Version, qos: QoS, retain: boolean): Frame {
  const at = (version === 5 ? 6 : 0) + (retain ? 3 : 0) + qos
  const cache = (message.frames ??= [
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ]) as Cache
  const known = cache[at]
  if (known !== undefined) return known
  const frame = publishFrame(version, message.topic, message.payload, message.props, {
    qos,
    retain,
    dup: false,
    packetId: 0,
  })
  cache[at] = frame
  return frame
}

/** True if nothing of the frame is the receiver's own. */
function isShared(message: Message, session: Session, ids: readonly number[], dup: boolean): boolean {
  return (
    !dup && (session.version !== 5 || (ids.length === 0 && session.aliasMaximum === 0 && message.expiresAt === NEVER))
  )
}

/** The receiver's own: DUP, subscription identifiers [MQTT-3.3.4-3], what is left of the expiry interval [MQTT-3.3.2-6], a topic alias. */
function ownFrame(
  message: Message,
  session: Session,
  ids: readonly number[],
  qos: QoS,
  retain: boolean,
  dup: boolean,
  now: number,
  stats: EdgeStats,
): Frame {
  const base = { qos, retain, dup, packetId: 0 }
  if (session.version !== 5) return publishFrame(session.version, message.topic, message.payload, message.props, base)
  const expirySec = message.expiresAt === NEVER ? -1 : Math.max(0, Math.ceil((message.expiresAt - now) / 1000))
  const known = session.aliasesOut?.get(message.topic)
  const fresh = known === undefined && (session.aliasesOut?.size ?? 0) < session.aliasMaximum
  const alias = known ?? (fresh ? (session.aliasesOut?.size ?? 0) + 1 : 0)
  // The topic goes along at QoS 2: clients that keep such a message until PUBREL have been seen to hand it over without.
  const omitTopic = known !== undefined && qos !== 2
  const options = { ...base, expirySec, subscriptionIds: ids, alias, omitTopic }
  const frame = publishFrame(5, message.topic, message.payload, message.props, options)
  if (!fresh) return frame
  // Naming an alias costs three bytes: it is not what makes a message too large.
  if (frame.bytes.length > session.maxPacketBytes)
    return publishFrame(5, message.topic, message.payload, message.props, { ...options, alias: 0 })
  session.aliasesOut ??= new Map()
  session.aliasesOut.set(message.topic, alias)
  stats.nowTopicAliases++
  return frame
}
