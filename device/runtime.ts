/** What a runtime must give the SDK. Implemented by main.node.ts (Node and Deno) and main.browser.ts. */
import type { Scheme } from './endpoint.ts'
import type { Probe } from './probe.ts'
import type { Storage } from './storage.ts'

export interface Runtime {
  /** What can be dialled, best first. */
  readonly schemes: readonly Scheme[]
  readonly probe: Probe
  /** The outbox with this name: a file's path, or a database's name. */
  storage(name: string): Storage
}
