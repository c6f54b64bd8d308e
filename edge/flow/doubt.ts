/**
 * Packet ids that a client may hold open for QoS 2 messages which only a site that does not answer knows of: it would take a new
 * message under such an id for the old one once more [MQTT-4.3.3-10]. So each is released (PUBREL) before its first use: who holds
 * it open completes the old message, who does not answers all the same [MQTT5 3.7.2.1: 0x92 is not an error then]. Some clients
 * break off instead (rumqttc, which holds nothing open over a reconnect): those are left alone from then on. Sends nothing.
 */
import type { Session } from '../session/session.ts'

export const PACKET_IDS = 0xffff
/** So many are released ahead: a client that works on what it has in another thread is through with one before it is used. */
const AHEAD = 64

export const packetIdAfter = (id: number): number => (id % PACKET_IDS) + 1

export class Doubt {
  /** Not released yet. */
  #left = PACKET_IDS
  #last = 0
  /** Released and not used yet. */
  #ahead = 0
  /** The client has answered a release, or there was none yet. */
  answered = true

  /**
   * Before `session` gives a packet id to a message: which ids are to be released first. Each comes once, in a full circle, at the
   * end of which the session has no doubt any more. None before the first message of QoS 2: there are clients that know no PUBREL.
   */
  next(session: Session, qos: 1 | 2): readonly number[] {
    if (this.#left === PACKET_IDS) {
      if (qos < 2) return []
      this.#last = session.lastPacketId
      this.answered = false
    }
    const ids: number[] = []
    for (; this.#left > 0 && this.#ahead <= AHEAD; this.#left--) {
      this.#last = packetIdAfter(this.#last)
      // Known to be open: what it stands for is sent again.
      if (session.usesPacketId(this.#last)) continue
      ids.push(this.#last)
      this.#ahead++
    }
    this.#ahead--
    if (this.#left === 0) session.doubt = undefined
    return ids
  }
}
