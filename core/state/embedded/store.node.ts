/** One SQLite database with one transaction per commit, which log and state of a standalone core share. Knows no tables. */
import type { SQLInputValue, StatementSync } from 'node:sqlite'
import type { Commits } from '../../log/port.ts'
import { prepareDataFile, reasonOf, refused } from './data-file.node.ts'
import { DatabaseSync } from './sqlite.node.ts'

export interface StoreOptions {
  /** Directory of the data file; made if it is not there. */
  readonly dir: string
  /** `normal`: a commit survives the end of the process; `full`: also the loss of power. */
  readonly synchronous: 'normal' | 'full'
}

/** Writes that may wait for a commit somebody else asks for. */
const FULL_WRITES = 4096

interface Write {
  readonly statement: StatementSync
  readonly values: readonly SQLInputValue[]
}

/**
 * Writes are kept until a commit has succeeded and run in one transaction, at the first read or at `commit`. If it fails
 * all of them run again with the next commit.
 */
export class EmbeddedStore implements Commits {
  readonly path: string
  readonly #db: DatabaseSync
  #writes: Write[] = []
  /** How many of `#writes` ran in the open transaction. */
  #ran = 0
  #inTransaction = false
  #reads: (() => void)[] = []
  #afterCommit: (() => void)[] = []

  /** Throws an error that names path and reason if the directory is foreign, damaged, newer, in use or not writable; it is then left as it was. */
  constructor(options: StoreOptions) {
    this.path = prepareDataFile(options.dir)
    try {
      this.#db = new DatabaseSync(this.path)
      // Exclusive, and before the first access: a second process is refused, and no shared memory file is needed.
      this.#db.exec('PRAGMA locking_mode = EXCLUSIVE')
      this.#db.exec('PRAGMA journal_mode = WAL')
      this.#db.exec(`PRAGMA synchronous = ${options.synchronous === 'full' ? 'FULL' : 'NORMAL'}`)
      this.#db.exec('PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY')
      this.#db.exec('BEGIN IMMEDIATE; COMMIT')
    } catch (error) {
      throw refused(this.path, reasonOf(error))
    }
  }

  get dirty(): boolean {
    return this.#writes.length > 0
  }

  get full(): boolean {
    return this.#writes.length >= FULL_WRITES
  }

  prepare(sql: string): StatementSync {
    return this.#db.prepare(sql)
  }

  /** Blobs must stay as they are until the commit succeeded. */
  write(statement: StatementSync, ...values: SQLInputValue[]): void {
    this.#writes.push({ statement, values })
  }

  /** Runs `fn` once all earlier writes are visible: now, or after the next commit if they cannot be written at present. */
  read(fn: () => void): void {
    try {
      this.#run()
    } catch {
      // The error comes again, and is reported, at the commit.
      this.#rollback()
      this.#reads.push(fn)
      return
    }
    fn()
  }

  /** Runs `fn` once all earlier writes are durable. */
  afterCommit(fn: () => void): void {
    this.#afterCommit.push(fn)
  }

  commit(done: (error: Error | undefined) => void): void {
    try {
      this.#run()
      if (this.#inTransaction) this.#db.exec('COMMIT')
      this.#inTransaction = false
      this.#writes = []
      this.#ran = 0
    } catch (error) {
      this.#rollback()
      done(error instanceof Error ? error : new Error(String(error)))
      return
    }
    const durable = this.#afterCommit
    this.#afterCommit = []
    done(undefined)
    for (const fn of durable) fn()
    const reads = this.#reads
    if (reads.length === 0) return
    this.#reads = []
    for (const read of reads) this.read(read)
  }

  /** A row that cannot be read, in words that name the file. */
  unreadable(error: unknown): Error {
    return new Error(`Data file '${this.path}' cannot be read: ${reasonOf(error)}`, { cause: error })
  }

  /** Gives the file up. What was not committed is gone. */
  close(): void {
    this.#rollback()
    this.#db.close()
  }

  #run(): void {
    if (this.#ran === this.#writes.length) return
    if (!this.#inTransaction) {
      this.#db.exec('BEGIN IMMEDIATE')
      this.#inTransaction = true
    }
    for (; this.#ran < this.#writes.length; this.#ran++) {
      const { statement, values } = this.#writes[this.#ran]!
      statement.run(...values)
    }
  }

  #rollback(): void {
    this.#ran = 0
    this.#inTransaction = false
    // SQLite may have rolled back by itself.
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
  }
}
