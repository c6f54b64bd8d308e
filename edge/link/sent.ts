/**
 * The QoS 2 messages that went out to kept sessions last, and how far each exchange has come. The next core may have a record that is older
 * than that, or none: it is told first of all. Keeps a bounded number, no payloads; writes no records.
 */
import type { ClientKey } from '../../core/contract/ids.ts'
import type { Outgoing, OutgoingState } from '../../core/contract/link/outgoing.ts'
import type { LinkStats } from '../../core/contract/link/stats.ts'
import type { Step } from '../../core/contract/link.ts'
import type { Message } from '../../core/contract/message.ts'
import type { Inflight } from '../../core/contract/session.ts'

interface Sent extends Outgoing {
  state: OutgoingState
}

/** By client and packet id. */
type Generation = Map<ClientKey, Map<number, Sent>>

export class SentMessages {
  readonly #each: number
  readonly #stats: LinkStats
  /** What is full goes with all it holds: a map is slow to give up its oldest one by one. */
  #old: Generation = new Map()
  #young: Generation = new Map()
  #oldSize = 0
  #youngSize = 0

  /** `bound`: messages at most, and half of it at least; the oldest are forgotten first. */
  constructor(bound: number, stats: LinkStats) {
    this.#each = Math.ceil(bound / 2)
    this.#stats = stats
  }

  step(client: ClientKey, epoch: number, step: Step): void {
    if (step.step === 'out') this.#add(client, epoch, step.packetId, step.message)
    else if (step.step === 'rec') this.#advance(client, step.packetId, 'received')
    else if (step.step === 'done' && step.message?.qos !== 1) this.#advance(client, step.packetId, 'done')
  }

  /** A session goes on at this edge with what is in flight: what is sent again is not journaled again. */
  restored(client: ClientKey, epoch: number, inflight: readonly Inflight[]): void {
    for (const { packetId, qos, state, message } of inflight)
      if (qos === 2 && state === 'sent' && message !== undefined) this.#add(client, epoch, packetId, message)
  }

  byClient(): ReadonlyMap<ClientKey, readonly Outgoing[]> {
    const all = new Map<ClientKey, Map<number, Outgoing>>()
    for (const [client, sent] of [...this.#old, ...this.#young])
      all.set(client, new Map([...(all.get(client) ?? []), ...sent]))
    return new Map([...all].map(([client, sent]) => [client, [...sent.values()]]))
  }

  #add(client: ClientKey, epoch: number, packetId: number, { origin, seq }: Message): void {
    if (this.#youngSize >= this.#each) {
      this.#old = this.#young
      this.#oldSize = this.#youngSize
      this.#young = new Map()
      this.#youngSize = 0
    }
    let sent = this.#young.get(client)
    if (sent === undefined) this.#young.set(client, (sent = new Map()))
    if (!sent.has(packetId)) this.#youngSize++
    sent.set(packetId, { packetId, epoch, state: 'sent', origin, seq })
    this.#stats.nowSentKept = this.#oldSize + this.#youngSize
  }

  #advance(client: ClientKey, packetId: number, state: OutgoingState): void {
    const sent = this.#young.get(client)?.get(packetId) ?? this.#old.get(client)?.get(packetId)
    if (sent !== undefined) sent.state = state
  }
}
