/** The SDK in a page or worker: `connect`, with WebSocket, and outboxes in IndexedDB. Everything an application may import. */
import { connectOn, type Device } from './device.ts'
import { IndexedDbStorage } from './indexed-db.ts'
import type { ConnectOptions } from './options.ts'
import type { Runtime } from './runtime.ts'
import { webSocketProbe } from './websocket-probe.ts'

const BROWSER: Runtime = {
  schemes: ['wss', 'ws'],
  probe: webSocketProbe,
  storage: name => new IndexedDbStorage(name),
}

/** See `connectOn`; `outbox` is the name of a database. */
export const connect = (options: ConnectOptions): Promise<Device> => connectOn(BROWSER, options)

export * from './exports.ts'
