/** Who asks for a drain of an edge, by HTTP or by a signal, and what is logged of it. Sends nobody away itself. */
import type { Logger } from 'pino'
import type { Drain } from '../../edge/drain.ts'
import type { DrainControl } from '../../edge/http/drain.ts'

export class EdgeDrain implements DrainControl {
  readonly #drain: Drain
  readonly #edge: { readonly clients: number }
  readonly #log: Logger
  #ending = false

  constructor(drain: Drain, edge: { readonly clients: number }, log: Logger) {
    this.#drain = drain
    this.#edge = edge
    this.#log = log
  }

  get on(): boolean {
    return this.#drain.on
  }

  get clients(): number {
    return this.#edge.clients
  }

  begin(moved: boolean): void {
    this.#log.info({ clients: this.clients, moved }, 'Draining')
    this.#drain.begin(moved)
  }

  undo(): boolean {
    if (this.#ending) return false
    if (this.on) this.#log.info({ clients: this.clients }, 'Clients are let in again')
    this.#drain.undo()
    return true
  }

  /** The process ends: it cannot be taken back any more. Resolves when nobody is left, or after `limits.drainMs`. */
  async finish(): Promise<void> {
    this.#ending = true
    const { clients } = this
    if (clients > 0) this.#log.info({ clients }, 'Draining')
    await this.#drain.finish()
  }
}
