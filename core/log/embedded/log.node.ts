/** The log as rows of an embedded store: one row per envelope. */
import type { StatementSync } from 'node:sqlite'
import type { EmbeddedStore } from '../../state/embedded/store.node.ts'
import type { Log } from '../port.ts'

export class EmbeddedLog implements Log {
  readonly commits: EmbeddedStore
  readonly keeps = true
  readonly next: number
  readonly #append: StatementSync
  readonly #trim: StatementSync
  readonly #setNext: StatementSync
  #end: number

  constructor(store: EmbeddedStore) {
    this.commits = store
    this.#append = store.prepare('INSERT INTO log VALUES (?, ?, ?)')
    this.#trim = store.prepare('DELETE FROM log WHERE position < ?')
    this.#setNext = store.prepare("UPDATE meta SET value = ? WHERE key = 'next'")
    const trimmed = store.prepare("SELECT value FROM meta WHERE key = 'next'").get()
    const last = store.prepare('SELECT position + records AS next FROM log ORDER BY position DESC LIMIT 1').get()
    this.next = Math.max(Number(trimmed?.value ?? 1), Number(last?.next ?? 1))
    this.#end = this.next
  }

  append(position: number, records: number, envelope: Uint8Array): void {
    this.#end = position + records
    this.commits.write(this.#append, position, records, envelope)
  }

  /** The next position is written too: without rows nothing else would tell it. */
  trim(position: number): void {
    this.commits.write(this.#trim, position)
    this.commits.write(this.#setNext, this.#end)
  }

  /** Throws an error that names the file if an envelope cannot be read, or if `visit` refuses it. */
  replay(visit: (position: number, records: number, envelope: Uint8Array) => void): undefined {
    try {
      for (const row of this.commits.prepare('SELECT position, records, envelope FROM log ORDER BY position').iterate())
        visit(Number(row.position), Number(row.records), row.envelope as Uint8Array)
    } catch (error) {
      throw this.commits.unreadable(error)
    }
  }
}
