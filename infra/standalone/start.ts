/** Edge and core in one process: puts the parts together, keeps their time, and takes them apart again. The runtime gives HTTP. */
import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import { collectDefaultMetrics } from 'prom-client'
import type { Incarnation } from '../../core/contract/ids.ts'
import type { Core } from '../../core/core.ts'
import { openStandaloneCore } from '../../core/open.node.ts'
import { CoreStats } from '../../core/stats.ts'
import { type OpenAuth, openAuth } from '../../edge/auth/open.node.ts'
import { Edge } from '../../edge/edge.ts'
import type { HttpContext } from '../../edge/http/context.ts'
import { createRegistry } from '../../edge/http/metrics.ts'
import { AcceptGate } from '../../edge/listen/accept-limit.ts'
import type { Listener } from '../../edge/listen/listener.ts'
import { EdgeStats } from '../../edge/stats.ts'
import type { Running, StartStandalone } from '../cli/ports.ts'
import type { Config } from '../config/schema.ts'
import { VERSION } from '../version.ts'
import { EventLog } from './event-log.ts'
import { openListeners, type ServeHttp } from './listeners.ts'
import { registerCoreMetrics } from './metrics.ts'
import { SysTopics, sysFigures } from './sys.ts'
import { Turn } from './turn.ts'

const TICK_MS = 1000

/** What differs between runtimes. */
export interface Runtime {
  readonly serveHttp: ServeHttp
  /** Called once a second. */
  readonly everySecond?: (stats: EdgeStats) => void
}

export const standalone =
  (runtime: Runtime): StartStandalone =>
  async (config, log) => {
    const gateway = await Gateway.open(config, log)
    try {
      await gateway.listen(runtime)
      return gateway
    } catch (error) {
      await gateway.stop()
      throw error
    }
  }

const breathe = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

class Gateway implements Running {
  readonly #config: Config
  readonly #turn = new Turn(setImmediate)
  readonly #edgeStats = new EdgeStats()
  readonly #coreStats = new CoreStats()
  readonly #eventLog: EventLog
  readonly #auth: OpenAuth
  readonly #core: Core
  readonly #edge: Edge
  readonly #gate: AcceptGate
  readonly #open: Listener[] = []
  readonly #timers: ReturnType<typeof setInterval>[] = []
  readonly #startedAt = Date.now()
  #stopping: Promise<void> | undefined

  static async open(config: Config, log: Logger): Promise<Gateway> {
    const auth = await openAuth({
      settings: config.auth,
      authFailuresPerMinute: config.limits.authFailuresPerMinute,
      now: Date.now,
      report: detail => log.warn(detail),
    })
    try {
      return new Gateway(config, log, auth)
    } catch (error) {
      auth.close()
      throw error
    }
  }

  private constructor(config: Config, log: Logger, auth: OpenAuth) {
    this.#config = config
    this.#auth = auth
    this.#eventLog = new EventLog(log)
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
      events: this.#eventLog.write,
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
        stats: this.#edgeStats,
        events: this.#eventLog.write,
        clock: Date.now,
        atTurnEnd: this.#turn.edge,
        randomId: () => randomBytes(15).toString('hex'),
      },
      port => this.#core.attach(port, incarnation),
    )
    this.#gate = new AcceptGate(limits, this.#edgeStats)
  }

  get listeners(): Running['listeners'] {
    return this.#open.map(l => ({ kind: l.kind, host: l.address, port: l.port }))
  }

  get dataDir(): string {
    return this.#config.dataDir
  }

  async listen({ serveHttp, everySecond }: Runtime): Promise<void> {
    this.#keepTime(everySecond)
    await openListeners({
      config: this.#config,
      factory: this.#edge.accept,
      gate: this.#gate,
      stats: this.#edgeStats,
      limits: this.#config.limits,
      http: this.#http(),
      serveHttp,
      onEvent: this.#eventLog.write,
      opened: listener => this.#open.push(listener),
    })
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#close()
    return this.#stopping
  }

  async #close(): Promise<void> {
    for (const listener of this.#open) listener.stopAccepting()
    for (const timer of this.#timers) clearInterval(timer)
    await this.#edge.shutdown(breathe)
    await breathe()
    this.#core.close()
    await Promise.all(this.#open.map(listener => listener.close()))
    this.#auth.close()
  }

  #keepTime(everySecond: Runtime['everySecond']): void {
    this.#timers.push(
      setInterval(() => {
        this.#core.tick(Date.now())
        this.#edge.tick()
        this.#eventLog.everySecond()
        everySecond?.(this.#edgeStats)
      }, TICK_MS),
    )
    const { sysIntervalSec } = this.#config.mqtt
    if (sysIntervalSec === 0) return
    const sys = new SysTopics(this.#core)
    const publish = () => sys.publish(sysFigures(this.#edgeStats, this.#coreStats, this.#uptimeSec()))
    publish()
    this.#timers.push(setInterval(publish, sysIntervalSec * 1000))
  }

  #uptimeSec(): number {
    return Math.floor((Date.now() - this.#startedAt) / 1000)
  }

  #http(): HttpContext {
    const { metrics } = this.#config
    const registry = createRegistry(this.#edgeStats, VERSION)
    registerCoreMetrics(registry, this.#coreStats)
    if (metrics.process) collectDefaultMetrics({ register: registry })
    return {
      factory: this.#edge.accept,
      gate: this.#gate,
      limits: this.#config.limits,
      stats: this.#edgeStats,
      version: VERSION,
      ready: () => this.#ready(),
      listeners: () => this.listeners,
      metrics: () => registry.metrics(),
    }
  }

  #ready(): { ok: boolean; reasons: string[] } {
    const reasons: string[] = []
    if (this.#stopping !== undefined) reasons.push('Draining')
    if (this.#core.congested) reasons.push('The log cannot be written, or is behind')
    return { ok: reasons.length === 0, reasons }
  }
}
