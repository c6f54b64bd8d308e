/** A core without RocketMQ and Redis: everything in a data directory, or in memory. There is nobody to take turns with. */
import { EmbeddedInboxes } from '../../core/inbox/embedded/inboxes.node.ts'
import { MemoryInboxes } from '../../core/inbox/memory.ts'
import { EmbeddedLog } from '../../core/log/embedded/log.node.ts'
import { MemoryLog } from '../../core/log/memory.ts'
import { EmbeddedState } from '../../core/state/embedded/state.node.ts'
import { EmbeddedStore } from '../../core/state/embedded/store.node.ts'
import { MemoryState } from '../../core/state/memory.ts'
import type { CoreConfig } from '../config/core.ts'
import type { Seat, Stores } from './stores.ts'

const NEVER = new Promise<never>(() => {})

/** Throws an error that names the path if the data directory cannot be used. */
export function embedded(dataDir: string, synchronous: CoreConfig['synchronous']): Stores {
  const parts = dataDir === ':memory:' ? inMemory() : onDisk(dataDir, synchronous)
  const seat: Seat = { ...parts, lost: NEVER, opened: () => {}, troubles: () => [] }
  return {
    facts: { dataDir },
    lead: () => Promise.resolve(seat),
    bridge: undefined,
    mayBeStale: () => false,
    register: () => {},
    close: () => Promise.resolve(),
  }
}

const inMemory = () => ({ log: new MemoryLog(), state: new MemoryState(), inboxes: new MemoryInboxes() })

function onDisk(dir: string, synchronous: CoreConfig['synchronous']) {
  const store = new EmbeddedStore({ dir, synchronous })
  try {
    return { log: new EmbeddedLog(store), state: new EmbeddedState(store), inboxes: new EmbeddedInboxes(store) }
  } catch (error) {
    store.close()
    throw error
  }
}
