/** `meridian start`: a gateway with the listeners of its configuration. The runtime gives HTTP. */
import type { Listener } from '../../edge/listen/listener.ts'
import type { Running, StartStandalone } from '../cli/ports.ts'
import type { Config } from '../config/schema.ts'
import { Gateway, type Hooks } from './gateway.ts'
import { openListeners, type ServeHttp } from './listeners.ts'

/** What differs between runtimes. */
export interface Runtime {
  readonly serveHttp: ServeHttp
  readonly hooks?: (config: Config) => Hooks
}

export const standalone =
  (runtime: Runtime): StartStandalone =>
  async (config, log) => {
    const started = new Standalone(config, await Gateway.open(config, log, runtime.hooks?.(config)))
    try {
      await started.listen(runtime.serveHttp)
      return started
    } catch (error) {
      await started.stop()
      throw error
    }
  }

class Standalone implements Running {
  readonly #config: Config
  readonly #gateway: Gateway
  readonly #open: Listener[] = []

  constructor(config: Config, gateway: Gateway) {
    this.#config = config
    this.#gateway = gateway
  }

  get listeners(): Running['listeners'] {
    return this.#open.map(l => ({ kind: l.kind, host: l.address, port: l.port }))
  }

  get dataDir(): string {
    return this.#config.dataDir
  }

  async listen(serveHttp: ServeHttp): Promise<void> {
    const { accept, gate, stats, eventLog } = this.#gateway
    await openListeners({
      config: this.#config,
      factory: accept,
      gate,
      stats,
      limits: this.#config.limits,
      http: this.#gateway.http(() => this.listeners),
      serveHttp,
      onEvent: eventLog.write,
      opened: listener => this.#open.push(listener),
    })
  }

  async stop(): Promise<void> {
    for (const listener of this.#open) listener.stopAccepting()
    await this.#gateway.stop()
    await Promise.all(this.#open.map(listener => listener.close()))
  }
}
