/** The file that remembers an installation between commands: its ports, its token and the processes that were started. */
import { join } from 'node:path'
import { readJson, writeJson } from './json-file.ts'
import type { MeridianPorts } from './meridian.ts'
import type { Identity, ManagedProcess, ProcessKind } from './process.ts'
import type { RocketmqPorts } from './rocketmq/settings.ts'

export interface ProcessRecord extends Identity {
  readonly name: string
  readonly kind: ProcessKind
  readonly ports: Readonly<Record<string, number>>
}

/** What was started. */
export interface Started {
  /** In the order in which they were started; some may have ended since. */
  readonly processes: readonly ProcessRecord[]
}

export interface State extends Started {
  /** They stay the same from one `up` to the next. */
  readonly ports: {
    readonly rocketmq: RocketmqPorts
    readonly redis: number
    readonly rest: number
    readonly meridian: MeridianPorts
  }
  readonly restToken: string
}

const fileIn = (dir: string): string => join(dir, 'state.json')

/** Undefined if nothing was ever started there. @throws Error if the file is not what `saveState` wrote */
export function loadState<S extends Started = State>(dir: string): S | undefined {
  return readJson<S>(fileIn(dir), 'end its processes and remove it')
}

export function saveState(dir: string, state: Started): void {
  writeJson(fileIn(dir), state)
}

/** The state with a process that was just started, in place of an earlier one of its name. */
export function withProcess<S extends Started>(state: S, { name, kind, ports, identity }: ManagedProcess): S {
  const others = state.processes.filter(one => one.name !== name)
  return { ...state, processes: identity === undefined ? others : [...others, { name, kind, ports, ...identity }] }
}
