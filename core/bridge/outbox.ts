/** Messages on their way out: which rules want them, in what order they are sent, and what happens when that fails. Knows a `Sender`, not who is behind it. */
import { messageBytes } from '../contract/codec.ts'
import type { Tenant } from '../contract/ids.ts'
import type { Limits } from '../contract/limits.ts'
import type { Message } from '../contract/message.ts'
import { FilterTree } from '../topic/filter-tree.ts'
import type { OutRule } from './config.ts'
import { isForeign } from './incoming.ts'
import { Lanes, type LanesOptions } from './lanes.ts'
import { addressOf, OutMapping } from './outgoing.ts'
import type { Sender, Tap, TapHost } from './port.ts'
import type { BridgeEvents, BridgeStats } from './stats.ts'

export interface OutboxOptions {
  readonly rules: readonly OutRule[]
  readonly sender: Sender
  readonly host: TapHost
  readonly limits: Pick<Limits, 'bridgeQueueBytes' | 'bridgeQos0Bytes' | 'bridgeInFlight'>
  readonly stats: BridgeStats
  readonly events: BridgeEvents
  /** ms since the epoch. */
  readonly now: () => number
  /** Runs `fn` once after `ms`. */
  readonly after: (ms: number, fn: () => void) => void
}

/** A message of QoS ≥ 1 and how many rules have not dealt with it. */
interface Held {
  readonly message: Message
  left: number
}

export class Outbox implements Tap {
  readonly #o: OutboxOptions
  readonly #all: Lanes[] = []
  readonly #tenants = new Map<Tenant, FilterTree<Lanes[]>>()
  readonly #matched: Lanes[][] = []
  /** Bytes that wait: of QoS ≥ 1, and of QoS 0. */
  #bytes = 0
  #bytes0 = 0
  #congested = false
  #closed = false
  #idle: (() => void) | undefined = undefined

  /** Throws Error if a rule's template is wrong. */
  constructor(options: OutboxOptions) {
    this.#o = options
    for (const [i, rule] of options.rules.entries()) this.#add(rule, `bridge.out[${i}]`)
  }

  offer(message: Message): boolean {
    const wanting = this.#wanting(message)
    if (wanting.length === 0) return false
    // Nobody sends it any more: the log keeps it for the next core.
    if (this.#closed) return message.qos > 0
    const bytes = messageBytes(message)
    if (message.qos === 0 && this.#bytes0 + bytes * wanting.length > this.#o.limits.bridgeQos0Bytes) {
      this.#o.stats.outDropped += wanting.length
      return false
    }
    message.compact()
    const held: Held | undefined = message.qos === 0 ? undefined : { message, left: wanting.length }
    const at = this.#o.now()
    for (const lanes of wanting) {
      this.#count(held, bytes)
      lanes.push({ message, at, settled: () => this.#settled(held, bytes) })
    }
    return held !== undefined
  }

  /** Takes nothing more and waits until all is sent, at most `ms`. What is left of QoS ≥ 1 stays in the log; QoS 0 is dropped. */
  async close(ms: number): Promise<void> {
    this.#closed = true
    if (this.#o.stats.nowOutWaiting > 0) {
      await new Promise<void>(resolve => {
        this.#idle = resolve
        this.#o.after(ms, resolve)
      })
    }
    for (const lanes of this.#all) lanes.stop()
  }

  #add(rule: OutRule, name: string): void {
    const { sender, stats, events, limits, after } = this.#o
    const mapping = new OutMapping(rule)
    const options: LanesOptions = { rule, name, mapping, sender, stats, events, after, inFlight: limits.bridgeInFlight }
    const lanes = new Lanes(options)
    this.#all.push(lanes)
    const tenant = rule.tenant as Tenant
    let tree = this.#tenants.get(tenant)
    if (tree === undefined) this.#tenants.set(tenant, (tree = new FilterTree()))
    tree.getOrAdd(rule.filter, () => []).push(lanes)
  }

  #wanting(message: Message): readonly Lanes[] {
    const tree = this.#tenants.get(message.tenant)
    if (tree === undefined || isForeign(message.sender)) return []
    this.#matched.length = 0
    tree.match(addressOf(message), this.#matched)
    return this.#matched.length === 1 ? this.#matched[0]! : this.#matched.flat()
  }

  #count(held: Held | undefined, bytes: number): void {
    const { stats, limits, host } = this.#o
    stats.nowOutWaiting++
    stats.nowOutWaitingBytes += bytes
    if (held === undefined) this.#bytes0 += bytes
    else this.#bytes += bytes
    if (this.#congested || this.#bytes <= limits.bridgeQueueBytes) return
    this.#congested = true
    stats.outCongestions++
    host.congest(true)
  }

  /** One rule has dealt with it. */
  #settled(held: Held | undefined, bytes: number): void {
    const { stats, limits, host } = this.#o
    stats.nowOutWaiting--
    stats.nowOutWaitingBytes -= bytes
    if (held === undefined) this.#bytes0 -= bytes
    else {
      this.#bytes -= bytes
      if (--held.left === 0) host.tapped(held.message)
    }
    if (this.#congested && this.#bytes <= limits.bridgeQueueBytes / 2) {
      this.#congested = false
      host.congest(false)
    }
    if (stats.nowOutWaiting === 0) this.#idle?.()
  }
}
