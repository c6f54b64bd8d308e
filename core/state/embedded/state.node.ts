/** The state in the tables of an embedded store. Owns their rows and nothing else. */
import type { StatementSync } from 'node:sqlite'
import { decodeMessage, encodeMessage } from '../../contract/codec.ts'
import type { ClientKey, Tenant, TopicFilter, TopicName } from '../../contract/ids.ts'
import type { Message } from '../../contract/message.ts'
import type { SessionRecord, State, StateVisitor, StoredSubscription } from '../port.ts'
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
  readonly #putRetained: StatementSync
  readonly #deleteRetained: StatementSync

  constructor(store: EmbeddedStore) {
    this.commits = store
    this.#putSession = store.prepare('INSERT OR REPLACE INTO sessions VALUES (?, ?)')
    this.#deleteSession = store.prepare('DELETE FROM sessions WHERE client = ?')
    this.#putSubscription = store.prepare('INSERT OR REPLACE INTO subscriptions VALUES (?, ?, ?)')
    this.#deleteSubscription = store.prepare('DELETE FROM subscriptions WHERE client = ? AND filter = ?')
    this.#deleteSubscriptions = store.prepare('DELETE FROM subscriptions WHERE client = ?')
    this.#putRetained = store.prepare('INSERT OR REPLACE INTO retained VALUES (?, ?, ?)')
    this.#deleteRetained = store.prepare('DELETE FROM retained WHERE tenant = ? AND topic = ?')
  }

  load(visit: StateVisitor): undefined {
    this.#each('SELECT client, record FROM sessions', row =>
      visit.session(decodeSession(row.client as ClientKey, row.record as Uint8Array)),
    )
    this.#each('SELECT client, filter, options FROM subscriptions', row =>
      visit.subscription(
        row.client as ClientKey,
        decodeSubscription(row.filter as TopicFilter, row.options as Uint8Array),
      ),
    )
    this.#each('SELECT message FROM retained', row => visit.retained(decodeMessage(row.message as Uint8Array)))
  }

  putSession(record: SessionRecord): void {
    this.commits.write(this.#putSession, record.client, encodeSession(record))
  }

  deleteSession(client: ClientKey): void {
    this.commits.write(this.#deleteSession, client)
    this.commits.write(this.#deleteSubscriptions, client)
  }

  putSubscription(client: ClientKey, subscription: StoredSubscription): void {
    this.commits.write(this.#putSubscription, client, subscription.filter, encodeSubscription(subscription))
  }

  deleteSubscription(client: ClientKey, filter: TopicFilter): void {
    this.commits.write(this.#deleteSubscription, client, filter)
  }

  putRetained(message: Message): void {
    this.commits.write(this.#putRetained, message.tenant, message.topic, encodeMessage(message))
  }

  deleteRetained(tenant: Tenant, topic: TopicName): void {
    this.commits.write(this.#deleteRetained, tenant, topic)
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
