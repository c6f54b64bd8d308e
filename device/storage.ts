/** The port that keeps the outbox over restarts, and the one that keeps nothing. One contract suite runs every implementation (test/unit/device/storage.ts). */

/** Texts by key. Calls take effect in the order they are made. */
export interface Storage {
  /** All records in the order they were first put. Once, before anything else. Throws if what is there cannot be read, and tells `damaged` if only a part cannot. */
  open(damaged?: (text: string) => void): Promise<ReadonlyMap<string, string>>
  /** Resolves when the record survives the end of the process. */
  put(key: string, text: string): Promise<void>
  /** Resolves when the records are gone; an unknown key is no error. */
  delete(...keys: string[]): Promise<void>
  /** Everything that was asked for before is done. */
  close(): Promise<void>
}

/** Keeps nothing over a restart: what holds the messages is the outbox itself. */
export const forgetful = (): Storage => ({
  open: () => Promise.resolve(new Map()),
  put: () => Promise.resolve(),
  delete: () => Promise.resolve(),
  close: () => Promise.resolve(),
})
