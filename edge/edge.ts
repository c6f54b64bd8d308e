/**
 * One edge: its connections, its sessions, the fan-out of what the core delivers, and the end of each turn where sockets are
 * written. Performs effects; decides nothing about the protocol (`session/`) or about windows (`flow/`).
 *
 *   sockets ─▶ Connection ─▶ session/* ─▶ CoreLink           EdgePort.deliver ─▶ LocalIndex ─▶ flow/outbound ─▶ Output ─▶ sockets
 */
import type { ClientKey, Incarnation } from '../core/contract/ids.ts'
import type { Limits } from '../core/contract/limits.ts'
import type { CoreLink, EdgePort } from '../core/contract/link.ts'
import type { Message } from '../core/contract/message.ts'
import type { Auth } from './auth/ports.ts'
import type { EdgeContext } from './context.ts'
import { Source } from './flow/entry.ts'
import { releaseOverdue, saveOverdue } from './flow/inbox.ts'
import { offer } from './flow/outbound.ts'
import type { Transport, TransportEvents } from './listen/transport.ts'
import { LocalIndex } from './route/local-index.ts'
import { NO_IDS } from './route/target.ts'
import { Connection, Phase } from './session/connection.ts'
import type { Session } from './session/session.ts'
import type { EdgeSettings } from './settings.ts'
import type { EdgeEvents, EdgeStats } from './stats.ts'
import { Reason } from './wire/reason.ts'

export interface EdgeOptions {
  readonly limits: Limits
  readonly settings: EdgeSettings
  readonly auth: Auth
  readonly stats: EdgeStats
  readonly events: EdgeEvents
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  /** Runs a function after everything of this turn, and the core's work on it, is done. */
  readonly atTurnEnd: (flush: () => void) => void
  /** Random text of 20 or more letters and digits, for assigned client ids. */
  readonly randomId: () => string
}

/** Connections of `shutdown` closed between two breaths of the event loop. */
const SHUTDOWN_BATCH = 500

export class Edge implements EdgePort {
  readonly #options: EdgeOptions
  readonly #ctx: EdgeContext
  readonly #connections = new Set<Connection>()
  readonly #held = new Set<Connection>()
  #touched: Connection[] = []
  #spare: Connection[] = []
  #turn = false
  #now = 0
  #seq = 0
  #congested = false

  constructor(options: EdgeOptions, attach: (port: EdgePort) => CoreLink) {
    this.#options = options
    const { limits, settings, auth, stats, events } = options
    this.#ctx = {
      limits,
      settings,
      auth,
      stats,
      events,
      link: attach(this),
      index: new LocalIndex({ routeCacheTopics: limits.routeCacheTopics, sharedStrategy: settings.sharedStrategy }),
      sessions: new Map<ClientKey, Session>(),
      now: () => this.#time(),
      nextSeq: () => ++this.#seq,
      touch: connection => this.#touch(connection),
      overloaded: () => this.#overloaded(),
      hold: connection => this.#hold(connection),
      assignClientId: () => `auto-${options.randomId()}`,
      forget: connection => this.#forget(connection),
    }
  }

  get incarnation(): Incarnation {
    return this.#ctx.link.incarnation
  }

  /** The `ConnectionFactory` of the listeners. */
  readonly accept = (transport: Transport): TransportEvents => {
    const connection = new Connection(this.#ctx, transport)
    this.#connections.add(connection)
    return connection
  }

  // ── EdgePort

  receipt(message: Message, matched: boolean): void {
    if (message.publisher instanceof Connection) message.publisher.receipt(message, matched)
  }

  deliver(message: Message): boolean {
    const now = this.#time()
    // Held by this call while the copies are made, so that none of them is the last one too early.
    message.pending++
    if (message.target !== '') this.#deliverTo(message, message.target, now)
    else this.#fanOut(message, now)
    return --message.pending > 0
  }

  kick(client: ClientKey, epoch: number, reason: number): void {
    const session = this.#ctx.sessions.get(client)
    if (session?.epoch !== epoch) return
    if (reason === Reason.SessionTakenOver) {
      this.#ctx.stats.takeovers++
      this.#ctx.events({ is: 'taken-over', client })
    }
    session.connection.close(reason, 'Session taken over by another connection')
  }

  congested(on: boolean): void {
    this.#congested = on
    if (!on) this.#letGo()
  }

  // ── time

  /** About once a second: time-outs and what has been un-acked for too long. */
  tick(): void {
    const { limits, stats, sessions } = this.#ctx
    const now = this.#time()
    for (const connection of this.#connections) {
      if (connection.phase !== Phase.Open) {
        if (now - connection.openedAt <= limits.connectTimeoutMs) continue
        stats.connectTimeouts++
        connection.timeOut()
      } else if (connection.silenceMs > 0 && now - connection.heardAt > connection.silenceMs) {
        stats.keepAliveTimeouts++
        connection.close(Reason.KeepAliveTimeout, 'Nothing heard for 1.5 times the keep alive')
      }
    }
    const before = now - limits.watermarkHoldMs
    for (const session of sessions.values()) {
      if (session.inflight.size === 0 && session.queue.length === 0) continue
      if (session.persistent) saveOverdue(this.#ctx, session, before)
      else releaseOverdue(this.#ctx, session, before)
    }
    // Held devices cannot be heard. If memory is short, each may bring one chunk more: it may hold acknowledgements.
    for (const connection of this.#held) connection.heardAt = now
    if (this.#held.size > 0 && !this.#congested && !this.#ctx.link.congested) this.#letGo()
  }

  /** Tells every device that the server goes (0x8B) and ends its connection; resolves when all have been told. */
  async shutdown(breathe: () => Promise<void>): Promise<void> {
    let n = 0
    for (const connection of [...this.#connections]) {
      connection.close(Reason.ServerShuttingDown, 'Server is shutting down')
      if (++n % SHUTDOWN_BATCH === 0) await breathe()
    }
    await breathe()
  }

  // ── fan-out

  #fanOut(message: Message, now: number): void {
    const match = this.#ctx.index.match(message.topic)
    const { targets, groups } = match
    for (let i = 0; i < targets.length; i++) {
      const target = targets[i]!
      if (target.own === undefined || target.session.key !== message.sender)
        offer(this.#ctx, message, target, undefined, Source.Live, now)
      else if (target.own.target !== undefined)
        offer(this.#ctx, message, target.own.target, undefined, Source.Live, now)
    }
    for (let i = 0; i < groups.length; i++) {
      const member = groups[i]!.pick(message, undefined)
      if (member !== undefined) offer(this.#ctx, message, member, groups[i], Source.Live, now)
    }
  }

  #deliverTo(message: Message, client: ClientKey, now: number): void {
    const session = this.#ctx.sessions.get(client)
    if (session === undefined) return
    const target = { session, qos: message.qos, retainAsPublished: false, ids: NO_IDS, own: undefined }
    offer(this.#ctx, message, target, undefined, Source.Live, now)
  }

  // ── turn

  #time(): number {
    if (!this.#turn) {
      this.#now = this.#options.clock()
      this.#endTurn()
    }
    return this.#now
  }

  #touch(connection: Connection): void {
    if (connection.touched) return
    connection.touched = true
    this.#touched.push(connection)
    if (!this.#turn) this.#endTurn()
  }

  #endTurn(): void {
    this.#turn = true
    this.#options.atTurnEnd(() => this.#flush())
  }

  #flush(): void {
    this.#turn = false
    const touched = this.#touched
    this.#touched = this.#spare
    for (let i = 0; i < touched.length; i++) {
      const connection = touched[i]!
      connection.touched = false
      connection.flush()
    }
    // What was written made room: for retained messages, and for what waited although nothing is in flight.
    for (let i = 0; i < touched.length; i++) if (touched[i]!.session?.hungry === true) touched[i]!.refill()
    touched.length = 0
    this.#spare = touched
  }

  // ── pressure

  #overloaded(): boolean {
    return this.#congested || this.#ctx.link.congested || this.#ctx.stats.nowQueuedBytes > this.#ctx.limits.memoryBytes
  }

  #hold(connection: Connection): void {
    if (this.#held.has(connection)) return
    this.#held.add(connection)
    this.#ctx.stats.readPauses++
    connection.transport.pause()
  }

  #letGo(): void {
    for (const connection of this.#held) connection.transport.resume()
    this.#held.clear()
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection)
    this.#held.delete(connection)
  }
}
