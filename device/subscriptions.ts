/** What the application subscribed to, so that it can be asked for again where the session is new. Sends nothing. */
import { DeviceError } from './error.ts'
import type { QoS } from './message.ts'

export interface SubscribeOptions {
  /** Default 1. */
  readonly qos?: QoS
  /** No Local, MQTT 5. */
  readonly noLocal?: boolean
  /** Retain As Published, MQTT 5. */
  readonly retainAsPublished?: boolean
  /** Which retained messages come, MQTT 5: 0 all, 1 those of a new subscription, 2 none. */
  readonly retainHandling?: 0 | 1 | 2
  /** MQTT 5, from 1 on. */
  readonly subscriptionIdentifier?: number
}

export class Subscriptions {
  readonly #max: number
  readonly #filters = new Map<string, SubscribeOptions>()
  /** Not confirmed by a broker that keeps our session. */
  readonly #open = new Set<string>()
  /** Unsubscribed, which no broker has confirmed. */
  readonly #gone = new Set<string>()

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#filters.size
  }

  /** Throws a DeviceError when there are too many. */
  add(filter: string, options: SubscribeOptions): void {
    if (this.#filters.size >= this.#max && !this.#filters.has(filter))
      throw new DeviceError('invalid', `Filter '${filter}' is one too many: ${this.#max} subscriptions are allowed`)
    this.#filters.set(filter, options)
    this.#open.add(filter)
    this.#gone.delete(filter)
  }

  confirmed(filter: string): void {
    this.#open.delete(filter)
  }

  remove(filter: string): void {
    this.#filters.delete(filter)
    this.#open.delete(filter)
  }

  /** The broker has to be told, this one or the next. Of too many the oldest is forgotten: its messages go on coming. */
  leave(filter: string): void {
    this.remove(filter)
    this.#gone.add(filter)
    if (this.#gone.size > this.#max) for (const oldest of [...this.#gone].slice(0, 1)) this.#gone.delete(oldest)
  }

  left(filter: string): void {
    this.#gone.delete(filter)
  }

  /** What a new connection has to unsubscribe: nothing if the broker knows no session. */
  leaving(sessionPresent: boolean): string[] {
    if (!sessionPresent) this.#gone.clear()
    return [...this.#gone]
  }

  /** What a new connection has to ask for: everything if the broker knows no session, otherwise what it never confirmed. */
  missing(sessionPresent: boolean): [string, SubscribeOptions][] {
    if (!sessionPresent) for (const filter of this.#filters.keys()) this.#open.add(filter)
    return [...this.#filters].filter(([filter]) => this.#open.has(filter))
  }
}
