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
  readonly client: ClientKey
  state: OutgoingState
}

export class SentMessages {
  readonly #bound: number
  readonly #stats: LinkStats
  /** By packet id and client; the oldest first. */
  readonly #sent = new Map<string, Sent>()

  /** `bound`: messages at most; the oldest are forgotten first. */
  constructor(bound: number, stats: LinkStats) {
    this.#bound = bound
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
    return Map.groupBy(this.#sent.values(), ({ client }) => client)
  }

  #add(client: ClientKey, epoch: number, packetId: number, { origin, seq }: Message): void {
    const key = keyOf(client, packetId)
    this.#sent.delete(key)
    if (this.#sent.size >= this.#bound)
      for (const oldest of this.#sent.keys()) {
        this.#sent.delete(oldest)
        break
      }
    this.#sent.set(key, { client, packetId, epoch, state: 'sent', origin, seq })
    this.#stats.nowSentKept = this.#sent.size
  }

  #advance(client: ClientKey, packetId: number, state: OutgoingState): void {
    const sent = this.#sent.get(keyOf(client, packetId))
    if (sent !== undefined) sent.state = state
  }
}

const keyOf = (client: ClientKey, packetId: number): string => `${packetId} ${client}`
