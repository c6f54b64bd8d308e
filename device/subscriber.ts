/** Subscribes and unsubscribes for the application, now or when there is a connection. Keeps the promises, `subscriptions.ts` the filters. */
import type { Connection } from './connection.ts'
import { DeviceError } from './error.ts'
import type { Events } from './events.ts'
import type { QoS } from './message.ts'
import { type SubscribeOptions, Subscriptions } from './subscriptions.ts'

interface Waiter {
  readonly resolve: (qos: QoS) => void
  readonly reject: (error: DeviceError) => void
}

export class Subscriber {
  readonly #connection: Pick<Connection, 'isUp' | 'subscribe' | 'unsubscribe'>
  readonly #subscriptions: Subscriptions
  readonly #events: Events
  readonly #waiters = new Map<string, Waiter[]>()

  constructor(connection: Pick<Connection, 'isUp' | 'subscribe' | 'unsubscribe'>, max: number, events: Events) {
    this.#connection = connection
    this.#subscriptions = new Subscriptions(max)
    this.#events = events
  }

  get size(): number {
    return this.#subscriptions.size
  }

  async subscribe(filter: string, options: SubscribeOptions): Promise<QoS> {
    this.#subscriptions.add(filter, options)
    return new Promise((resolve, reject) => {
      const waiters = this.#waiters.get(filter)
      if (waiters === undefined) this.#waiters.set(filter, [{ resolve, reject }])
      else waiters.push({ resolve, reject })
      if (this.#connection.isUp) void this.#ask(filter, options)
    })
  }

  async unsubscribe(filter: string): Promise<void> {
    this.#subscriptions.leave(filter)
    this.#end(filter, waiter => waiter.reject(new DeviceError('closed', `Filter '${filter}' was unsubscribed`)))
    if (this.#connection.isUp) await this.#leave(filter)
  }

  connected(sessionPresent: boolean): void {
    for (const filter of this.#subscriptions.leaving(sessionPresent)) void this.#leave(filter).catch(() => undefined)
    for (const [filter, options] of this.#subscriptions.missing(sessionPresent)) void this.#ask(filter, options)
  }

  close(): void {
    for (const filter of [...this.#waiters.keys()])
      this.#end(filter, waiter =>
        waiter.reject(new DeviceError('closed', `Filter '${filter}' was not confirmed before close`)),
      )
  }

  async #ask(filter: string, options: SubscribeOptions): Promise<void> {
    try {
      const granted = await this.#connection.subscribe(filter, options)
      this.#subscriptions.confirmed(filter)
      this.#end(filter, waiter => waiter.resolve(granted))
    } catch (error) {
      if (!(error instanceof DeviceError) || error.code === 'offline') return
      this.#subscriptions.remove(filter)
      if (!this.#waiters.has(filter)) this.#events.warn('subscription-failed', error.message)
      this.#end(filter, waiter => waiter.reject(error))
    }
  }

  async #leave(filter: string): Promise<void> {
    try {
      await this.#connection.unsubscribe(filter)
      this.#subscriptions.left(filter)
    } catch (error) {
      // Without connection the next broker is told.
      if (!(error instanceof DeviceError) || error.code !== 'offline') throw error
    }
  }

  #end(filter: string, how: (waiter: Waiter) => void): void {
    const waiters = this.#waiters.get(filter) ?? []
    this.#waiters.delete(filter)
    waiters.forEach(how)
  }
}
