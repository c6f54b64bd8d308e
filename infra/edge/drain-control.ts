/** Who asks for a drain of an edge, by HTTP or by a signal, and what is logged of it. Sends nobody away itself. */
import type { Logger } from 'pino'
import type { Drain } from '../../edge/drain.ts'
import type { DrainState, Obey } from '../../edge/http/drain.ts'

export class EdgeDrain {
  readonly #drain: Drain
  readonly #edge: { readonly clients: number }
  readonly #log: Logger
  #ending = false

  constructor(drain: Drain, edge: { readonly clients: number }, log: Logger) {
    this.#drain = drain
    this.#edge = edge
    this.#log = log
  }

  readonly obey: Obey = (order): DrainState => {
    const { clients } = this.#edge
    if (order.do === 'begin') {
      this.#log.info({ clients, moved: order.moved }, 'Draining')
      this.#drain.begin(order.moved)
    } else if (order.do === 'undo' && !this.#ending) {
      if (this.#drain.on) this.#log.info({ clients }, 'Clients are let in again')
      this.#drain.undo()
    }
    return { draining: this.#drain.on, clients }
  }

  /** The process ends: it cannot be taken back any more. Resolves when nobody is left, or after `limits.drainMs`. */
  async finish(): Promise<void> {
    this.#ending = true
    const { clients } = this.#edge
    if (clients > 0) this.#log.info({ clients }, 'Draining')
    await this.#drain.finish()
  }
}
