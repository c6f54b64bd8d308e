/** A TCP relay before a broker: adds delay, can be cut (no byte passes, connections stay open, new ones hang) and healed. Loopback only. */
import { once } from 'node:events'
import { createConnection, createServer, type Server, type Socket } from 'node:net'

export interface Relay {
  readonly port: number
  /** From now on nothing passes, in neither direction; new connections open and stay silent, as behind a load balancer. */
  cut(): void
  /** Every open connection is gone; new ones pass. */
  heal(): void
  /** New connections lead to this port. */
  leadTo(port: number): void
  /** Connections that were opened so far. */
  opened(): number
  close(): Promise<void>
}

/** `delayMs` each way. */
export async function relay(targetPort: number, delayMs = 0): Promise<Relay> {
  const sockets = new Set<Socket>()
  let isCut = false
  let opened = 0
  let target = targetPort
  const pass = (from: Socket, to: Socket): void => {
    from.on('data', chunk => {
      if (isCut) return
      if (delayMs === 0) to.write(chunk)
      else
        setTimeout(() => {
          if (!isCut && to.writable) to.write(chunk)
        }, delayMs)
    })
    from.on('close', () => {
      if (!isCut) setTimeout(() => to.destroy(), delayMs)
    })
    from.on('error', () => undefined)
    sockets.add(from)
    from.on('close', () => sockets.delete(from))
  }
  const server: Server = createServer(near => {
    opened++
    const far = createConnection({ port: target, host: '127.0.0.1' })
    pass(near, far)
    pass(far, near)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const drop = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port,
    cut() {
      isCut = true
    },
    heal() {
      drop()
      isCut = false
    },
    leadTo(port) {
      target = port
    },
    opened: () => opened,
    async close() {
      drop()
      server.close()
      await once(server, 'close')
    },
  }
}
