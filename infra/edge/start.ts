/** `meridian edge`: an edge whose core is another process. The runtime gives HTTP and WebSocket. */
import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import type { Incarnation } from '../../core/contract/ids.ts'
import { LINK_STATS_HELP, LinkStats } from '../../core/contract/link/stats.ts'
import type { LinkConnector } from '../../core/contract/link/transport.ts'
import { Drain } from '../../edge/drain.ts'
import type { HttpContext, ListenerInfo, Readiness } from '../../edge/http/context.ts'
import type { Obey } from '../../edge/http/drain.ts'
import { RemoteLink } from '../../edge/link/remote-link.ts'
import type { Start } from '../cli/ports.ts'
import type { EdgeConfig } from '../config/edge.ts'
import { registerIdentity, registerStats } from '../metrics.ts'
import { departureOf } from './departure.ts'
import { EdgeDrain } from './drain-control.ts'
import { EdgeHost, type Hooks } from './host.ts'
import { type OpenRegions, openRegions } from './regions.ts'
import { type Runtime, type Served, serveDevices } from './serve.ts'
import { registerSites } from './site-metrics.ts'

/** Time-outs of the link are kept to a quarter of a second. */
const LINK_TICK_MS = 250

export interface EdgeRuntime extends Runtime {
  /** Reads the files of the link's TLS; rejects with a text that names the one that cannot be had. */
  readonly connector: (config: EdgeConfig) => Promise<LinkConnector>
  /** Of one of several workers: what is ordered by HTTP goes to all of them. */
  readonly together?: (own: Obey) => Obey
}

export const edgeOn =
  (runtime: EdgeRuntime): Start<EdgeConfig> =>
  async (config, log) => {
    const { connector, hooks, together } = runtime
    const edge = await EdgeProcess.open(config, log, await connector(config), hooks?.(config), together)
    const served = await serveDevices(edge, config, runtime)
    const { id, region, core } = config
    return {
      listeners: served.listeners,
      drain: () => edge.drain(),
      stop: served.stop,
      facts: { id, region },
      does: `links to ${core.join(', ')}`,
    }
  }

/** Edge and link without a listener: devices come in through `http`, or through listeners that are given `host.edge.accept`. */
export class EdgeProcess implements Served {
  readonly host: EdgeHost
  readonly #link: RemoteLink
  readonly #regions: OpenRegions
  readonly #drain: Drain
  readonly #control: EdgeDrain
  readonly #obey: Obey
  readonly #adminToken: string | undefined
  readonly #timer: ReturnType<typeof setInterval>
  #stopping: Promise<void> | undefined

  static async open(
    config: EdgeConfig,
    log: Logger,
    connect: LinkConnector,
    hooks: Hooks = {},
    together = (own: Obey): Obey => own,
  ): Promise<EdgeProcess> {
    const { id, region, core, site, linkToken, limits } = config
    const stats = new LinkStats()
    let link: RemoteLink | undefined
    const host = await EdgeHost.open(config, log, hooks, async ({ turn, eventLog }) => edge => {
      link = new RemoteLink(edge, {
        incarnation: randomBytes(9).toString('base64url') as Incarnation,
        id,
        region,
        cores: core,
        prefer: site ?? '',
        token: linkToken ?? '',
        limits,
        stats,
        connect,
        now: Date.now,
        random: Math.random,
        atTurnEnd: turn.edge,
        events: eventLog.write,
      })
      return link
    })
    if (link === undefined) throw new Error('The edge made no link')
    registerStats(host.registry, 'meridian_link', stats, LINK_STATS_HELP)
    registerIdentity(host.registry, 'edge', { id, region })
    const opened = link
    registerSites(host.registry, () => opened.sites)
    return new EdgeProcess(config, log, host, opened, openRegions(config, host.registry, log), together)
  }

  private constructor(
    config: EdgeConfig,
    log: Logger,
    host: EdgeHost,
    link: RemoteLink,
    opened: OpenRegions,
    together: (own: Obey) => Obey,
  ) {
    const { limits, adminToken } = config
    const { regions } = opened
    this.host = host
    this.#link = link
    this.#regions = opened
    this.#drain = new Drain({ edge: host.edge, regions, limits, now: Date.now })
    this.#control = new EdgeDrain(this.#drain, host.edge, log)
    this.#obey = together(this.#control.obey)
    this.#adminToken = adminToken
    link.departBy(departureOf(host, this.#drain, limits))
    this.#timer = setInterval(() => link.tick(Date.now()), LINK_TICK_MS)
    link.start()
  }

  http(listeners: () => readonly ListenerInfo[]): HttpContext {
    const token = this.#adminToken
    return this.host.http({
      ready: () => this.#ready(),
      listeners,
      regions: this.#regions.regions,
      ...(token === undefined ? {} : { admin: { token, drain: this.#obey } }),
    })
  }

  drain(): Promise<void> {
    return this.#control.finish()
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#close()
    return this.#stopping
  }

  async #close(): Promise<void> {
    this.#regions.close()
    this.#drain.close()
    await this.host.shutdown()
    await this.#link.close()
    clearInterval(this.#timer)
    this.host.close()
  }

  #ready(): Readiness {
    const reasons: string[] = []
    if (this.#drain.on || this.#stopping !== undefined) reasons.push('Draining')
    if (this.#link.moving) reasons.push('Its link goes to another site')
    if (!this.#link.linked) reasons.push(this.#link.state)
    return { ok: reasons.length === 0, reasons }
  }
}
