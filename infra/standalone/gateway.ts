/** Edge and core in one process, without a listener: puts the parts together, keeps the time of the core, and takes them apart again. */
import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import type { Incarnation } from '../../core/contract/ids.ts'
import type { Core } from '../../core/core.ts'
import { openStandaloneCore } from '../../core/open.node.ts'
import { CoreStats } from '../../core/stats.ts'
import type { HttpContext, ListenerInfo, Readiness } from '../../edge/http/context.ts'
import type { ConnectionFactory } from '../../edge/listen/transport.ts'
import type { Config } from '../config/schema.ts'
import { registerCoreMetrics } from '../core/metrics.ts'
import { SysTopics, sysFigures } from '../core/sys.ts'
import { EdgeHost, type Hooks } from '../edge/host.ts'

/** Deadlines of the core (wills, expiry) are kept to a quarter of a second. */
const CORE_TICK_MS = 250

/** Devices come in through `http` or through listeners that are given `accept`. */
export class Gateway {
  readonly host: EdgeHost
  readonly #core: Core
  readonly #timer: ReturnType<typeof setInterval>
  readonly #endSys: () => void
  #stopping: Promise<void> | undefined

  /** Opens authentication, data directory and edge, and starts the clock. Rejects with a text that names the file that cannot be had. */
  static async open(config: Config, log: Logger, hooks: Hooks = {}): Promise<Gateway> {
    const { limits, mqtt, dataDir, synchronous } = config
    const stats = new CoreStats()
    const incarnation = randomBytes(9).toString('base64url') as Incarnation
    let core: Core | undefined
    const host = await EdgeHost.open(config, log, hooks, async ({ turn, eventLog }) => {
      const opened = openStandaloneCore({
        dataDir,
        synchronous,
        limits,
        dropPolicy: mqtt.dropPolicy,
        queueQos0: mqtt.queueQos0,
        now: Date.now,
        defer: turn.core,
        stats,
        events: eventLog.write,
      })
      core = opened
      return port => opened.attach(port, incarnation)
    })
    if (core === undefined) throw new Error('The core was not opened')
    return new Gateway(host, core, stats, mqtt.sysIntervalSec)
  }

  private constructor(host: EdgeHost, core: Core, stats: CoreStats, sysIntervalSec: number) {
    this.host = host
    this.#core = core
    registerCoreMetrics(host.registry, stats)
    this.#timer = setInterval(() => core.tick(Date.now()), CORE_TICK_MS)
    const startedAt = Date.now()
    const uptimeSec = () => Math.floor((Date.now() - startedAt) / 1000)
    this.#endSys = new SysTopics(core).every(sysIntervalSec, () => sysFigures(host.stats, stats, uptimeSec()))
  }

  /** The `ConnectionFactory` of whatever lets devices in. */
  get accept(): ConnectionFactory {
    return this.host.edge.accept
  }

  /** What the HTTP side serves. `listeners`: what the page is to show. */
  http(listeners: () => readonly ListenerInfo[]): HttpContext {
    return this.host.http({ ready: () => this.#ready(), listeners })
  }

  /** Tells devices that the server goes, flushes, and closes what `open` opened. */
  stop(): Promise<void> {
    this.#stopping ??= this.#close()
    return this.#stopping
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer)
    this.#endSys()
    await this.host.shutdown()
    await new Promise<void>(done => this.#core.close(done))
    this.host.close()
  }

  #ready(): Readiness {
    const reasons: string[] = []
    if (this.#stopping !== undefined) reasons.push('Draining')
    if (this.#core.stuck || this.#core.congested) reasons.push('The log cannot be written, or is behind')
    return { ok: reasons.length === 0, reasons }
  }
}
