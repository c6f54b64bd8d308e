/** Picks the implementations of a standalone core: SQLite in a data directory, or memory. */
import type { Incarnation } from './contract/ids.ts'
import type { Limits } from './contract/limits.ts'
import { Core } from './core.ts'
import { EmbeddedInboxes } from './inbox/embedded/inboxes.node.ts'
import { MemoryInboxes } from './inbox/memory.ts'
import { EmbeddedLog } from './log/embedded/log.node.ts'
import { MemoryLog } from './log/memory.ts'
import { EmbeddedState } from './state/embedded/state.node.ts'
import { EmbeddedStore } from './state/embedded/store.node.ts'
import { MemoryState } from './state/memory.ts'
import type { CoreEvents, CoreStats } from './stats.ts'

export interface StandaloneCoreOptions {
  /** `:memory:` keeps nothing. */
  readonly dataDir: string
  readonly synchronous: 'normal' | 'full'
  readonly limits: Limits
  /** Of this process, never used before. Default: a random one. */
  readonly incarnation?: Incarnation
  /** ms since the epoch. */
  readonly now: () => number
  /** Runs a function once the sockets of a turn were read (`setImmediate`). */
  readonly defer: (fn: () => void) => void
  readonly stats: CoreStats
  readonly events?: CoreEvents
  readonly dropPolicy?: 'oldest' | 'newest'
  readonly queueQos0?: boolean
}

/** A core that is open. Throws an error that names the path and the reason if the data directory cannot be used; it is then left as it was. */
export function openStandaloneCore(options: StandaloneCoreOptions): Core {
  const { dataDir, synchronous, ...rest } = options
  const incarnation = options.incarnation ?? (crypto.randomUUID() as Incarnation)
  if (dataDir === ':memory:') {
    const stores = { log: new MemoryLog(), state: new MemoryState(), inboxes: new MemoryInboxes() }
    const core = new Core({ ...rest, incarnation, ...stores })
    core.open()
    return core
  }
  const store = new EmbeddedStore({ dir: dataDir, synchronous })
  try {
    const stores = {
      log: new EmbeddedLog(store),
      state: new EmbeddedState(store),
      inboxes: new EmbeddedInboxes(store),
    }
    const core = new Core({ ...rest, incarnation, ...stores })
    core.open()
    return core
  } catch (error) {
    store.close()
    throw error
  }
}
