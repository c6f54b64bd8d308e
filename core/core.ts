/** One core: puts log, state, routes and sessions together, opens, ticks and closes them. Its parts do the work; edges reach it through `attach`. */
import type { Incarnation } from './contract/ids.ts'
import { tenantOf } from './contract/ids.ts'
import type { Limits } from './contract/limits.ts'
import type { CoreLink, EdgePort } from './contract/link.ts'
import { Message, type MessageInit } from './contract/message.ts'
import { type CoreParts, LocalLink } from './link/local-link.ts'
import { Turn } from './link/turn.ts'
import type { Log } from './log/port.ts'
import { Retained } from './route/retain.ts'
import { Router } from './route/router.ts'
import { Flights } from './session/flights.ts'
import { Inboxes } from './session/inbox.ts'
import { recover } from './session/recovery.ts'
import { Sessions } from './session/sessions.ts'
import type { State } from './state/port.ts'
import type { CoreEvents, CoreStats } from './stats.ts'

export interface CoreOptions {
  readonly log: Log
  readonly state: State
  readonly limits: Limits
  /** Of this process, never used before. An edge in the same process may have the same. */
  readonly incarnation: Incarnation
  /** ms since the epoch. */
  readonly now: () => number
  /** Runs a function once after the sockets of this turn of the event loop were read (`setImmediate`). */
  readonly defer: (fn: () => void) => void
  readonly stats: CoreStats
  readonly events?: CoreEvents
  /** What goes when an inbox is full and holds no QoS 0 message. Default: the oldest. */
  readonly dropPolicy?: 'oldest' | 'newest'
  /** QoS 0 messages wait for offline sessions too. Default: false. */
  readonly queueQos0?: boolean
}

export class Core {
  readonly #o: CoreOptions
  readonly #ports: EdgePort[] = []
  readonly #parts: CoreParts
  /** Of the messages the core publishes itself. */
  readonly #origin: Incarnation
  #seq = 0
  #isOpen = false

  constructor(options: CoreOptions) {
    this.#o = options
    this.#origin = `${options.incarnation}.core` as Incarnation
    const { log, state, limits, stats, now, defer } = options
    const events: CoreEvents = options.events ?? (() => {})
    const common = { state, limits, stats, events, now }
    const inboxes = new Inboxes({ ...common, dropPolicy: options.dropPolicy ?? 'oldest' })
    const retained = new Retained(common)
    const router: Router = new Router({
      cachedTopics: limits.routeCacheTopics,
      queueQos0: options.queueQos0 ?? false,
      stats,
      inboxes,
      retained,
      session: client => sessions.get(client),
    })
    const turn: Turn = new Turn({
      ...common,
      log,
      defer,
      commits: [...new Set([log.commits, state.commits])],
      route: (message, from, envelope) => router.route(message, from, envelope),
      stage: () => sessions.stage(),
      congest: on => {
        for (const port of this.#ports) port.congested(on)
      },
    })
    const flights = new Flights({ turn, inboxes, now, mark: s => sessions.mark(s), inLog: m => router.holds(m) })
    const sessions: Sessions = new Sessions({
      ...common,
      turn,
      inboxes,
      flights,
      routes: client => router.routes(tenantOf(client)),
      publish: init => this.publish(init),
    })
    this.#parts = { turn, sessions, flights, inboxes, router, retained, stats, now, defer }
  }

  /** Loads the state, replays the log, and takes every session that was online as disconnected now. Throws if something of it cannot be read or written. */
  open(): void {
    const { log, state, stats, events } = this.#o
    recover({ ...this.#parts, log, state })
    this.#isOpen = true
    const now = this.#o.now()
    for (const s of [...this.#parts.sessions.values()]) this.#parts.sessions.settle(s, now)
    this.#parts.turn.flush()
    events?.({ is: 'recovered', sessions: stats.nowSessions, retained: stats.nowRetained, messages: stats.recovered })
  }

  /** The link of an edge in this process. `incarnation`: origin of the messages it publishes. */
  attach(port: EdgePort, incarnation: Incarnation): CoreLink {
    this.#ports.push(port)
    return new LocalLink(this.#parts, port, incarnation)
  }

  /** The log cannot be written, or is behind: edges read no further from publishers. */
  get congested(): boolean {
    return this.#parts.turn.congested
  }

  /** About once a second: deadlines, retries, trimming. ms since the epoch. */
  tick(now: number): void {
    if (!this.#isOpen) return
    this.#parts.sessions.tick(now)
    this.#parts.retained.tick(now)
    this.#parts.turn.tick(now)
  }

  /** A message of the gateway itself. Topics below `$SYS/` are retained in memory only. */
  publish(init: MessageInit): void {
    const message = new Message(this.#origin, ++this.#seq, init)
    if (message.retain) this.#parts.retained.accept(message)
    this.#parts.turn.message(message, undefined)
  }

  /** Carries out and makes durable what is pending, then closes log and state. */
  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#parts.turn.urge()
    this.#parts.turn.flush()
    for (const commits of new Set([this.#o.log.commits, this.#o.state.commits])) commits.close()
  }
}
