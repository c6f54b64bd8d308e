/** Opens the listeners of a process that devices come to, and closes everything in order: first they let nobody in, then devices are told, then sockets go. */
import type { Limits } from '../../core/contract/limits.ts'
import type { HttpContext, ListenerInfo } from '../../edge/http/context.ts'
import type { Listener } from '../../edge/listen/listener.ts'
import type { Running } from '../cli/ports.ts'
import type { EdgeConfig } from '../config/edge.ts'
import type { EdgeHost, Hooks } from './host.ts'
import { openListeners, type ServeHttp } from './listeners.ts'

/** What differs between runtimes. */
export interface Runtime {
  readonly serveHttp: ServeHttp
  readonly hooks?: (config: { readonly limits: Limits }) => Hooks
}

/** What is served: a whole gateway, or an edge. */
export interface Served {
  readonly host: EdgeHost
  http(listeners: () => readonly ListenerInfo[]): HttpContext
  /** Before `stop`: sends devices elsewhere, within a bound of its own. */
  drain?(): Promise<void>
  /** Tells devices that the server goes, flushes, and closes what was opened. */
  stop(): Promise<void>
}

export interface Ports
  extends Pick<EdgeConfig, 'host' | 'mqttPort' | 'httpPort' | 'httpPages' | 'listeners' | 'limits'> {
  /** Other processes listen on the same ports. */
  readonly reusePort?: boolean
  /** Pages and metrics once more, on a port of this process alone. */
  readonly statusPort?: number | 'off'
}

/** Stops `served` if a listener cannot be opened. */
export async function serveDevices(
  served: Served,
  config: Ports,
  { serveHttp }: Runtime,
): Promise<Pick<Running, 'listeners' | 'stop'>> {
  const open: Listener[] = []
  /** Serves pages only. */
  let status: Listener | undefined
  const listeners = (): Running['listeners'] =>
    open.map(l => ({ kind: l === status ? 'http' : l.kind, host: l.address, port: l.port }))
  const stop = async (): Promise<void> => {
    for (const listener of open) listener.stopAccepting()
    await served.stop()
    await Promise.all(open.map(listener => listener.close()))
  }
  const { edge, gate, stats, eventLog } = served.host
  const http = served.http(listeners)
  try {
    await openListeners({
      config,
      factory: edge.accept,
      gate,
      stats,
      limits: config.limits,
      reusePort: config.reusePort ?? false,
      http,
      serveHttp,
      onEvent: eventLog.write,
      opened: listener => open.push(listener),
    })
    const { statusPort = 'off' } = config
    if (statusPort !== 'off') {
      status = await serveHttp({ host: config.host, port: statusPort }, http)
      status.stopAccepting()
      open.push(status)
    }
  } catch (error) {
    await stop()
    throw error
  }
  return {
    get listeners() {
      return listeners()
    },
    stop,
  }
}
