/** The SDK on Node and Deno: `connect`, with TCP, TLS and WebSocket, and outboxes in files. Everything an application may import. */
import { connectOn, type Device } from './device.ts'
import { FileStorage } from './file-storage.node.ts'
import type { ConnectOptions } from './options.ts'
import type { Runtime } from './runtime.ts'
import { tcpProbe } from './tcp-probe.node.ts'

const NODE: Runtime = {
  schemes: ['mqtts', 'mqtt', 'wss', 'ws'],
  probe: tcpProbe,
  storage: path => new FileStorage(path),
}

/** See `connectOn`; `outbox` is the path of a file. */
export const connect = (options: ConnectOptions): Promise<Device> => connectOn(NODE, options)

export * from './exports.ts'
