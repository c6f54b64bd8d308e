/** Runs a program and gathers what it says. Decides nothing about it. */
import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'

export interface Ended {
  readonly status: number
  /** What it said on both channels, in the order it came. */
  readonly output: string
  readonly stdout: string
}

export interface RunOptions {
  readonly cwd?: string
  /** In addition to ours. */
  readonly env?: Readonly<Record<string, string>>
}

/** Rejects if the program cannot be started; its failure is a status. */
export function run(command: string, args: readonly string[], { cwd, env }: RunOptions = {}): Promise<Ended> {
  return new Promise((done, failed) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    const all: Buffer[] = []
    const out: Buffer[] = []
    child.stdout.on('data', (bytes: Buffer) => all.push(bytes) && out.push(bytes))
    child.stderr.on('data', (bytes: Buffer) => all.push(bytes))
    child.on('error', cause => failed(new Error(`Program '${command}' cannot be started`, { cause })))
    child.on('close', (code, signal) =>
      done({
        status: code ?? (signal === null ? 1 : 128),
        output: Buffer.concat(all).toString().trim(),
        stdout: Buffer.concat(out).toString(),
      }),
    )
  })
}

/** As `run`, for what has to work. @throws Error with what it said */
export async function must(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const ended = await run(command, args, options)
  if (ended.status === 0) return ended
  throw new Error(`'${[command, ...args].join(' ')}' ended with ${ended.status}:\n${ended.output}`)
}

/** Whether a program is in the search path. */
export function isThere(program: string): boolean {
  return (process.env.PATH ?? '').split(':').some(folder => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
