/** What another site is asked for: keeps the subscriptions of our session there equal to what is wanted here, and tells when they are. Owns no session. */
import type { ClientKey, TopicFilter } from '../contract/ids.ts'
import type { CoreLink } from '../contract/link.ts'
import type { Subscription } from '../contract/session.ts'
import type { Exports } from './exports.ts'

/** Per call, so that no record is large. */
const AT_ONCE = 1_000

export class Filters {
  readonly #link: CoreLink
  readonly #client: ClientKey
  readonly #exports: Exports
  #epoch: number | undefined = undefined
  /** Calls made and answered in this epoch. */
  #asked = 0
  #answered = 0
  #waits: { readonly upTo: number; readonly done: () => void }[] = []

  /** `client`: our session at the other site. */
  constructor(link: CoreLink, client: ClientKey, exports: Exports) {
    this.#link = link
    this.#client = client
    this.#exports = exports
  }

  /** The session is ours in this epoch, with these subscriptions. */
  begin(epoch: number, there: readonly Subscription[]): void {
    this.#epoch = epoch
    const wanted = this.#exports.filters
    const known = new Set(there.map(({ filter }) => filter))
    this.#unsubscribe([...known].filter(filter => !wanted.has(filter)))
    this.#subscribe([...wanted.keys()].filter(filter => !known.has(filter)))
  }

  /** The session is not ours any more: nobody is kept waiting. */
  end(): void {
    this.#epoch = undefined
    this.#asked = 0
    this.#answered = 0
    for (const { done } of this.#waits.splice(0)) done()
  }

  wanted(filter: TopicFilter): void {
    this.#subscribe([filter])
  }

  unwanted(filter: TopicFilter): void {
    this.#unsubscribe([filter])
  }

  /** `done` once the other site has taken up everything up to now: at once, or later, or at `end`. */
  settle(done: () => void): void {
    if (this.#answered === this.#asked) done()
    else this.#waits.push({ upTo: this.#asked, done })
  }

  #subscribe(filters: readonly TopicFilter[]): void {
    this.#inPieces(filters, (epoch, some) =>
      this.#link.subscribe(this.#client, epoch, some.map(subscriptionTo), () => this.#answer(epoch)),
    )
  }

  #unsubscribe(filters: readonly TopicFilter[]): void {
    this.#inPieces(filters, (epoch, some) =>
      this.#link.unsubscribe(this.#client, epoch, some, () => this.#answer(epoch)),
    )
  }

  #inPieces(filters: readonly TopicFilter[], call: (epoch: number, some: readonly TopicFilter[]) => void): void {
    const epoch = this.#epoch
    if (epoch === undefined) return
    for (let at = 0; at < filters.length; at += AT_ONCE) {
      this.#asked++
      call(epoch, filters.slice(at, at + AT_ONCE))
    }
  }

  /** In the order of the calls. */
  #answer(epoch: number): void {
    if (epoch !== this.#epoch) return
    this.#answered++
    while (this.#waits.length > 0 && this.#waits[0]!.upTo <= this.#answered) this.#waits.shift()!.done()
  }
}

/** Everything crosses as it was published; what was retained is compared by itself. */
const subscriptionTo = (filter: TopicFilter): Subscription => ({
  filter,
  qos: 2,
  noLocal: false,
  retainAsPublished: true,
  retainHandling: 2,
  id: 0,
})
