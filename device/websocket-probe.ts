/** The round trip to an endpoint as the time to open a WebSocket, for browsers, which can open nothing less. Sends nothing over it. */
import type { Probe } from './probe.ts'

/** An opening needs several round trips (TCP, TLS, the upgrade): comparable with others of its kind only. */
export const webSocketProbe: Probe = ({ url }, signal) =>
  new Promise((resolve, reject) => {
    const startedAt = performance.now()
    const socket = new WebSocket(url, ['mqtt'])
    const done = (): void => {
      signal.removeEventListener('abort', give)
      socket.close()
    }
    const give = (): void => {
      done()
      reject(new Error(`No connection to ${url}`))
    }
    signal.addEventListener('abort', give, { once: true })
    socket.onopen = () => {
      done()
      resolve(performance.now() - startedAt)
    }
    socket.onerror = give
    if (signal.aborted) give()
  })
