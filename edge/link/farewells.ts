/** How connections ended that no core has confirmed to know: of each client the latest, told again to the next core. Bounded; writes no records. */
import type { ClientKey } from '../../core/contract/ids.ts'
import type { LinkStats } from '../../core/contract/link/stats.ts'
import type { Release } from '../../core/contract/link.ts'

export interface Farewell extends Pick<Release, 'will' | 'sentAway' | 'expirySec'> {
  readonly client: ClientKey
  readonly epoch: number
  /** ms since the epoch. */
  readonly at: number
}

export class Farewells {
  readonly #bound: number
  readonly #stats: LinkStats
  /** The oldest first. */
  readonly #kept = new Map<ClientKey, Farewell>()

  /** `bound`: farewells kept at most; the oldest are forgotten first. */
  constructor(bound: number, stats: LinkStats) {
    this.#bound = bound
    this.#stats = stats
  }

  add(farewell: Farewell): void {
    const { client } = farewell
    this.#kept.delete(client)
    if (this.#kept.size >= this.#bound)
      for (const oldest of this.#kept.keys()) {
        this.#kept.delete(oldest)
        break
      }
    this.#kept.set(client, farewell)
    this.#count()
  }

  /** A core has it safe. */
  confirmed(client: ClientKey, epoch: number): void {
    if (this.#kept.get(client)?.epoch === epoch) this.claimed(client)
  }

  /** The client has another connection. */
  claimed(client: ClientKey): void {
    this.#kept.delete(client)
    this.#count()
  }

  values(): Iterable<Farewell> {
    return this.#kept.values()
  }

  #count(): void {
    this.#stats.nowFarewells = this.#kept.size
  }
}
