/** A log in memory. Keeps nothing by default; with `keep` it holds envelopes for whoever opens it next, for tests. Nothing in it survives the process. */
import type { Commits, Log } from './port.ts'

/** Commits of what needs none. */
export const MEMORY_COMMITS: Commits = { dirty: false, full: false, commit: done => done(undefined), close: () => {} }

interface Held {
  readonly position: number
  readonly records: number
  readonly envelope: Uint8Array
}

export class MemoryLog implements Log {
  readonly commits = MEMORY_COMMITS
  readonly keeps: boolean
  #envelopes: Held[] = []
  #next = 1

  constructor(options: { readonly keep: boolean } = { keep: false }) {
    this.keeps = options.keep
  }

  get next(): number {
    return this.#next
  }

  append(position: number, records: number, envelope: Uint8Array): void {
    this.#next = position + records
    if (this.keeps) this.#envelopes.push({ position, records, envelope: envelope.slice() })
  }

  trim(position: number): void {
    this.#envelopes = this.#envelopes.filter(e => e.position >= position)
  }

  replay(visit: (position: number, records: number, envelope: Uint8Array) => void): undefined {
    for (const e of this.#envelopes) visit(e.position, e.records, e.envelope)
  }
}
