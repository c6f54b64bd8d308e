/** The round trip to an endpoint as the time to open a TCP connection, on Node and Deno. Sends nothing over it. */
import { createConnection } from 'node:net'
import type { Probe } from './probe.ts'

export const tcpProbe: Probe = ({ host, port }, signal) =>
  new Promise((resolve, reject) => {
    const startedAt = performance.now()
    const socket = createConnection({ host, port })
    const give = (): void => {
      socket.destroy()
      reject(new Error(`No connection to ${host}:${port} in time`))
    }
    signal.addEventListener('abort', give, { once: true })
    socket.once('connect', () => {
      signal.removeEventListener('abort', give)
      socket.destroy()
      resolve(performance.now() - startedAt)
    })
    socket.once('error', error => {
      signal.removeEventListener('abort', give)
      reject(error)
    })
    if (signal.aborted) give()
  })
