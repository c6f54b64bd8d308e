/** Inboxes on the RocketMQ of this run, for the contract suite. Opening them again is what another core does after a crash: it has the marks of the last commit. */
import { randomUUID } from 'node:crypto'
import type { ClientKey } from '../../core/contract/ids.ts'
import type { InboxSummary } from '../../core/inbox/port.ts'
import { type OpenInboxes, openInboxes } from '../../core/log/rocketmq/inbox.node.ts'
import type { InboxLimits } from '../../core/log/rocketmq/inbox-stats.ts'
import { sharedRocketmq } from '../harness/rocketmq.ts'

export class RocketmqInboxBox {
  readonly #limits: Partial<InboxLimits>
  readonly #clients: readonly ClientKey[]
  #marks = new Map<ClientKey, Uint8Array>()
  #opened!: OpenInboxes
  #summaries: [ClientKey, InboxSummary][] = []

  private constructor(clients: readonly ClientKey[], limits: Partial<InboxLimits>) {
    this.#clients = clients
    this.#limits = limits
  }

  static async open(clients: readonly ClientKey[], limits: Partial<InboxLimits> = {}): Promise<RocketmqInboxBox> {
    const box = new RocketmqInboxBox(clients, limits)
    await box.#open()
    return box
  }

  get inboxes(): OpenInboxes['store'] {
    return this.#opened.store
  }

  /** All that was put is durable, and the records of the sessions are written. */
  async commit(): Promise<void> {
    for (const { stats } = this.inboxes; stats.nowWaitingEntries > 0; )
      await new Promise(resolve => setTimeout(resolve, 5))
    this.#marks = new Map()
    for (const client of this.#clients) {
      const mark = this.inboxes.mark(client)
      if (mark !== undefined) this.#marks.set(client, mark)
    }
  }

  async reopen(): Promise<void> {
    await this.#opened.close()
    await this.#open()
  }

  summaries(): readonly [ClientKey, InboxSummary][] {
    return this.#summaries
  }

  dispose(): Promise<void> {
    return this.#opened.close()
  }

  async #open(): Promise<void> {
    this.#opened = await openInboxes(await sharedRocketmq(), { life: nextLife(), limits: this.#limits })
    this.#summaries = []
    for (const [client, mark] of this.#marks) {
      const summary = this.inboxes.restore(client, mark)
      if (summary !== undefined) this.#summaries.push([client, summary])
    }
  }
}

/** A client that nobody else has. */
export const someClient = (): ClientKey => `:${randomUUID()}` as ClientKey

let last = 0
/** Files of tests run beside each other: two lives may begin in the same millisecond, but not with the same client. */
export const nextLife = (): number => (last = Math.max(Date.now(), last + 1))
