/** What edges that had another core said of the QoS 2 messages they had sent: for sessions that go on here from a record which is older than that. Keeps a bounded number, for some minutes. */
import type { ClientKey } from '../contract/ids.ts'
import type { Outgoing } from '../contract/link/outgoing.ts'
import { type Message, messageKey } from '../contract/message.ts'
import type { Inflight } from '../contract/session.ts'
import type { CoreStats } from '../stats.ts'
import { unrelayed } from './copies.ts'

/** Whose core, or site, is lost has come back by then. */
const KEEP_MS = 300_000

interface Told {
  /** ms since the epoch. */
  readonly until: number
  /** By `messageKey`. */
  readonly sent: Map<string, Outgoing>
}

export class Recalled {
  readonly #bound: number
  readonly #stats: Pick<CoreStats, 'nowRecalled'>
  readonly #now: () => number
  /** The oldest first. */
  readonly #told = new Map<ClientKey, Told>()

  /** `bound`: messages at most; the clients that were told of first are forgotten first. */
  constructor(bound: number, stats: Pick<CoreStats, 'nowRecalled'>, now: () => number) {
    this.#bound = bound
    this.#stats = stats
    this.#now = now
  }

  /** What another edge said of the client before stays, but for what is newer here. */
  add(client: ClientKey, sent: readonly Outgoing[]): void {
    const known = this.#told.get(client)?.sent ?? new Map<string, Outgoing>()
    this.#forget(client)
    for (const one of sent) {
      const key = messageKey(one)
      if ((known.get(key)?.epoch ?? 0) <= one.epoch) known.set(key, one)
    }
    this.#told.set(client, { until: this.#now() + KEEP_MS, sent: known })
    this.#stats.nowRecalled += known.size
    for (const oldest of this.#told.keys()) {
      if (this.#stats.nowRecalled <= this.#bound) break
      this.#forget(oldest)
    }
  }

  /**
   * What is in flight according to a record of this epoch, brought up to what the edge knows: what the client has taken is not
   * sent again [MQTT-4.3.3-2], and packet ids that it holds open are released.
   */
  inflight(client: ClientKey, epoch: number, recorded: readonly Inflight[]): readonly Inflight[] {
    const told = this.#told.get(client)
    if (told === undefined) return recorded
    const open = new Set<number>()
    for (const { packetId, state, epoch: at } of told.sent.values())
      if (state === 'received' && at === epoch) open.add(packetId)
    const left = recorded.filter(({ packetId, message }) => {
      const one = message === undefined ? undefined : told.sent.get(messageKey(message))
      if (one?.packetId !== packetId || one.state === 'sent') return !open.has(packetId)
      if (one.state === 'received') open.add(packetId)
      return false
    })
    const released = [...open].map(
      packetId => ({ packetId, state: 'received', qos: 2, retain: false, message: undefined }) as const,
    )
    return [...left, ...released]
  }

  /**
   * Messages that wait somewhere for the site that has the record, which may have sent them: `waiting` are still to be sent, `sent` are to
   * be sent again under the packet id that the client may know [MQTT-4.4.0-1]. What it has taken, or is among `inflight`, is left out.
   */
  sort(
    client: ClientKey,
    epoch: number,
    inflight: readonly Inflight[],
    messages: readonly Message[],
  ): { readonly waiting: readonly Message[]; readonly sent: readonly Inflight[] } {
    const told = this.#told.get(client)?.sent
    const flying = new Set(inflight.flatMap(({ message }) => (message === undefined ? [] : [messageKey(message)])))
    const waiting: Message[] = []
    const sent: Inflight[] = []
    for (const message of messages) {
      const key = messageKey(message)
      const one = told?.get(key)
      if (flying.has(key)) continue
      if (one === undefined || (one.state === 'sent' && one.epoch !== epoch)) waiting.push(message)
      else if (one.state === 'sent')
        sent.push({ packetId: one.packetId, state: 'sent', qos: 2, retain: false, message: unrelayed(message) })
    }
    return { waiting, sent }
  }

  /** A few times a second. ms since the epoch. */
  tick(now: number): void {
    for (const [client, { until }] of this.#told) {
      if (until > now) return
      this.#forget(client)
    }
  }

  #forget(client: ClientKey): void {
    this.#stats.nowRecalled -= this.#told.get(client)?.sent.size ?? 0
    this.#told.delete(client)
  }
}
