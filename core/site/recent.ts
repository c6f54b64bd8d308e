/** Which messages this core has routed lately, in order: kept only while a session is being brought from another site, or still has something there. Tells whether the session has had a message already. */
import { type Message, messageKey } from '../contract/message.ts'

export class Recent {
  readonly #bound: number
  /** By `messageKey`: the how manieth it was. */
  readonly #at = new Map<string, number>()
  #n = 0
  #users = 0

  /** `bound`: messages remembered at most; the oldest are forgotten first. */
  constructor(bound: number) {
    this.#bound = bound
  }

  get size(): number {
    return this.#at.size
  }

  get active(): boolean {
    return this.#users > 0
  }

  /** From now on messages are noted. Returns what `has` takes as `since`. */
  begin(): number {
    this.#users++
    return this.#n
  }

  /** Once per `begin`. */
  end(): void {
    if (--this.#users === 0) this.#at.clear()
  }

  note(message: Message): void {
    const key = messageKey(message)
    this.#at.delete(key)
    this.#at.set(key, this.#n++)
    if (this.#at.size <= this.#bound) return
    for (const oldest of this.#at.keys()) {
      this.#at.delete(oldest)
      break
    }
  }

  /** It was noted after that `begin`. */
  has(message: Message, since: number): boolean {
    const at = this.#at.get(messageKey(message))
    return at !== undefined && at >= since
  }
}
