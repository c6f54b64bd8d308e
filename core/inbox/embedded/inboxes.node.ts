/** Inboxes as rows of an embedded store, durable with its next commit. Owns the table `inbox` and nothing else. */
import type { StatementSync } from 'node:sqlite'
import { decodeMessage, encodeMessage } from '../../contract/codec.ts'
import type { ClientKey } from '../../contract/ids.ts'
import type { Message } from '../../contract/message.ts'
import type { EmbeddedStore } from '../../state/embedded/store.node.ts'
import type { InboxEntry, InboxHead, InboxStore, InboxSummary } from '../port.ts'

type Row = Record<string, unknown>

export class EmbeddedInboxes implements InboxStore {
  readonly marks = false
  readonly #store: EmbeddedStore
  readonly #put: StatementSync
  readonly #remove: StatementSync
  readonly #drop: StatementSync
  readonly #read: StatementSync
  readonly #first: StatementSync
  readonly #firstQos0: StatementSync
  #lastEncoded: Message | undefined = undefined
  #lastBytes: Uint8Array | undefined = undefined

  constructor(store: EmbeddedStore) {
    this.#store = store
    this.#put = store.prepare('INSERT INTO inbox VALUES (?, ?, ?, ?, ?, ?)')
    this.#remove = store.prepare('DELETE FROM inbox WHERE client = ? AND position = ?')
    this.#drop = store.prepare('DELETE FROM inbox WHERE client = ?')
    const from = 'FROM inbox WHERE client = ? AND position > ?'
    this.#read = store.prepare(`SELECT position, at, message ${from} ORDER BY position LIMIT ?`)
    const first = `SELECT position, qos, bytes, message ${from}`
    this.#first = store.prepare(`${first} ORDER BY position LIMIT 1`)
    this.#firstQos0 = store.prepare(`${first} AND qos = 0 ORDER BY position LIMIT 1`)
  }

  /** Throws an error that names the file if a row cannot be read. */
  load(visit: (client: ClientKey, summary: InboxSummary) => void): void {
    const sums =
      'SELECT client, count(*) AS n, sum(bytes) AS bytes, sum(qos = 0) AS qos0, max(position) AS last FROM inbox GROUP BY client'
    try {
      for (const row of this.#store.prepare(sums).iterate())
        visit(row.client as ClientKey, {
          count: Number(row.n),
          bytes: Number(row.bytes),
          qos0: Number(row.qos0),
          last: Number(row.last),
        })
    } catch (error) {
      throw this.#store.unreadable(error)
    }
  }

  restore(): undefined {}

  mark(): undefined {}

  put(client: ClientKey, entry: InboxEntry, bytes: number, durable: (() => void) | undefined): void {
    const { position, at, message } = entry
    this.#store.write(this.#put, client, position, Math.floor(at), message.qos, bytes, this.#encoded(message))
    if (durable !== undefined) this.#store.afterCommit(durable)
  }

  remove(client: ClientKey, position: number): void {
    this.#store.write(this.#remove, client, position)
  }

  read(client: ClientKey, after: number, limit: number, done: (entries: readonly InboxEntry[]) => void): void {
    this.#store.read(() => done(this.#entries(this.#read.all(client, after, limit))))
  }

  first(client: ClientKey, after: number, qos0Only: boolean): InboxHead | undefined {
    let head: InboxHead | undefined
    // While the store cannot be written, the answer would come later: then there is none.
    this.#store.read(() => {
      const row = (qos0Only ? this.#firstQos0 : this.#first).get(client, after)
      if (row !== undefined) head = this.#head(row)
    })
    return head
  }

  drop(client: ClientKey): void {
    this.#store.write(this.#drop, client)
  }

  #head(row: Row): InboxHead {
    try {
      const { topic } = decodeMessage(row.message as Uint8Array)
      return { position: Number(row.position), bytes: Number(row.bytes), qos: Number(row.qos), topic }
    } catch (error) {
      throw this.#store.unreadable(error)
    }
  }

  #entries(rows: Row[]): InboxEntry[] {
    try {
      return rows.map(row => ({
        position: Number(row.position),
        at: Number(row.at),
        message: decodeMessage(row.message as Uint8Array),
      }))
    } catch (error) {
      throw this.#store.unreadable(error)
    }
  }

  /** A message that goes to many inboxes is encoded once. */
  #encoded(message: Message): Uint8Array {
    if (this.#lastEncoded !== message) {
      this.#lastEncoded = message
      this.#lastBytes = encodeMessage(message)
    }
    return this.#lastBytes!
  }
}
