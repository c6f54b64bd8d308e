/** Finds free ports of the loopback address and asks whether one answers. Owns no sockets beyond the question. */
import { connect, createServer } from 'node:net'

/** Below the range that Linux gives to outgoing connections, so that a server that restarts finds its port still free. */
const LOWEST = 20_000
const HIGHEST = 32_000
const TRIES = 200

const given = new Set<number>()

/** The first of `count` ports in a row that nobody listens on and that this process was not given before. */
export async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const first = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST - count))
    const ports = Array.from({ length: count }, (_, index) => first + index)
    if (ports.some(port => given.has(port))) continue
    const free = await Promise.all(ports.map(isFree))
    if (!free.every(Boolean)) continue
    for (const port of ports) given.add(port)
    return first
  }
  throw new Error(`No ${count} free ports in a row between ${LOWEST} and ${HIGHEST} after ${TRIES} tries`)
}

/** `port` if it and those `offsets` away are free, else others in the same pattern. */
export async function portOr(port: number, ...offsets: readonly number[]): Promise<number> {
  const all = [0, ...offsets]
  if ((await Promise.all(all.map(offset => isFree(port + offset)))).every(Boolean)) return port
  const lowest = Math.min(...all)
  return (await freePorts(Math.max(...all) - lowest + 1)) - lowest
}

/** On every address: RocketMQ's proxy cannot be told to listen on one. */
function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, () => server.close(() => resolve(true)))
  })
}

/** True if something on this machine accepts connections there. */
export function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host: '127.0.0.1', port })
    const end = (result: boolean): void => {
      socket.destroy()
      resolve(result)
    }
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
    socket.setTimeout(2_000, () => end(false))
  })
}
