/** Which logs of which core incarnations may still hold something that is needed, and from where. The port only: it is kept where all cores of a site see it. */

export interface WalMark {
  /** Envelopes that begin before it are not needed. */
  readonly position: number
  /** A hint where in the lite topic to begin: never behind what `position` needs. */
  readonly offset: number
  /** Recovered up to `position`: what comes after `offset` was appended by a core that did not know yet. */
  readonly sealed: boolean
}

export interface Wal extends WalMark {
  /** Of the lite topic. */
  readonly name: string
}

/** Each method fails if it is not done: nothing may be half written. A core that is no longer the active one is refused. */
export interface WalRegistry {
  /** All that are not finished, in any order. */
  list(): Promise<readonly Wal[]>
  /** Registers it, or moves its mark. */
  mark(wal: Wal): Promise<void>
  /** Nothing of it is needed any more. No error if it is not there. */
  finished(name: string): Promise<void>
}

/** For tests, and as the least that an implementation has to do. */
export class MemoryWalRegistry implements WalRegistry {
  readonly #wals = new Map<string, Wal>()

  list(): Promise<readonly Wal[]> {
    return Promise.resolve([...this.#wals.values()])
  }

  mark(wal: Wal): Promise<void> {
    this.#wals.set(wal.name, wal)
    return Promise.resolve()
  }

  finished(name: string): Promise<void> {
    this.#wals.delete(name)
    return Promise.resolve()
  }
}
