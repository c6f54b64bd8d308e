/** What the commands need from the process they run in, so that tests can run them without one. */
import type { DestinationStream, Logger } from 'pino'
import type { CoreConfig } from '../config/core.ts'
import type { EdgeConfig } from '../config/edge.ts'
import type { Config } from '../config/schema.ts'

export interface Running {
  readonly listeners: readonly { readonly kind: string; readonly host: string; readonly port: number | string }[]
  /** What the boot line says of it beside. */
  readonly facts: Readonly<Record<string, unknown>>
  /** The same for somebody at a terminal: `keeps its data in ./data`. */
  readonly does: string
  /** It ended by itself, with this exit status. What went wrong has been logged. */
  readonly ended?: Promise<number>
  /** Before `stop`: sends clients elsewhere, so many per second. Resolves within a bound of its own. */
  drain?(): Promise<void>
  /** Stops accepting, tells clients, flushes. Resolves when everything is closed. */
  stop(): Promise<void>
}

/** Starts one kind of process here. Rejects with a text that says what to change, e.g. for a port that is taken. */
export type Start<C> = (config: C, log: Logger) => Promise<Running>

export interface Programs {
  readonly start: Start<Config>
  readonly edge: Start<EdgeConfig>
  readonly core: Start<CoreConfig>
}

export type StopSignal = 'SIGTERM' | 'SIGINT'

export interface Io {
  out(text: string): void
  err(text: string): void
  /** Throws if the file cannot be read. */
  readFile(path: string): string
  /** Everything standard input holds. */
  readStdin(): Promise<string>
  /** Asks at the terminal without echo. Rejects if there is no terminal or the user gave up. */
  askHidden(prompt: string): Promise<string>
  readonly logTo: DestinationStream
  /** Standard output is a terminal: somebody reads it. */
  readonly terminal: boolean
  onSignal(listener: (signal: StopSignal) => void): void
  /** An exception or rejection that nobody handled. */
  onFatal(listener: (error: unknown) => void): void
  /** Ends the process at once. */
  exit(status: number): void
  readonly programs: Programs
}

/** Exit statuses: 0 fine, 1 it did not work, 2 it was asked for wrongly, 3 another core took over. */
export const FINE = 0
export const FAILED = 1
export const MISUSED = 2
export const SUPERSEDED = 3

export type Env = Readonly<Record<string, string | undefined>>
