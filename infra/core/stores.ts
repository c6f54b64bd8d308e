/** What a core process asks of the place where messages and sessions are kept. Names no implementation. */
import type { Registry } from 'prom-client'
import type { Tap, TapHost } from '../../core/bridge/port.ts'
import type { BridgeEvents } from '../../core/bridge/stats.ts'
import type { Core, CoreOptions } from '../../core/core.ts'
import type { Directory, SiteWatch } from '../../core/site/port.ts'

/** What sites know of each other. */
export interface Globe {
  readonly directory: Directory
  readonly watch: SiteWatch
  /** Of this core: one of its site that becomes active later has a higher one. */
  readonly term: number
}

/** It is this core's turn. */
export interface Seat extends Pick<CoreOptions, 'log' | 'state' | 'inboxes'> {
  /** Another core has taken over: the text says which. Nothing this core still writes takes effect. */
  readonly lost: Promise<string>
  /** With other sites. */
  readonly globe?: Globe | undefined
  /** Once the core is open: the stores may now tell it what they find out. */
  opened(core: Pick<Core, 'adopt' | 'rewrite' | 'stale'>): void
  /** What is not well, for people. */
  troubles(): readonly string[]
}

export interface LeadOptions {
  /** Called with why, each time it has to wait for something else. */
  readonly waiting: (why: string) => void
  /** The stores are behind, or no more: publishers are read no further. */
  readonly pressed: (on: boolean) => void
}

export interface Stores {
  /** For a log: what is used. */
  readonly facts: Readonly<Record<string, unknown>>
  /** Resolves when it is this core's turn, which may take as long as another one lives. */
  lead(options: LeadOptions): Promise<Seat>
  /** True while another core may have taken over without this one knowing: nothing must happen then. */
  mayBeStale(now: number): boolean
  /** Before the engine opens; undefined if there is none. */
  readonly bridge: ((host: TapHost, events: BridgeEvents) => Promise<Bridge>) | undefined
  register(registry: Registry): void
  /** After the core has closed: lets another take over at once. */
  close(): Promise<void>
}

export interface Bridge {
  readonly tap: Tap | undefined
  /** Once the core is open. */
  start(): Promise<void>
  trouble(): string | undefined
  /** Before the core closes. */
  close(ms: number): Promise<void>
}
