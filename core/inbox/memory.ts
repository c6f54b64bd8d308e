/** Inboxes in memory: for `:memory:` and for tests. Nothing in them survives the process. */
import { own } from '../contract/codec.ts'
import type { ClientKey } from '../contract/ids.ts'
import type { Message } from '../contract/message.ts'
import type { InboxEntry, InboxHead, InboxStore, InboxSummary } from './port.ts'

interface Held extends InboxEntry {
  readonly bytes: number
}

export class MemoryInboxes implements InboxStore {
  readonly marks: boolean = false
  /** Of each client, by position. */
  readonly #inboxes = new Map<ClientKey, Held[]>()
  #lastGiven: Message | undefined = undefined
  #lastOwned: Message | undefined = undefined

  load(visit: (client: ClientKey, summary: InboxSummary) => void): void {
    for (const [client, inbox] of this.#inboxes) {
      const sum = { count: inbox.length, bytes: 0, qos0: 0, last: inbox.at(-1)!.position }
      for (const e of inbox) {
        sum.bytes += e.bytes
        if (e.message.qos === 0) sum.qos0++
      }
      visit(client, sum)
    }
  }

  restore(_client: ClientKey, _mark: Uint8Array): InboxSummary | undefined {
    return undefined
  }

  mark(_client: ClientKey): Uint8Array | undefined {
    return undefined
  }

  put(client: ClientKey, entry: InboxEntry, bytes: number, durable: (() => void) | undefined): void {
    let inbox = this.#inboxes.get(client)
    if (inbox === undefined) this.#inboxes.set(client, (inbox = []))
    const held = { position: entry.position, at: entry.at, message: this.#owned(entry.message), bytes }
    const last = inbox.at(-1)
    if (last === undefined || last.position < entry.position) inbox.push(held)
    else inbox.splice(above(inbox, entry.position), 0, held)
    if (durable !== undefined) queueMicrotask(durable)
  }

  remove(client: ClientKey, position: number): void {
    const inbox = this.#inboxes.get(client)
    if (inbox === undefined) return
    const i = above(inbox, position) - 1
    if (inbox[i]?.position === position) inbox.splice(i, 1)
    if (inbox.length === 0) this.#inboxes.delete(client)
  }

  read(client: ClientKey, after: number, limit: number, done: (entries: readonly InboxEntry[]) => void): void {
    const inbox = this.#inboxes.get(client) ?? []
    const start = above(inbox, after)
    done(inbox.slice(start, start + limit))
  }

  first(client: ClientKey, after: number, qos0Only: boolean): InboxHead | undefined {
    const inbox = this.#inboxes.get(client) ?? []
    for (let i = above(inbox, after); i < inbox.length; i++) {
      const { position, bytes, message } = inbox[i]!
      if (!qos0Only || message.qos === 0) return { position, bytes, qos: message.qos, topic: message.topic }
    }
    return undefined
  }

  drop(client: ClientKey): void {
    this.#inboxes.delete(client)
  }

  /** One copy for all inboxes that get the same message. */
  #owned(message: Message): Message {
    if (this.#lastGiven !== message) {
      this.#lastGiven = message
      this.#lastOwned = own(message)
    }
    return this.#lastOwned!
  }
}

/** Index of the first entry above `position`. */
function above(inbox: readonly Held[], position: number): number {
  let low = 0
  let high = inbox.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (inbox[middle]!.position <= position) low = middle + 1
    else high = middle
  }
  return low
}
