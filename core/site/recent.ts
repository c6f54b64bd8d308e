/** Which messages this core has routed lately, in order, and to whom not: kept only while a session is being brought from another site, or still has something there. Tells whether the session has had a message already. */
import { type ClientKey, NO_CLIENT } from '../contract/ids.ts'
import { type Message, messageKey } from '../contract/message.ts'

interface Noted {
  /** The how manieth it was. */
  readonly n: number
  readonly except: ReadonlySet<ClientKey> | undefined
}

export class Recent {
  readonly #bound: number
  /** By client, if it was for one alone, and `messageKey`. */
  readonly #at = new Map<string, Noted>()
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

  /** Its target, or whoever it matched, gets it now. `except`: but these, for whom it comes another way. */
  note(message: Message, except?: ReadonlySet<ClientKey>): void {
    this.#note(keyOf(message, message.target), except)
  }

  /** This client alone gets it now. */
  noteFor(client: ClientKey, message: Message): void {
    this.#note(keyOf(message, client), undefined)
  }

  /** It was noted after that `begin`, for all or for this client. */
  has(message: Pick<Message, 'origin' | 'seq'>, since: number, client: ClientKey): boolean {
    const noted = (key: string): boolean => {
      const at = this.#at.get(key)
      return at !== undefined && at.n >= since && at.except?.has(client) !== true
    }
    return noted(messageKey(message)) || noted(keyOf(message, client))
  }

  #note(key: string, except: ReadonlySet<ClientKey> | undefined): void {
    this.#at.delete(key)
    this.#at.set(key, { n: this.#n++, except })
    if (this.#at.size > this.#bound) this.#at.delete(this.#oldest.next().value!)
  }
}

const keyOf = (message: Pick<Message, 'origin' | 'seq'>, client: ClientKey): string =>
  client === NO_CLIENT ? messageKey(message) : `${messageKey(message)} ${client}`
