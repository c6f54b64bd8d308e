/** Edge and core in one process, without a listener: puts the parts together, keeps their time, and takes them apart again. */
import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import { collectDefaultMetrics } from 'prom-client'
import type { Incarnation } from '../../core/contract/ids.ts'
import type { Core } from '../../core/core.ts'
import { openStandaloneCore } from '../../core/open.node.ts'
import { CoreStats } from '../../core/stats.ts'
import { type OpenAuth, openAuth } from '../../edge/auth/open.node.ts'
import { Edge } from '../../edge/edge.ts'
import type { HttpContext, ListenerInfo } from '../../edge/http/context.ts'
import { createRegistry } from '../../edge/http/metrics.ts'
import { AcceptGate } from '../../edge/listen/accept-limit.ts'
import type { ConnectionFactory } from '../../edge/listen/transport.ts'
import { EdgeStats } from '../../edge/stats.ts'
import type { Config } from '../config/schema.ts'
import { VERSION } from '../version.ts'
import { EventLog } from './event-log.ts'
import { registerCoreMetrics } from './metrics.ts'
import { SysTopics, sysFigures } from './sys.ts'
import { Turn } from './turn.ts'

/** Deadlines of the core (wills, expiry) are kept to a quarter of a second; time-outs of the edge to a second. */
const CORE_TICK_MS = 250
const EDGE_TICK_MS = 1000

const breathe = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** What a runtime does for the process beside. */
export interface Hooks {
  readonly everySecond?: (stats: EdgeStats) => void
  /** At the end of each turn. */
  readonly afterTurn?: ((stats: EdgeStats) => void) | undefined
}

/** Devices come in through `http` or through listeners that are given `accept`. */
export class Gateway {
  readonly eventLog: EventLog
  readonly stats: EdgeStats
  /** Shared by everything that lets devices in. */
  readonly gate: AcceptGate
  readonly #config: Config
  readonly #turn: Turn
  readonly #coreStats = new CoreStats()
  readonly #auth: OpenAuth
  readonly #core: Core
  readonly #edge: Edge
  readonly #timers: ReturnType<typeof setInterval>[] = []
  readonly #startedAt = Date.now()
  #stopping: Promise<void> | undefined

  /** Opens authentication, data directory and edge, and starts the clock. Rejects with a text that names the file that cannot be had. */
  static async open(config: Config, log: Logger, hooks: Hooks = {}): Promise<Gateway> {
    const stats = new EdgeStats()
    const auth = await openAuth({
      settings: config.auth,
      authFailuresPerMinute: config.limits.authFailuresPerMinute,
      now: Date.now,
      stats,
      report: detail => log.warn(detail),
    })
    try {
      return new Gateway(config, log, auth, stats, hooks)
    } catch (error) {
      auth.close()
      throw error
    }
  }

  private constructor(config: Config, log: Logger, auth: OpenAuth, stats: EdgeStats, hooks: Hooks) {
    this.#config = config
    this.stats = stats
    this.#auth = auth
    this.eventLog = new EventLog(log)
    const { afterTurn } = hooks
    this.#turn = new Turn({ schedule: setImmediate, after: afterTurn && (() => afterTurn(this.stats)) })
    const { limits, mqtt } = config
    const incarnation = randomBytes(9).toString('base64url') as Incarnation
    this.#core = openStandaloneCore({
      dataDir: config.dataDir,
      synchronous: config.synchronous,
      limits,
      dropPolicy: mqtt.dropPolicy,
      queueQos0: mqtt.queueQos0,
      now: Date.now,
      defer: this.#turn.core,
      stats: this.#coreStats,
      events: this.eventLog.write,
    })
    const settings = {
      ...mqtt,
      responseInformation: mqtt.responseInformation === '' ? undefined : mqtt.responseInformation,
    }
    this.#edge = new Edge(
      {
        limits,
        settings,
        auth,
        stats: this.stats,
        events: this.eventLog.write,
        clock: Date.now,
        atTurnEnd: this.#turn.edge,
        randomId: () => randomBytes(15).toString('hex'),
      },
      port => this.#core.attach(port, incarnation),
    )
    this.gate = new AcceptGate(limits, this.stats)
    this.#keepTime(hooks)
  }

  /** The `ConnectionFactory` of whatever lets devices in. */
  get accept(): ConnectionFactory {
    return this.#edge.accept
  }

  /** What the HTTP side serves; call it once. `listeners`: what the page is to show. */
  http(listeners: () => readonly ListenerInfo[]): HttpContext {
    const { metrics, auth } = this.#config
    const registry = createRegistry(this.stats, VERSION)
    registerCoreMetrics(registry, this.#coreStats)
    if (metrics.process) collectDefaultMetrics({ register: registry })
    return {
      factory: this.#edge.accept,
      gate: this.gate,
      limits: this.#config.limits,
      stats: this.stats,
      version: VERSION,
      ready: () => this.#ready(),
      listeners,
      metrics: () => registry.metrics(),
      ...(auth.allowedOrigins === undefined ? {} : { allowedOrigins: auth.allowedOrigins }),
    }
  }

  /** Tells devices that the server goes, flushes, and closes what `open` opened. */
  stop(): Promise<void> {
    this.#stopping ??= this.#close()
    return this.#stopping
  }

  async #close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    this.gate.clear()
    await this.#edge.shutdown(breathe)
    await breathe()
    this.#core.close()
    this.#auth.close()
  }

  #keepTime({ everySecond }: Hooks): void {
    this.#timers.push(
      setInterval(() => this.#core.tick(Date.now()), CORE_TICK_MS),
      setInterval(() => {
        this.#edge.tick()
        this.eventLog.everySecond()
        everySecond?.(this.stats)
      }, EDGE_TICK_MS),
    )
    const { sysIntervalSec } = this.#config.mqtt
    if (sysIntervalSec === 0) return
    const sys = new SysTopics(this.#core)
    const publish = () => sys.publish(sysFigures(this.stats, this.#coreStats, this.#uptimeSec()))
    publish()
    this.#timers.push(setInterval(publish, sysIntervalSec * 1000))
  }

  #uptimeSec(): number {
    return Math.floor((Date.now() - this.#startedAt) / 1000)
  }

  #ready(): { ok: boolean; reasons: string[] } {
    const reasons: string[] = []
    if (this.#stopping !== undefined) reasons.push('Draining')
    if (this.#core.congested) reasons.push('The log cannot be written, or is behind')
    return { ok: reasons.length === 0, reasons }
  }
}
