/**
 * One core as a process: waits for its turn, opens the engine, serves links and pages, and takes it all apart again.
 *
 *     starting ─▶ standby ─▶ recovering ─▶ active ─▶ stopping
 */
import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { TapHost } from '../../core/bridge/port.ts'
import type { Incarnation } from '../../core/contract/ids.ts'
import { LINK_STATS_HELP, LinkStats } from '../../core/contract/link/stats.ts'
import type { LinkConnector } from '../../core/contract/link/transport.ts'
import { Core } from '../../core/core.ts'
import { LinkServer } from '../../core/link/server/link-server.ts'
import { Undertaker } from '../../core/site/undertaker.ts'
import { CoreStats } from '../../core/stats.ts'
import type { Readiness } from '../../edge/http/context.ts'
import { FAILED, type Running, SUPERSEDED } from '../cli/ports.ts'
import type { CoreConfig } from '../config/core.ts'
import { EventLog } from '../event-log.ts'
import { registerIdentity, registerStats } from '../metrics.ts'
import { Turn } from '../standalone/turn.ts'
import { VERSION } from '../version.ts'
import { type CorePort, openCorePort } from './http.node.ts'
import { registerCoreMetrics } from './metrics.ts'
import type { CoreView } from './pages.ts'
import { addPeers } from './peers.ts'
import { Standstill } from './standstill.ts'
import type { Bridge, Globe, Seat, Stores } from './stores.ts'
import { coreFigures, SysTopics } from './sys.ts'

/** Deadlines (wills, expiry, heartbeats of links) are kept to a quarter of a second. */
const TICK_MS = 250
const GOOD_BYE_MS = 500

type Phase = 'starting' | 'standby' | 'recovering' | 'active' | 'stopping'

export class CoreProcess {
  /** It ended by itself. */
  readonly ended: Promise<number>
  readonly #config: CoreConfig
  readonly #log: Logger
  readonly #stores: Stores
  /** To other sites. */
  readonly #connect: LinkConnector
  readonly #events: EventLog
  readonly #stats = new CoreStats()
  readonly #links: LinkServer
  readonly #standstill: Standstill
  readonly #turn: Turn
  readonly #incarnation: Incarnation
  readonly #timers: ReturnType<typeof setInterval>[]
  #end: (status: number) => void = () => {}
  #port: CorePort | undefined
  #phase: Phase = 'starting'
  /** Why it is not active. */
  #why = 'This core is starting'
  #seat: Seat | undefined
  #core: Core | undefined
  #undertaker: Undertaker | undefined
  #bridge: Bridge | undefined
  readonly #pressing = new Set<'stores' | 'bridge' | 'end'>()
  #endSys: () => void = () => {}
  #stopping: Promise<void> | undefined

  /** Resolves once it is active or stands by. Rejects with a text that says what to change; `stores` are closed then. */
  static async start(
    config: CoreConfig,
    log: Logger,
    incarnation: Incarnation,
    stores: Stores,
    connect: LinkConnector,
  ): Promise<CoreProcess> {
    const started = new CoreProcess(config, log, incarnation, stores, connect)
    try {
      await started.#listen()
      await started.#lead()
      return started
    } catch (error) {
      await started.stop()
      throw error
    }
  }

  private constructor(
    config: CoreConfig,
    log: Logger,
    incarnation: Incarnation,
    stores: Stores,
    connect: LinkConnector,
  ) {
    this.#connect = connect
    this.#config = config
    this.#log = log
    this.#incarnation = incarnation
    this.#stores = stores
    this.#events = new EventLog(log)
    this.ended = new Promise(done => {
      this.#end = done
    })
    this.#standstill = new Standstill(now => this.#core !== undefined && stores.mayBeStale(now))
    this.#turn = new Turn({ schedule: run => setImmediate(() => this.#standstill.run(run)) })
    this.#links = new LinkServer({
      id: config.id,
      site: config.site,
      incarnation,
      token: config.linkToken ?? '',
      core: () => (this.#phase === 'active' && this.#core !== undefined ? this.#core : { refuse: this.#why }),
      limits: config.limits,
      stats: this.#linkStats,
      now: Date.now,
      atTurnEnd: this.#turn.edge,
      events: this.#events.write,
      met: site => this.#core?.peers?.met(site),
    })
    this.#timers = [
      setInterval(() => this.#standstill.run(this.#tick), TICK_MS),
      setInterval(() => this.#events.everySecond(), 1000),
    ]
  }

  readonly #linkStats = new LinkStats()
  /** Of the links to other sites. */
  readonly #peerStats = new LinkStats()

  get listeners(): Running['listeners'] {
    return this.#port === undefined ? [] : [{ kind: this.#port.kind, host: this.#port.host, port: this.#port.port }]
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#close()
    return this.#stopping
  }

  // ── start

  async #listen(): Promise<void> {
    const { id, site, limits } = this.#config
    const registry = this.#registry()
    const view: CoreView = {
      id,
      site,
      ready: () => this.#ready(),
      state: () => this.#phase,
      edges: () => this.#links.edges,
      metrics: () => registry.metrics(),
    }
    const { accept } = this
    this.#port = await openCorePort({
      config: this.#config,
      limits,
      links: { accept },
      view,
      onEvent: this.#events.write,
    })
  }

  /** Links act only while it is certain that it is this core's turn. */
  readonly accept: LinkServer['accept'] = (transport, address) => {
    const events = this.#links.accept(transport, address)
    const { run } = this.#standstill
    return {
      message: bytes => run(() => events.message(bytes)),
      closed: detail => run(() => events.closed(detail)),
    }
  }

  /** Resolves when it is active, or has to wait for its turn; then it goes on by itself. */
  #lead(): Promise<void> {
    let waited = false
    return new Promise((settled, failed) => {
      const led = this.#stores
        .lead({
          waiting: why => {
            waited = true
            this.#phase = 'standby'
            this.#why = why
            this.#log.info({ id: this.#config.id, why }, 'Standby')
            settled()
          },
          pressed: on => this.#press('stores', on),
        })
        .then(seat => (this.#stopping === undefined ? this.#open(seat) : undefined))
      led.then(settled, error => {
        failed(error)
        if (!waited || this.#stopping !== undefined) return
        this.#log.fatal({ err: error }, 'This core could not become active')
        this.#end(FAILED)
      })
    })
  }

  async #open(seat: Seat): Promise<void> {
    const { limits, mqtt, id } = this.#config
    this.#phase = 'recovering'
    this.#why = `Core ${id} recovers what the one before it has left`
    const since = Date.now()
    this.#seat = seat
    void seat.lost.then(by => this.#superseded(by))
    const core = new Core({
      log: seat.log,
      state: seat.state,
      inboxes: seat.inboxes,
      limits,
      incarnation: this.#incarnation,
      now: Date.now,
      defer: this.#turn.core,
      stats: this.#stats,
      events: this.#events.write,
      dropPolicy: mqtt.dropPolicy,
      queueQos0: mqtt.queueQos0,
      // An edge tries again within 1.5 s, and may wait a second for a core that hangs.
      edgesMs: 2 * limits.linkGraceMs,
      ...(seat.globe === undefined ? {} : { site: this.#config.site, directory: seat.globe.directory }),
    })
    this.#core = core
    await this.#openBridge(core)
    await core.open()
    seat.opened(core)
    if (seat.globe !== undefined) this.#join(core, seat.globe)
    await this.#bridge?.start()
    if (this.#stopping !== undefined) return
    this.#phase = 'active'
    this.#endSys = new SysTopics(core).every(mqtt.sysIntervalSec, () =>
      coreFigures(this.#stats, Math.floor((Date.now() - since) / 1000)),
    )
    const { nowSessions: sessions, recovered: messages } = this.#stats
    this.#log.info({ id, sessions, messages, tookMs: Date.now() - since }, 'Core is active')
  }

  /** The other sites. */
  #join(core: Core, { directory, watch, term }: Globe): void {
    const { limits } = this.#config
    addPeers(core.peers!, {
      config: this.#config,
      incarnation: this.#incarnation,
      term,
      connect: this.#connect,
      run: this.#standstill.run,
      stats: this.#peerStats,
      turn: this.#turn,
      events: this.#events,
    })
    core.peers!.start()
    this.#undertaker = new Undertaker({
      watch,
      directory,
      limits,
      stats: this.#stats,
      events: this.#events.write,
      now: Date.now,
      publish: (init, done, id) => core.publish(init, done, id),
      take: message => core.take(message),
    })
  }

  async #openBridge(core: Core): Promise<void> {
    const host: TapHost = {
      tapped: message => core.tapped(message),
      publish: (init, done) => core.publish(init, done),
      congest: on => this.#press('bridge', on),
    }
    this.#bridge = await this.#stores.bridge?.(host, this.#events.write)
    if (this.#bridge?.tap !== undefined) core.tap(this.#bridge.tap)
  }

  /** Whoever cannot keep up holds publishers back. */
  #press(who: 'stores' | 'bridge' | 'end', on: boolean): void {
    if (on) this.#pressing.add(who)
    else this.#pressing.delete(who)
    this.#core?.congest(this.#pressing.size > 0)
  }

  #superseded(by: string): void {
    if (this.#phase === 'stopping') return
    this.#log.fatal({ id: this.#config.id, by }, 'Another core has taken over; this one ends')
    this.#end(SUPERSEDED)
  }

  // ── while it runs

  readonly #tick = (): void => {
    const now = Date.now()
    this.#core?.tick(now)
    this.#core?.peers?.tick(now)
    this.#undertaker?.tick(now)
    this.#links.tick(now)
  }

  #ready(): Readiness {
    if (this.#phase !== 'active') return { ok: false, reasons: [this.#phase === 'stopping' ? 'Draining' : this.#why] }
    const reasons = [...(this.#seat?.troubles() ?? [])]
    if (this.#core?.stuck || this.#core?.congested) reasons.push('The log cannot be written, or is behind')
    const trouble = this.#bridge?.trouble()
    if (trouble !== undefined) reasons.push(trouble)
    return { ok: reasons.length === 0, reasons }
  }

  #registry(): Registry {
    const { id, site, metrics } = this.#config
    const registry = new Registry()
    const isActive = () => this.#phase === 'active'
    registerCoreMetrics(registry, this.#stats)
    registerStats(registry, 'meridian_link', this.#linkStats, LINK_STATS_HELP)
    if (this.#config.peers.size > 0) registerStats(registry, 'meridian_peer_link', this.#peerStats, LINK_STATS_HELP)
    this.#stores.register(registry)
    registerIdentity(registry, 'core', { id, site, version: VERSION })
    new Gauge({
      name: 'meridian_core_active',
      help: '1 while this core is the active one of its site, else 0',
      registers: [registry],
      collect() {
        this.set(isActive() ? 1 : 0)
      },
    })
    if (metrics.process) collectDefaultMetrics({ register: registry })
    return registry
  }

  // ── end

  async #close(): Promise<void> {
    const was = this.#phase
    this.#phase = 'stopping'
    this.#why = `Core ${this.#config.id} is shutting down`
    this.#endSys()
    this.#undertaker?.close()
    await this.#core?.peers?.close()
    await this.#bridge?.close(this.#config.limits.shutdownMs / 2)
    if (was === 'active' && this.#core !== undefined) await this.#drain(this.#core)
    else for (const commits of new Set([this.#seat?.log.commits, this.#seat?.state.commits])) commits?.close()
    this.#links.close()
    await this.#goodBye()
    for (const timer of this.#timers) clearInterval(timer)
    await this.#port?.close()
    await this.#stores.close()
  }

  /** Edges get what was said to them last, if they take it soon. */
  async #goodBye(): Promise<void> {
    const until = Date.now() + GOOD_BYE_MS
    while (this.#links.edges.some(edge => edge.linked) && Date.now() < until)
      await new Promise(done => setTimeout(done, 10))
  }

  /** What edges have sent is carried out and answered; they are told to send no more. */
  async #drain(core: Core): Promise<void> {
    this.#press('end', true)
    await new Promise<void>(done => core.close(done))
    await new Promise<void>(done => this.#turn.edge(done))
  }
}

export const newIncarnation = (): Incarnation => randomBytes(9).toString('base64url') as Incarnation
