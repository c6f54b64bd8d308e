/**
 * One edge: its connections, its sessions, the fan-out of what the core delivers, and the end of each turn where sockets are
 * written. Performs effects; decides nothing about the protocol (`session/`) or about windows (`flow/`).
 *
 *   sockets ─▶ Connection ─▶ session/* ─▶ CoreLink           EdgePort.deliver ─▶ LocalIndex ─▶ flow/outbound ─▶ Output ─▶ sockets
 */
import type { ClientKey, Incarnation, TopicFilter } from '../core/contract/ids.ts'
import type { Limits } from '../core/contract/limits.ts'
import type { CoreLink } from '../core/contract/link.ts'
import type { Message } from '../core/contract/message.ts'
import type { Auth } from './auth/ports.ts'
import type { EdgeContext } from './context.ts'
import type { SendAway } from './drain.ts'
import { Source } from './flow/entry.ts'
import { releaseOverdue, saveOverdue } from './flow/inbox.ts'
import { offer } from './flow/outbound.ts'
import type { RemoteEdge } from './link/remote-link.ts'
import type { Transport, TransportEvents } from './listen/transport.ts'
import { LocalIndex } from './route/local-index.ts'
import type { ShareGroup } from './route/share.ts'
import { NO_IDS, type Target } from './route/target.ts'
import { ClaimLine } from './session/claim-line.ts'
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

export class Edge implements RemoteEdge {
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
  #stopping = false
  /** The core has forgotten this edge: what is closed now is not told. */
  #forgotten = false
  #suspended = false
  #sendAway: SendAway | undefined

  constructor(options: EdgeOptions, attach: (edge: Edge) => CoreLink) {
    this.#options = options
    const { limits, settings, auth, stats } = options
    const events: EdgeEvents = event => {
      try {
        options.events(event)
      } catch {
        stats.failures++
      }
    }
    this.#ctx = {
      limits,
      settings,
      auth,
      stats,
      events,
      link: attach(this),
      index: new LocalIndex({
        routeCacheTopics: limits.routeCacheTopics,
        sharedStrategy: settings.sharedStrategy,
        stats,
      }),
      sessions: new Map<ClientKey, Session>(),
      claims: new ClaimLine(limits, stats),
      spared: new Set(),
      now: () => this.#time(),
      nextSeq: () => ++this.#seq,
      touch: connection => this.#touch(connection),
      overloaded: () => this.#overloaded(),
      suspended: () => this.#suspended,
      sendsAway: peer => this.#sendAway?.(peer),
      forgotten: () => this.#forgotten,
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
    // A handshake that was under way when the server began to go: the core may be closed by now.
    if (this.#stopping) connection.close(Reason.ServerShuttingDown, 'Server is shutting down')
    return connection
  }

  // ── EdgePort

  receipt(message: Message, matched: boolean): void {
    const { publisher } = message
    if (!(publisher instanceof Connection)) return
    message.publisher = undefined
    try {
      publisher.receipt(message, matched)
    } catch (error) {
      publisher.failed(error)
    }
  }

  deliver(
    message: Message,
    groups: readonly TopicFilter[] | undefined,
    only: boolean,
    except?: ReadonlySet<ClientKey>,
  ): boolean {
    const now = this.#time()
    // Held by this call while the copies are made, so that none of them is the last one too early.
    message.pending++
    if (message.target !== '') this.#deliverTo(message, message.target, now)
    else this.#fanOut(message, groups, only, except, now)
    message.frames = undefined
    return --message.pending > 0
  }

  kick(client: ClientKey, epoch: number, reason: number): void {
    const session = this.#ctx.sessions.get(client)
    if (session?.epoch !== epoch) return
    if (reason === Reason.SessionTakenOver) {
      this.#ctx.stats.takeovers++
      this.#ctx.events({ is: 'taken-over', client })
    }
    const { connection } = session
    connection.guard(() => connection.close(reason, 'Session taken over by another connection'))
  }

  congested(on: boolean): void {
    this.#congested = on
    if (!on) this.#letGo()
  }

  // ── RemoteEdge

  /** Devices are told that the server goes (0x8B): they come back and claim their sessions anew. */
  beginAnew(): void {
    this.#forgotten = true
    const { claims } = this.#ctx
    claims.clear()
    for (const connection of [...this.#connections])
      connection.guard(() => {
        if (connection.phase === Phase.Open) connection.close(Reason.ServerShuttingDown, 'The link to the core is lost')
        else if (connection.phase === Phase.Connecting && !claims.held)
          connection.refuse(Reason.ServerUnavailable, 'The link to the core is lost')
      })
    this.#forgotten = false
  }

  suspend(on: boolean): void {
    this.#suspended = on
    if (!on) for (const { connection } of this.#ctx.sessions.values()) connection.guard(() => connection.refill())
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
        connection.guard(() => connection.timeOut())
      } else if (connection.silenceMs > 0 && now - connection.heardAt > connection.silenceMs) {
        stats.keepAliveTimeouts++
        connection.guard(() => connection.close(Reason.KeepAliveTimeout, 'Nothing heard for 1.5 times the keep alive'))
      }
    }
    const before = now - limits.watermarkHoldMs
    for (const session of sessions.values()) {
      if (session.inflight.size === 0 && session.queue.length === 0) continue
      const overdue = session.persistent ? saveOverdue : releaseOverdue
      session.connection.guard(() => overdue(this.#ctx, session, before))
      for (const entry of session.inflight.values()) if (entry.at < before) entry.message?.compact()
    }
    // Held devices cannot be heard. If memory is short, each may bring one chunk more: it may hold acknowledgements.
    for (const connection of this.#held) connection.heardAt = now
    if (this.#held.size > 0 && !this.#congested && !this.#ctx.link.congested) this.#letGo()
  }

  // ── drain

  /** From now on clients are told to go elsewhere; undefined: they are let in again. Those who are here stay until `dismiss`. */
  sendAway(how: SendAway | undefined): void {
    this.#sendAway = how
    this.#ctx.stats.nowDraining = how === undefined ? 0 : 1
  }

  /** Sessions with a connection here. */
  get clients(): number {
    return this.#ctx.sessions.size
  }

  /** Who connects waits, within the bounds of the line, until it is held no more. */
  hold(on: boolean): void {
    this.#ctx.claims.hold(on)
  }

  /** Sends at most so many away, those first who are here longest. */
  dismiss(most: number, how = this.#sendAway): void {
    const { sessions, stats } = this.#ctx
    let left = most
    for (const { connection } of sessions.values()) {
      if (left-- <= 0) break
      const away = how?.(connection.transport.peer)
      if (away === undefined) break
      const { reason, serverReference } = away
      stats.sentAway++
      connection.guard(() =>
        connection.sendAway(serverReference === undefined ? Reason.ServerShuttingDown : reason, serverReference),
      )
    }
  }

  /** Tells every device that the server goes (0x8B) and ends its connection, also those that still come; their wills wait for them. Resolves when all have been told. */
  async shutdown(breathe: () => Promise<void>): Promise<void> {
    this.#stopping = true
    let n = 0
    for (const connection of [...this.#connections]) {
      connection.guard(() => {
        if (connection.phase === Phase.Connecting)
          connection.refuse(Reason.ServerUnavailable, 'Server is shutting down')
        else connection.sendAway(Reason.ServerShuttingDown, undefined)
      })
      if (++n % SHUTDOWN_BATCH === 0) await breathe()
    }
    await breathe()
  }

  // ── fan-out

  #fanOut(
    message: Message,
    chosen: readonly TopicFilter[] | undefined,
    only: boolean,
    except: ReadonlySet<ClientKey> | undefined,
    now: number,
  ): void {
    const match = this.#ctx.index.match(message.tenant, message.topic)
    const { groups } = match
    const targets =
      except === undefined ? match.targets : match.targets.filter(target => !except.has(target.session.key))
    if (!only) for (let at = 0; at < targets.length; ) at = this.#toTargets(targets, at, message, now)
    if (chosen !== undefined) return this.#toChosen(groups, message, chosen, now)
    for (let i = 0; i < groups.length; i++) {
      const member = groups[i]!.pick(message, undefined)
      if (member !== undefined) this.#toMember(member, groups[i], message, now)
    }
  }

  /** One member of each chosen group; a group whose last member has just left gets its copy elsewhere. */
  #toChosen(groups: readonly ShareGroup[], message: Message, chosen: readonly TopicFilter[], now: number): void {
    for (const filter of chosen) {
      const group = groups.find(g => g.filter === filter)
      const member = group?.pick(message, undefined)
      if (member !== undefined) this.#toMember(member, group, message, now)
      else this.#ctx.link.giveBack(filter, message)
    }
  }

  /** From `at` on. Returns where to go on after one whose connection failed: the others get their copies all the same. */
  #toTargets(targets: readonly Target[], at: number, message: Message, now: number): number {
    let i = at
    try {
      for (; i < targets.length; i++) {
        const target = targets[i]!
        if (target.own === undefined || target.session.key !== message.sender)
          offer(this.#ctx, message, target, undefined, Source.Live, now)
        else if (target.own.target !== undefined)
          offer(this.#ctx, message, target.own.target, undefined, Source.Live, now)
      }
    } catch (error) {
      targets[i]!.session.connection.failed(error)
    }
    return i + 1
  }

  #toMember(member: Target, group: ShareGroup | undefined, message: Message, now: number): void {
    try {
      offer(this.#ctx, message, member, group, Source.Live, now)
    } catch (error) {
      member.session.connection.failed(error)
    }
  }

  #deliverTo(message: Message, client: ClientKey, now: number): void {
    const session = this.#ctx.sessions.get(client)
    if (session === undefined) return
    const target = { session, qos: message.qos, retainAsPublished: false, ids: NO_IDS, own: undefined }
    this.#toMember(target, undefined, message, now)
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
    this.#options.atTurnEnd(this.#flush)
  }

  readonly #flush = (): void => {
    this.#turn = false
    const touched = this.#touched
    this.#touched = this.#spare
    for (let i = 0; i < touched.length; i++) {
      const connection = touched[i]!
      connection.touched = false
      try {
        connection.flush()
      } catch (error) {
        connection.failed(error)
      }
    }
    // What was written made room: for retained messages, and for what waited although nothing is in flight.
    for (let i = 0; i < touched.length; i++) {
      const connection = touched[i]!
      if (connection.session?.hungry === true) connection.guard(() => connection.refill())
    }
    touched.length = 0
    this.#spare = touched
  }

  // ── pressure

  #overloaded(): boolean {
    return this.#congested || this.#ctx.link.congested || this.#ctx.stats.nowQueuedBytes > this.#ctx.limits.memoryBytes
  }

  #hold(connection: Connection): void {
    if (!connection.hold()) return
    this.#held.add(connection)
    this.#ctx.stats.readPauses++
  }

  #letGo(): void {
    // A transport may bring what it kept at once, so that its connection is held again.
    const held = [...this.#held]
    this.#held.clear()
    for (const connection of held) connection.letGo()
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection)
    this.#held.delete(connection)
  }
}
