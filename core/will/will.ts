/** When a will is due, and the message it becomes. Publishes nothing itself. */
import { type ClientKey, clientKey, type Incarnation, NO_CLIENT, tenantOf } from '../contract/ids.ts'
import { type Message, type MessageInit, NEVER } from '../contract/message.ts'
import { EXPIRY_NEVER, type Will } from '../contract/session.ts'
import type { Session } from '../session/session.ts'
import type { Identity } from '../site/relayed-ids.ts'
import { parseP2p } from '../topic/validate.ts'

/** A session, or the record of one. */
type Ending = Readonly<Pick<Session, 'offlineAt' | 'expirySec'>>

/** When an offline session ends; Infinity if never, or if it is online. ms since the epoch. */
export const endsAt = (s: Ending): number =>
  s.offlineAt === 0 || s.expirySec === EXPIRY_NEVER ? Number.POSITIVE_INFINITY : s.offlineAt + s.expirySec * 1000

/** The earlier of its delay and the end of the session [MQTT-3.1.3-9 of 5.0], but not while it is held; Infinity if there is none to publish. ms since the epoch. */
export const willDueAt = (s: Ending & Readonly<Pick<Session, 'will' | 'heldUntil'>>): number =>
  s.offlineAt === 0 || s.will === undefined
    ? Number.POSITIVE_INFINITY
    : Math.max(Math.min(s.offlineAt + s.will.delaySec * 1000, endsAt(s)), s.heldUntil)

/** Message Expiry Interval counts from publication [MQTT5 3.1.3.2.4]. */
export function willMessage(client: ClientKey, will: Will, now: number): MessageInit {
  const p2p = parseP2p(will.topic)
  return {
    tenant: tenantOf(client),
    topic: will.topic,
    qos: will.qos,
    payload: will.payload,
    retain: will.retain && p2p === undefined,
    target: p2p === undefined ? NO_CLIENT : clientKey(tenantOf(client), p2p.clientId),
    props: will.props,
    expiresAt: will.expirySec === undefined ? NEVER : now + will.expirySec * 1000,
    sender: client,
  }
}

/** The identity of the message that the will of this epoch becomes, whoever publishes it. */
export const willId = (client: ClientKey, epoch: number): Identity => ({
  origin: `${encodeURIComponent(client)}.will` as Incarnation,
  seq: epoch,
})

/** Of some epoch. */
export const isWill = ({ origin, seq, sender }: Message): boolean =>
  origin.endsWith('.will') && origin === willId(sender, seq).origin

/** A copy that holds no network buffer. */
export const ownWill = (will: Will): Will => ({ ...will, payload: will.payload.slice(), props: will.props.slice() })
