/** Writes marks of logs to the register: one at a time, the latest of each log only, again until it succeeds. Nobody waits for it. */
import type { Wal, WalRegistry } from './registry.ts'
import type { WalStats } from './wal-stats.ts'

const RETRY_MS = 1_000

export class Marks {
  readonly #registry: WalRegistry
  readonly #stats: WalStats
  readonly #warn: (text: string) => void
  /** By name; `finished` if nothing of it is needed any more. */
  readonly #due = new Map<string, Wal | 'finished'>()
  #writing: Promise<void> | undefined
  #closed = false

  constructor(registry: WalRegistry, stats: WalStats, warn: (text: string) => void) {
    this.#registry = registry
    this.#stats = stats
    this.#warn = warn
  }

  mark(wal: Wal): void {
    if (this.#due.get(wal.name) === 'finished') return
    this.#due.set(wal.name, wal)
    this.#writing ??= this.#write()
  }

  finished(name: string): void {
    this.#due.set(name, 'finished')
    this.#writing ??= this.#write()
  }

  /** What is due is tried once more; then nothing more is written. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#writing
  }

  async #write(): Promise<void> {
    for (;;) {
      const next = this.#due.entries().next()
      if (next.done === true) break
      const [name, what] = next.value
      this.#due.delete(name)
      try {
        if (what === 'finished') await this.#registry.finished(name)
        else await this.#registry.mark(what)
      } catch (error) {
        this.#stats.markFailures++
        this.#warn(`Mark of log '${name}' cannot be written: ${(error as Error).message}`)
        if (!this.#due.has(name)) this.#due.set(name, what)
        if (this.#closed) break
        await new Promise(resolve => setTimeout(resolve, RETRY_MS))
      }
    }
    this.#writing = undefined
  }
}
