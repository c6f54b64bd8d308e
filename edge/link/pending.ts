/** Calls to the core that wait for their answer, by number. Owns the numbering. */
import type { ClientKey } from '../../core/contract/ids.ts'
import type { ClaimReply, InboxPage, RetainedPage } from '../../core/contract/link.ts'

/** `client` and `epoch`: without that claim the core drops the call unanswered. */
export type Pending =
  | { readonly for: 'done'; readonly client: ClientKey; readonly epoch: number; readonly done: () => void }
  | {
      readonly for: 'inbox'
      readonly client: ClientKey
      readonly epoch: number
      readonly done: (page: InboxPage) => void
    }
  | { readonly for: 'claimed'; readonly client: ClientKey; readonly done: (reply: ClaimReply) => void }
  | { readonly for: 'page'; readonly done: (page: RetainedPage) => void }

type Of<K extends Pending['for']> = Extract<Pending, { for: K }>

export class PendingCalls {
  readonly #calls = new Map<number, Pending>()
  #last = 0

  get size(): number {
    return this.#calls.size
  }

  add(call: Pending): number {
    this.#calls.set(++this.#last, call)
    return this.#last
  }

  /** Takes the call that is answered; undefined if nobody waits any more. Throws RangeError if another answer is due. */
  take<K extends Pending['for']>(n: number, kind: K): Of<K> | undefined {
    if (n > this.#last || n === 0) throw new RangeError(`Answer to call ${n}, which was not made`)
    const call = this.#calls.get(n)
    if (call === undefined) return undefined
    if (call.for !== kind) throw new RangeError(`Answer '${kind}' to call ${n}, which waits for '${call.for}'`)
    this.#calls.delete(n)
    return call as Of<K>
  }

  /** Forgets calls that are not answered any more: their claim is over. */
  sweep(owns: (client: ClientKey, epoch: number) => boolean): void {
    for (const [n, call] of this.#calls)
      if ((call.for === 'done' || call.for === 'inbox') && !owns(call.client, call.epoch)) this.#calls.delete(n)
  }

  clear(): void {
    this.#calls.clear()
  }
}
