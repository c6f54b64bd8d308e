/** An edge without a listener: opens authentication, keeps the time of the edge, offers what lets devices in. Which core it speaks to is handed in. */
import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import { collectDefaultMetrics } from 'prom-client'
import type { CoreLink } from '../../core/contract/link.ts'
import { type OpenAuth, openAuth } from '../../edge/auth/open.node.ts'
import { Edge } from '../../edge/edge.ts'
import type { HttpContext, ListenerInfo, Readiness } from '../../edge/http/context.ts'
import type { Admin } from '../../edge/http/drain.ts'
import { createRegistry } from '../../edge/http/metrics.ts'
import { AcceptGate } from '../../edge/listen/accept-limit.ts'
import type { Regions } from '../../edge/region/regions.ts'
import { EdgeStats } from '../../edge/stats.ts'
import type { EdgeConfig } from '../config/edge.ts'
import { EventLog } from '../event-log.ts'
import { Turn } from '../standalone/turn.ts'
import { VERSION } from '../version.ts'

/** Time-outs of the edge are kept to a second. */
const TICK_MS = 1000

export const breathe = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** What a runtime does for the process beside. */
export interface Hooks {
  readonly everySecond?: (stats: EdgeStats) => void
  /** At the end of each turn. */
  readonly afterTurn?: ((stats: EdgeStats) => void) | undefined
}

/** What an edge shares with the link to its core. */
export interface Shared {
  readonly turn: Turn
  readonly eventLog: EventLog
  readonly log: Logger
}

/** Makes ready what `attach` needs; rejects with a text that says what cannot be had. */
export type Connect = (shared: Shared) => Promise<(edge: Edge) => CoreLink>

export type EdgeHostConfig = Pick<EdgeConfig, 'limits' | 'mqtt' | 'auth' | 'metrics'>

export interface HttpParts {
  readonly ready: () => Readiness
  /** What the page is to show. */
  readonly listeners: () => readonly ListenerInfo[]
  readonly regions?: Regions
  readonly admin?: Admin
}

export class EdgeHost {
  readonly eventLog: EventLog
  readonly stats: EdgeStats
  readonly edge: Edge
  /** Shared by everything that lets devices in. */
  readonly gate: AcceptGate
  /** All metrics of the process. */
  readonly registry: ReturnType<typeof createRegistry>
  readonly #config: EdgeHostConfig
  readonly #auth: OpenAuth
  readonly #timer: ReturnType<typeof setInterval>

  /** Opens authentication, connects, and starts the clock. Rejects with a text that names the file that cannot be had. */
  static async open(config: EdgeHostConfig, log: Logger, hooks: Hooks, connect: Connect): Promise<EdgeHost> {
    const stats = new EdgeStats()
    const auth = await openAuth({
      settings: config.auth,
      authFailuresPerMinute: config.limits.authFailuresPerMinute,
      now: Date.now,
      stats,
      report: detail => log.warn(detail),
    })
    try {
      const { afterTurn } = hooks
      const turn = new Turn({ schedule: setImmediate, after: afterTurn && (() => afterTurn(stats)) })
      const shared = { turn, eventLog: new EventLog(log), log }
      return new EdgeHost(config, auth, stats, shared, hooks, await connect(shared))
    } catch (error) {
      auth.close()
      throw error
    }
  }

  private constructor(
    config: EdgeHostConfig,
    auth: OpenAuth,
    stats: EdgeStats,
    { turn, eventLog }: Shared,
    hooks: Hooks,
    attach: (edge: Edge) => CoreLink,
  ) {
    this.#config = config
    this.#auth = auth
    this.stats = stats
    this.eventLog = eventLog
    const { limits, mqtt, metrics } = config
    const { responseInformation } = mqtt
    this.edge = new Edge(
      {
        limits,
        settings: { ...mqtt, responseInformation: responseInformation === '' ? undefined : responseInformation },
        auth,
        stats,
        events: eventLog.write,
        clock: Date.now,
        atTurnEnd: turn.edge,
        randomId: () => randomBytes(15).toString('hex'),
      },
      attach,
    )
    this.gate = new AcceptGate(limits, stats)
    this.registry = createRegistry(stats, VERSION)
    if (metrics.process) collectDefaultMetrics({ register: this.registry })
    this.#timer = setInterval(() => {
      this.edge.tick()
      eventLog.everySecond()
      hooks.everySecond?.(stats)
    }, TICK_MS)
  }

  /** What the HTTP side serves. */
  http(parts: HttpParts): HttpContext {
    const { limits, auth } = this.#config
    return {
      factory: this.edge.accept,
      gate: this.gate,
      limits,
      stats: this.stats,
      version: VERSION,
      ...parts,
      metrics: () => this.registry.metrics(),
      ...(auth.allowedOrigins === undefined ? {} : { allowedOrigins: auth.allowedOrigins }),
    }
  }

  /** Stops the clock and tells devices that the server goes. The link is still needed for it. */
  async shutdown(): Promise<void> {
    clearInterval(this.#timer)
    this.gate.clear()
    await this.edge.shutdown(breathe)
    await breathe()
  }

  /** After `shutdown`. */
  close(): void {
    this.#auth.close()
  }
}
