/** MQTT packet ids: one is free or taken, by a message of the outbox or by a SUBSCRIBE. MQTT.js asks here for every id it uses. */

const MOST = 0xffff

export class PacketIds {
  readonly #taken = new Set<number>()
  /** Of SUBSCRIBE and UNSUBSCRIBE, which end with the connection. */
  readonly #passing = new Set<number>()
  #last: number
  #dictated: number | undefined

  /** The first id is the one after `last`. A random one keeps a process without storage from using an id that the broker still has from the process before. */
  constructor(last = 0) {
    this.#last = last
  }

  /** A free id, taken until `free`. Undefined if there is none. */
  take(): number | undefined {
    for (let tries = 0; tries < MOST; tries++) {
      this.#last = (this.#last % MOST) + 1
      if (this.#taken.has(this.#last) || this.#passing.has(this.#last)) continue
      this.#taken.add(this.#last)
      return this.#last
    }
    return undefined
  }

  /** An id from an earlier run. */
  taken(id: number): void {
    this.#taken.add(id)
  }

  free(id: number): void {
    this.#taken.delete(id)
  }

  /** What MQTT.js does inside of `run` gets this id. */
  dictate<T>(id: number, run: () => T): T {
    this.#dictated = id
    try {
      return run()
    } finally {
      this.#dictated = undefined
    }
  }

  // The interface of MQTT.js (IMessageIdProvider).

  allocate(): number | null {
    if (this.#dictated !== undefined) return this.#dictated
    const id = this.take()
    if (id === undefined) return null
    this.#taken.delete(id)
    this.#passing.add(id)
    return id
  }

  getLastAllocated(): number {
    return this.#last
  }

  register(): boolean {
    return true
  }

  deallocate(id: number): void {
    this.#passing.delete(id)
  }

  /** A new connection: no SUBSCRIBE is on its way. */
  clear(): void {
    this.#passing.clear()
  }
}
