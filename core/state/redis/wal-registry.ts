/** The register of a site's logs in one hash in Redis. Reads and appends to no log. */
import type { Wal, WalMark, WalRegistry } from '../../log/rocketmq/registry.ts'
import { type Argument, type Reply, textOf } from './driver.ts'
import type { Fence } from './fence.ts'
import type { Keys } from './keys.ts'

export class RedisWalRegistry implements WalRegistry {
  readonly #fence: Fence
  readonly #key: string
  /** Calls go one after the other: a mark must not come after what finished its log. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(fence: Fence, keys: Keys) {
    this.#fence = fence
    this.#key = keys.wals
  }

  async list(): Promise<readonly Wal[]> {
    const fields = await this.#call('list')
    const wals: Wal[] = []
    for (let i = 0; i < fields.length; i += 2) wals.push({ name: textOf(fields[i]), ...markOf(textOf(fields[i + 1])) })
    return wals
  }

  async mark({ name, position, offset, sealed }: Wal): Promise<void> {
    await this.#call('mark', name, JSON.stringify({ position, offset, sealed }))
  }

  async finished(name: string): Promise<void> {
    await this.#call('finished', name)
  }

  #call(...args: Argument[]): Promise<readonly Reply[]> {
    const call = () => this.#fence.write('wal', [this.#key], args, this.#fence.next('wals'))
    const called = this.#last.then(call, call)
    this.#last = called
    return called
  }
}

/** Throws on a mark that this version did not write. */
function markOf(text: string): WalMark {
  const { position, offset, sealed } = JSON.parse(text) as Partial<WalMark>
  if (typeof position !== 'number' || typeof offset !== 'number' || typeof sealed !== 'boolean')
    throw new Error(`Mark '${text}' of a log is none`)
  return { position, offset, sealed }
}
