/** The file that remembers an installation between commands: its ports, its token and the processes that were started. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MeridianPorts } from './meridian.ts'
import type { Identity, ManagedProcess, ProcessKind } from './process.ts'
import type { RocketmqPorts } from './rocketmq/settings.ts'

export interface ProcessRecord extends Identity {
  readonly name: string
  readonly kind: ProcessKind
  readonly ports: Readonly<Record<string, number>>
}

export interface State {
  /** They stay the same from one `up` to the next. */
  readonly ports: {
    readonly rocketmq: RocketmqPorts
    readonly redis: number
    readonly rest: number
    readonly meridian: MeridianPorts
  }
  readonly restToken: string
  /** In the order in which they were started; some may have ended since. */
  readonly processes: readonly ProcessRecord[]
}

const fileIn = (dir: string): string => join(dir, 'state.json')

/** Undefined if nothing was ever started there. @throws Error if the file is not what `save` wrote */
export function loadState(dir: string): State | undefined {
  let text: string
  try {
    text = readFileSync(fileIn(dir), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    return JSON.parse(text) as State
  } catch (cause) {
    throw new Error(`State file ${fileIn(dir)} is damaged; end its processes and remove it`, { cause })
  }
}

/** Whole or not at all. It holds a token: nobody else may read it. */
export function saveState(dir: string, state: State): void {
  mkdirSync(dir, { recursive: true })
  const fresh = `${fileIn(dir)}.new`
  writeFileSync(fresh, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 })
  renameSync(fresh, fileIn(dir))
}

/** The state with a process that was just started, in place of an earlier one of its name. */
export function withProcess(state: State, { name, kind, ports, identity }: ManagedProcess): State {
  const others = state.processes.filter(one => one.name !== name)
  return { ...state, processes: identity === undefined ? others : [...others, { name, kind, ports, ...identity }] }
}
