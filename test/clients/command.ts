/** Runs mosquitto_pub and mosquitto_sub as a user would. Knows no broker but by its port. */
import { type Running, run, until } from '../harness/process.ts'

const ended = async (running: Running, withinMs: number): Promise<number | string> => {
  try {
    return await until(`process ${running.pid} to end`, withinMs, running.ended)
  } catch (error) {
    await running.end('SIGKILL')
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${running.output()}`)
  }
}

/** Publishes and waits for its end; throws with the output unless it ends well. */
export async function mosquittoPub(port: number, ...args: readonly string[]): Promise<void> {
  const running = run('mosquitto_pub', ['-h', '127.0.0.1', '-p', String(port), ...args])
  const status = await ended(running, 15_000)
  if (status !== 0) throw new Error(`mosquitto_pub ended with ${status}: ${running.output()}`)
}

export interface Subscription {
  /** Lines as `-F` formats them, once it has ended by itself (`-C`). */
  lines(): Promise<readonly string[]>
  output(): string
  end(): Promise<void>
}

/** mosquitto_sub that writes each line as it comes, not in blocks as programs do whose output is a pipe. */
export const subscriber = (port: number, ...args: readonly string[]): Running =>
  run('stdbuf', ['-oL', 'mosquitto_sub', '-h', '127.0.0.1', '-p', String(port), '-d', ...args])

export async function subscribed(running: Running): Promise<void> {
  await until('SUBACK', 10_000, () => {
    if (running.output().includes('Subscribed (mid')) return true
    if (running.ended() !== undefined) throw new Error(`mosquitto_sub ended early: ${running.output()}`)
    return undefined
  })
}

/** Subscribes and resolves when the broker has answered SUBACK (`-d` prints it). Lines that `-d` prints are left out. */
export async function mosquittoSub(port: number, ...args: readonly string[]): Promise<Subscription> {
  const running = subscriber(port, '-W', '20', ...args)
  await subscribed(running)
  const own = (line: string) => line !== '' && !/^(Client |Subscribed )/.test(line)
  return {
    output: running.output,
    end: () => running.end('SIGTERM'),
    async lines() {
      const status = await ended(running, 20_000)
      if (status !== 0) throw new Error(`mosquitto_sub ended with ${status}: ${running.output()}`)
      return running.output().split('\n').filter(own)
    },
  }
}
