/** Starts and ends the broker processes that tests talk to. Knows processes and ports, nothing of MQTT. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** A child process whose output is kept (the newest 256 KiB of each stream). */
export interface Running {
  readonly pid: number
  /** stdout and stderr, in the order they came. */
  output(): string
  /** Undefined while it runs, then its exit code or signal. */
  ended(): number | string | undefined
  /** Sends the signal and waits for the end; SIGKILL follows after `graceMs`. */
  end(signal: NodeJS.Signals, graceMs?: number): Promise<void>
}

const KEEP_CHARS = 256 * 1024

export function run(command: string, args: readonly string[], options: SpawnOptions = {}): Running {
  const child: ChildProcess = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  let result: number | string | undefined
  const keep = (chunk: Buffer): void => {
    text = (text + chunk.toString('utf8')).slice(-KEEP_CHARS)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  child.on('error', error => {
    text += `\n${error.message}`
    result ??= error.message
  })
  child.on('exit', (code, signal) => {
    result ??= code ?? signal ?? 'unknown'
  })
  return {
    pid: child.pid ?? -1,
    output: () => text,
    ended: () => result,
    async end(signal, graceMs = 12_000) {
      if (result !== undefined) return
      const exited = once(child, 'exit')
      child.kill(signal)
      const hard = setTimeout(() => child.kill('SIGKILL'), graceMs)
      await exited
      clearTimeout(hard)
    },
  }
}

/** A TCP port of the loopback address that was free a moment ago, for programs that cannot pick one themselves. */
export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  server.close()
  await once(server, 'close')
  return port
}

export const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** Calls `probe` until it gives something, or throws with `what` after `withinMs`. */
export async function until<T>(
  what: string,
  withinMs: number,
  probe: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const end = Date.now() + withinMs
  for (;;) {
    const found = await probe()
    if (found !== undefined) return found
    if (Date.now() > end) throw new Error(`Gave up after ${withinMs} ms waiting for ${what}`)
    await sleep(20)
  }
}
