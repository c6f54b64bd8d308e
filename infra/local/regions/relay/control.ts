/** How a relay is told of new conditions: one line of JSON over a Unix socket, one back. Network namespaces do not part such sockets. */
import { rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { createInterface } from 'node:readline'
import type { Conditions } from './line.ts'

export interface Answer {
  /** Now open through the relay. */
  readonly connections: number
}

const TIMEOUT_MS = 5_000

/** `onConditions` gets what was sent; `{}` only asks. */
export function serveControl(path: string, onConditions: (change: Partial<Conditions>) => Answer): Promise<void> {
  rmSync(path, { force: true })
  const server = createServer(socket => {
    socket.on('error', () => {})
    createInterface({ input: socket }).on('line', line => {
      const change = JSON.parse(line) as Partial<Conditions>
      socket.end(`${JSON.stringify(onConditions(change))}\n`)
    })
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
}

/** Resolves when the conditions hold. @throws Error if no relay answers there. */
export function tellRelay(path: string, change: Partial<Conditions>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path })
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`Relay at ${path} does not answer`)))
    socket.once('error', reject)
    socket.on('close', () => reject(new Error(`Relay at ${path} gave no answer`)))
    createInterface({ input: socket })
      .on('line', line => resolve(JSON.parse(line) as Answer))
      // It tells of the errors of its input, which are known.
      .on('error', () => {})
    socket.write(`${JSON.stringify(change)}\n`)
  })
}
