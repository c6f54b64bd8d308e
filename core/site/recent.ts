/** Which messages this core has routed lately, in order: kept only while a session is being brought from another site, or still has something there. Tells whether the session has had a message already. */
import { type ClientKey, NO_CLIENT } from '../contract/ids.ts'
import { type Message, messageKey } from '../contract/message.ts'

export class Recent {
  readonly #bound: number
  /** By client, if it was for one alone, and `messageKey`: the how manieth it was. */
  readonly #at = new Map<string, number>()
  /** Everything before it is forgotten: to look for the oldest from the start takes the longer the more that is. */
  #oldest = this.#at.keys()
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
    if (--this.#users > 0) return
    this.#at.clear()
    this.#oldest = this.#at.keys()
  }

  /** `client`: the only one who got it; default the message's target, or whoever it matched. */
  note(message: Message, client = message.target): void {
    const key = keyOf(message, client)
    this.#at.delete(key)
    this.#at.set(key, this.#n++)
    if (this.#at.size > this.#bound) this.#at.delete(this.#oldest.next().value!)
  }

  /** It was noted after that `begin`, for all or for this client. */
  has(message: Message, since: number, client: ClientKey): boolean {
    const noted = (key: string): boolean => (this.#at.get(key) ?? -1) >= since
    return noted(messageKey(message)) || noted(keyOf(message, client))
  }
}

const keyOf = (message: Message, client: ClientKey): string =>
  client === NO_CLIENT ? messageKey(message) : `${messageKey(message)} ${client}`
