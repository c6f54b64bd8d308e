/** Which clients have had which messages at the site they came from: that site still sends them here, for others. Keeps a bounded number. */
import type { ClientKey } from '../contract/ids.ts'
import { type Message, messageKey } from '../contract/message.ts'

export class Had {
  readonly #bound: number
  readonly #clients = new Map<string, Set<ClientKey>>()

  /** `bound`: messages at most; the oldest are forgotten first. */
  constructor(bound: number) {
    this.#bound = bound
  }

  /** `key`: `messageKey`. */
  add(key: string, client: ClientKey): void {
    const known = this.#clients.get(key)
    if (known !== undefined) return void known.add(client)
    this.#clients.set(key, new Set([client]))
    if (this.#clients.size <= this.#bound) return
    for (const oldest of this.#clients.keys()) {
      this.#clients.delete(oldest)
      break
    }
  }

  /** Once per message: it comes from there only once. */
  take(message: Message): ReadonlySet<ClientKey> | undefined {
    if (this.#clients.size === 0) return undefined
    const key = messageKey(message)
    const clients = this.#clients.get(key)
    if (clients !== undefined) this.#clients.delete(key)
    return clients
  }
}
