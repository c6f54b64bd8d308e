/** MQTT over TCP through node:net, on Node and on Deno's node compatibility. Must not know anything above the byte stream. */
import type { Listener, ListenOptions } from './listener.ts'
import { listenPlain } from './socket-listener.node.ts'
import type { ConnectionFactory } from './transport.ts'

export type { Listener, ListenOptions } from './listener.ts'

/** Listens; rejects with a text that names host and port and says what to do. Nagle's delay is off for every connection. */
export function listenTcp(options: ListenOptions, factory: ConnectionFactory): Promise<Listener> {
  const { host, port, reusePort = false } = options
  return listenPlain('tcp', { host, port, reusePort }, options, factory)
}
