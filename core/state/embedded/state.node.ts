/** The state in the tables of an embedded store. Owns their rows and nothing else. */
import type { StatementSync } from 'node:sqlite'
import { decodeMessage, encodeMessage } from '../../contract/codec.ts'
import type { ClientKey, Tenant, TopicFilter, TopicName } from '../../contract/ids.ts'
import type { Message } from '../../contract/message.ts'
import type { InboxEntry, SessionRecord, State, StateVisitor, StoredSubscription } from '../port.ts'
import { decodeSession, decodeSubscription, encodeSession, encodeSubscription } from '../record.ts'
import type { EmbeddedStore } from './store.node.ts'

type Row = Record<string, unknown>

export class EmbeddedState implements State {
  readonly commits: EmbeddedStore
  readonly #putSession: StatementSync
  readonly #deleteSession: StatementSync
  readonly #putSubscription: StatementSync
  readonly #deleteSubscription: StatementSync
  readonly #deleteSubscriptions: StatementSync
  readonly #putInbox: StatementSync
  readonly #deleteInbox: StatementSync
  readonly #deleteInboxes: StatementSync
  readonly #readInbox: StatementSync
  readonly #readQos0: StatementSync
  readonly #putRetained: StatementSync
  readonly #deleteRetained: StatementSync
  #lastEncoded: Message | undefined = undefined
  #lastBytes: Uint8Array | undefined = undefined

  constructor(store: EmbeddedStore) {
    this.commits = store
    this.#putSession = store.prepare('INSERT OR REPLACE INTO sessions VALUES (?, ?)')
    this.#deleteSession = store.prepare('DELETE FROM sessions WHERE client = ?')
    this.#putSubscription = store.prepare('INSERT OR REPLACE INTO subscriptions VALUES (?, ?, ?)')
    this.#deleteSubscription = store.prepare('DELETE FROM subscriptions WHERE client = ? AND filter = ?')
    this.#deleteSubscriptions = store.prepare('DELETE FROM subscriptions WHERE client = ?')
    this.#putInbox = store.prepare('INSERT INTO inbox VALUES (?, ?, ?, ?, ?, ?)')
    this.#deleteInbox = store.prepare('DELETE FROM inbox WHERE client = ? AND position = ?')
    this.#deleteInboxes = store.prepare('DELETE FROM inbox WHERE client = ?')
    const read = 'SELECT position, at, message FROM inbox WHERE client = ? AND position > ?'
    this.#readInbox = store.prepare(`${read} ORDER BY position LIMIT ?`)
    this.#readQos0 = store.prepare(`${read} AND qos = 0 ORDER BY position LIMIT ?`)
    this.#putRetained = store.prepare('INSERT OR REPLACE INTO retained VALUES (?, ?, ?)')
    this.#deleteRetained = store.prepare('DELETE FROM retained WHERE tenant = ? AND topic = ?')
  }

  load(visit: StateVisitor): void {
    this.#each('SELECT client, record FROM sessions', row =>
      visit.session(decodeSession(row.client as ClientKey, row.record as Uint8Array)),
    )
    this.#each('SELECT client, filter, options FROM subscriptions', row =>
      visit.subscription(
        row.client as ClientKey,
        decodeSubscription(row.filter as TopicFilter, row.options as Uint8Array),
      ),
    )
    this.#each(
      'SELECT client, count(*) AS n, sum(bytes) AS bytes, sum(qos = 0) AS qos0, max(position) AS last FROM inbox GROUP BY client',
      row =>
        visit.inbox(row.client as ClientKey, {
          count: Number(row.n),
          bytes: Number(row.bytes),
          qos0: Number(row.qos0),
          last: Number(row.last),
        }),
    )
    this.#each('SELECT message FROM retained', row => visit.retained(decodeMessage(row.message as Uint8Array)))
  }

  putSession(record: SessionRecord): void {
    this.commits.write(this.#putSession, record.client, encodeSession(record))
  }

  deleteSession(client: ClientKey): void {
    for (const statement of [this.#deleteSession, this.#deleteSubscriptions, this.#deleteInboxes])
      this.commits.write(statement, client)
  }

  putSubscription(client: ClientKey, subscription: StoredSubscription): void {
    this.commits.write(this.#putSubscription, client, subscription.filter, encodeSubscription(subscription))
  }

  deleteSubscription(client: ClientKey, filter: TopicFilter): void {
    this.commits.write(this.#deleteSubscription, client, filter)
  }

  putInbox(client: ClientKey, entry: InboxEntry, bytes: number): void {
    const { position, at, message } = entry
    this.commits.write(this.#putInbox, client, position, Math.floor(at), message.qos, bytes, this.#encoded(message))
  }

  deleteInbox(client: ClientKey, position: number): void {
    this.commits.write(this.#deleteInbox, client, position)
  }

  readInbox(
    client: ClientKey,
    after: number,
    limit: number,
    qos0Only: boolean,
    done: (entries: readonly InboxEntry[]) => void,
  ): void {
    const statement = qos0Only ? this.#readQos0 : this.#readInbox
    this.commits.read(() => done(this.#entries(statement.all(client, after, limit))))
  }

  putRetained(message: Message): void {
    this.commits.write(this.#putRetained, message.tenant, message.topic, encodeMessage(message))
  }

  deleteRetained(tenant: Tenant, topic: TopicName): void {
    this.commits.write(this.#deleteRetained, tenant, topic)
  }

  /** A message that goes to many inboxes is encoded once. */
  #encoded(message: Message): Uint8Array {
    if (this.#lastEncoded !== message) {
      this.#lastEncoded = message
      this.#lastBytes = encodeMessage(message)
    }
    return this.#lastBytes!
  }

  #entries(rows: Row[]): InboxEntry[] {
    try {
      return rows.map(row => ({
        position: Number(row.position),
        at: Number(row.at),
        message: decodeMessage(row.message as Uint8Array),
      }))
    } catch (error) {
      throw this.commits.unreadable(error)
    }
  }

  /** Throws an error that names the file if a row cannot be read. */
  #each(sql: string, visit: (row: Row) => void): void {
    try {
      for (const row of this.commits.prepare(sql).iterate()) visit(row)
    } catch (error) {
      throw this.commits.unreadable(error)
    }
  }
}
