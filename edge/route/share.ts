/** One shared subscription at this edge: its members that are connected here, and whose turn it is. Does not deliver. */

import type { TopicFilter } from '../../core/contract/ids.ts'
import type { Message } from '../../core/contract/message.ts'
import type { Subscription } from '../../core/contract/session.ts'
import type { Session } from '../session/session.ts'
import type { ShareStrategy } from '../settings.ts'
import { type Target, targetOf } from './target.ts'

export class ShareGroup {
  /** `$share/{group}/{filter}`. */
  readonly filter: TopicFilter
  readonly #strategy: ShareStrategy
  #members: Target[] = []
  #turn = 0
  #random = 0x9e3779b9
  /** Members whose session outlives the connection: then the group's copy is accounted for in the journal. */
  durableMembers = 0

  constructor(filter: TopicFilter, strategy: ShareStrategy) {
    this.filter = filter
    this.#strategy = strategy
  }

  get size(): number {
    return this.#members.length
  }

  set(session: Session, subscription: Subscription): void {
    const at = this.#members.findIndex(m => m.session === session)
    const target = targetOf(session, subscription)
    if (at >= 0) this.#members[at] = target
    else {
      this.#members.push(target)
      if (session.persistent) this.durableMembers++
    }
  }

  delete(session: Session): void {
    const at = this.#members.findIndex(m => m.session === session)
    if (at < 0) return
    this.#members.splice(at, 1)
    if (at < this.#turn) this.#turn--
    if (session.persistent) this.durableMembers--
  }

  /** The member that gets `message`: by the strategy, but rather one that can take it now. Undefined if there is none but `except`. */
  pick(message: Message, except: Session | undefined): Target | undefined {
    const members = this.#members
    const n = members.length
    if (n === 0) return undefined
    const start = this.#start(message, n)
    let fallback: Target | undefined
    for (let i = 0; i < n; i++) {
      const at = start + i < n ? start + i : start + i - n
      const member = members[at]!
      if (member.session === except) continue
      if (member.session.canTake()) {
        if (this.#strategy === 'round-robin') this.#turn = at + 1
        else if (this.#strategy === 'sticky') this.#turn = at
        return member
      }
      fallback ??= member
    }
    return fallback
  }

  #start(message: Message, n: number): number {
    switch (this.#strategy) {
      case 'round-robin':
      case 'sticky':
        return this.#turn < n ? this.#turn : 0
      case 'random':
        this.#random = (Math.imul(this.#random, 1664525) + 1013904223) >>> 0
        return Math.floor((this.#random / 0x1_0000_0000) * n)
      case 'hash-client':
        return hash(message.sender) % n
      case 'hash-topic':
        return hash(message.topic) % n
    }
  }
}

/** FNV-1a over UTF-16 units. */
function hash(text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return h >>> 0
}
