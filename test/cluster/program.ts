/** `meridian core` and `meridian edge` as child processes on free ports, with their boot lines. */

import { meridianCommand, type Runtime } from '../harness/broker.ts'
import { type Running, run, until } from '../harness/process.ts'

export interface BootLine {
  readonly msg: string
  readonly id: string
  readonly listeners: readonly { readonly kind: string; readonly host: string; readonly port: number }[]
  readonly workers?: readonly number[]
  readonly settings: Readonly<Record<string, unknown>>
}

export interface Program extends Running {
  /** The last boot line: of a parent of workers, its own. */
  readonly boot: BootLine
  port(kind: string): number
}

/** A core looks RocketMQ over before. */
const BOOT_MS = 60_000

/** Starts one, and waits until it says that it is ready. Throws with its output if it does not. */
export async function start(words: readonly string[], runtime: Runtime = 'node', cwd = '/'): Promise<Program> {
  const [command = '', ...before] = meridianCommand(runtime)
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MERIDIAN_')))
  const running = run(command, [...before, ...words], { cwd, env: { ...env, NO_COLOR: '1' } })
  const isParent = words.includes('--workers')
  const boot = await until(`the boot line of meridian ${words[0]}`, BOOT_MS, () => {
    if (running.ended() !== undefined) throw new Error(`It ended with ${running.ended()}`)
    return bootLines(running.output()).find(line => !isParent || line.workers !== undefined)
  }).catch(async (error: unknown) => {
    await running.end('SIGKILL')
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${running.output()}`)
  })
  return { ...running, boot, port: kind => boot.listeners.find(one => one.kind === kind)?.port ?? 0 }
}

/** What has been said so far. */
export function bootLines(output: string): BootLine[] {
  return output.split('\n').flatMap(line => {
    if (!line.includes('Meridian is ready') || !line.endsWith('}')) return []
    return [JSON.parse(line) as BootLine]
  })
}

export const pageOf = async (port: number, path: string): Promise<{ status: number; text: string }> => {
  const response = await fetch(`http://127.0.0.1:${port}${path}`)
  return { status: response.status, text: await response.text() }
}
