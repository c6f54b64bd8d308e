/** Writes in the name of whoever has the site's lease: everything a former holder still sends has no effect. Knows no keys but the lease, and does not get it. */
import { type Argument, type Driver, numberOf, type Reply } from './driver.ts'
import type { ScriptName } from './scripts.ts'

/** Somebody else has the lease: nothing this process writes takes effect any more. */
export class FencedError extends Error {}

/** What is written in order among itself. */
export type Lane = 'state' | 'wals'

export interface Order {
  readonly lane: Lane
  readonly number: number
}

export interface FenceOptions {
  readonly driver: Driver
  /** Of the lease. */
  readonly key: string
  /** Redis has lost writes that it had acknowledged: after a failover, or a restart from an older file. What should be there has to be written again. */
  readonly onRollback?: () => void
}

export class Fence {
  readonly driver: Driver
  readonly key: string
  /** 0 before the lease is ours. */
  token = 0
  /** When Redis was last found to have lost writes, by `performance.now()`. */
  rolledBackAt = Number.NEGATIVE_INFINITY
  readonly #onRollback: () => void
  /** Fenced writes of this site that are known to have been carried out. */
  #writes = 0
  readonly #orders: Record<Lane, number> = { state: 0, wals: 0 }

  constructor({ driver, key, onRollback = () => {} }: FenceOptions) {
    this.driver = driver
    this.key = key
    this.#onRollback = onRollback
  }

  /** For all writes of one commit: once one of a later commit was carried out, those of an earlier one are refused. */
  next(lane: Lane): Order {
    return { lane, number: ++this.#orders[lane] }
  }

  /** What the script answers after the count of writes. Throws FencedError, or RedisError. */
  async write(
    script: ScriptName,
    keys: readonly string[],
    args: readonly Argument[],
    order?: Order,
  ): Promise<readonly Reply[]> {
    if (this.token === 0) throw new FencedError(`Redis key '${this.key}' is not ours yet, '${script}' cannot write`)
    const known = this.#writes
    const first = [this.token, order?.lane ?? '', order?.number ?? '']
    const [writes, ...rest] = await this.driver.run(script, [this.key, ...keys], [...first, ...args])
    const count = numberOf(writes)
    if (count === 0)
      throw new FencedError(`Redis key '${this.key}' was taken by another core, '${script}' has no effect`)
    if (count < 0)
      throw new Error(`Redis at '${this.driver.address}' got '${script}' too late, a later one was there before`)
    this.carriedOut(count, known)
    return rest
  }

  /** How many writes are known to have been carried out. */
  get writes(): number {
    return this.#writes
  }

  /** A write was counted as the `count`th; before it was sent `known` were known. */
  carriedOut(count: number, known: number): void {
    if (count <= known) {
      this.#writes = count
      this.driver.stats.rollbacks++
      this.rolledBackAt = performance.now()
      this.#onRollback()
    } else if (count > this.#writes) this.#writes = count
  }
}
