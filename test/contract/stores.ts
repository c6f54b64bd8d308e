/** Every implementation of the log, state and inbox ports that one process can hold, for the contract suites. A `Box` can be opened again as after a crash. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EmbeddedInboxes } from '../../core/inbox/embedded/inboxes.node.ts'
import { MemoryInboxes } from '../../core/inbox/memory.ts'
import type { InboxStore } from '../../core/inbox/port.ts'
import { EmbeddedLog } from '../../core/log/embedded/log.node.ts'
import { MemoryLog } from '../../core/log/memory.ts'
import type { Log } from '../../core/log/port.ts'
import { EmbeddedState } from '../../core/state/embedded/state.node.ts'
import { EmbeddedStore } from '../../core/state/embedded/store.node.ts'
import { MemoryState } from '../../core/state/memory.ts'
import type { State } from '../../core/state/port.ts'

export interface Box {
  readonly log: Log
  readonly state: State
  readonly inboxes: InboxStore
  /** Opens it again; what was not committed may be gone. */
  reopen(): void
  dispose(): void
}

class MemoryBox implements Box {
  readonly log = new MemoryLog({ keep: true })
  readonly state = new MemoryState()
  readonly inboxes = new MemoryInboxes()
  reopen(): void {}
  dispose(): void {}
}

export class EmbeddedBox implements Box {
  readonly dir = mkdtempSync(join(tmpdir(), 'meridian-store-'))
  #store!: EmbeddedStore
  log!: EmbeddedLog
  state!: EmbeddedState
  inboxes!: EmbeddedInboxes

  constructor() {
    this.#open()
  }

  reopen(): void {
    this.#store.close()
    this.#open()
  }

  dispose(): void {
    this.#store.close()
    rmSync(this.dir, { recursive: true, force: true })
  }

  #open(): void {
    this.#store = new EmbeddedStore({ dir: this.dir, synchronous: 'normal' })
    this.log = new EmbeddedLog(this.#store)
    this.state = new EmbeddedState(this.#store)
    this.inboxes = new EmbeddedInboxes(this.#store)
  }
}

export const BOXES: readonly { readonly name: string; readonly loses: boolean; make(): Box }[] = [
  { name: 'memory', loses: false, make: () => new MemoryBox() },
  { name: 'SQLite', loses: true, make: () => new EmbeddedBox() },
]
