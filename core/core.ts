/** One core: puts log, state, routes and sessions together, opens, ticks and closes them. Its parts do the work; edges reach it through `attach`. */
import type { Tap, TapHost } from './bridge/port.ts'
import { type ClientKey, type Incarnation, NO_CLIENT, type TopicFilter } from './contract/ids.ts'
import type { Limits } from './contract/limits.ts'
import type { CoreLink, EdgePort } from './contract/link.ts'
import { Message, type MessageInit } from './contract/message.ts'
import type { InboxStore } from './inbox/port.ts'
import { LocalLink } from './link/local-link.ts'
import type { Publisher } from './link/turn.ts'
import { readEnvelope } from './log/envelope.ts'
import type { Log } from './log/port.ts'
import { assemble, type Parts } from './parts.ts'
import { drive, recover, type Waits } from './session/recovery.ts'
import { rewrite } from './session/rewrite.ts'
import { isForClient } from './site/copies.ts'
import type { Peer, Receiver } from './site/peer.ts'
import type { Peers } from './site/peers.ts'
import type { Directory, SiteName } from './site/port.ts'
import type { Identity } from './site/relayed-ids.ts'
import type { State } from './state/port.ts'
import type { CoreEvents, CoreStats } from './stats.ts'
import { isWill } from './will/will.ts'

export interface CoreOptions {
  readonly log: Log
  readonly state: State
  readonly inboxes: InboxStore
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
  /** Edges in other processes have so long after the start to say how connections ended that were there when the core before this one died. Default: 0, there are none. */
  readonly edgesMs?: number
  /** With other sites: our own name. */
  readonly site?: SiteName | undefined
  /** With other sites: where each client's session lives. */
  readonly directory?: Directory | undefined
}

export class Core implements TapHost, Receiver {
  /** The other sites, if there may be any. */
  readonly peers: Peers | undefined
  readonly #o: CoreOptions
  #ports: EdgePort[] = []
  /** Who waits for the receipt of a message that the core publishes itself. */
  readonly #waiting = new Map<Message, () => void>()
  readonly #self: Publisher = {
    receipt: message => {
      this.#waiting.get(message)?.()
      this.#waiting.delete(message)
    },
  }
  readonly #parts: Parts
  /** Of the messages the core publishes itself. */
  readonly #origin: Incarnation
  #seq = 0
  #isOpen = false

  constructor(options: CoreOptions) {
    this.#o = options
    this.#origin = `${options.incarnation}.core` as Incarnation
    this.#parts = assemble(options, {
      receiver: this,
      publish: (init, id, done) => this.publish(init, done, id),
      congest: on => {
        for (const port of this.#ports) port.congested(on)
      },
    })
    this.peers = this.#parts.peers
  }

  /** Loads the state, replays the log, and takes every session that was online as disconnected now; a promise if the stores take time. Fails if something of it cannot be read or written. */
  open(): Promise<void> | undefined {
    return drive(this.#open())
  }

  *#open(): Waits {
    const { log, state, inboxes: store, stats, events } = this.#o
    const { moves, turn } = this.#parts
    const elsewhere: Message[] = []
    yield* recover({ ...this.#parts, log, state, store, elsewhere: m => elsewhere.push(m) })
    if (moves !== undefined) yield moves.check().then(() => moves.load())
    this.#parts.sessions.subscriptions.exportAll(this.#parts.sessions.values())
    this.#parts.sessions.orphans.open()
    this.#isOpen = true
    if (moves !== undefined) for (const message of elsewhere) turn.message(message, undefined)
    const now = this.#o.now()
    for (const s of [...this.#parts.sessions.values()]) this.#parts.sessions.settle(s, now)
    this.#parts.turn.flush()
    events?.({ is: 'recovered', sessions: stats.nowSessions, retained: stats.nowRetained, messages: stats.recovered })
  }

  /** The link of an edge: in this process, or of the core's end of a link to one elsewhere. `incarnation`: origin of the messages it publishes. */
  attach(port: EdgePort, incarnation: Incarnation): CoreLink {
    this.#ports = [...this.#ports, port]
    this.#parts.router.alone = this.#ports.length === 1 && port.unanswered === undefined
    return new LocalLink(this.#parts, port, incarnation)
  }

  /** The edge is gone for good: its sessions are offline from now on, and what it has not answered goes to them, and to other members of groups. */
  detach(port: EdgePort): void {
    const { sessions, router, turn } = this.#parts
    this.#ports = this.#ports.filter(p => p !== port)
    const handed = [...(port.unanswered?.(0) ?? [])]
    for (const s of [...sessions.values()]) if (s.port === port) sessions.forsake(s)
    for (const { message, groups } of handed)
      for (const group of groups ?? [])
        if (port.site !== undefined) router.stays(group, message, port)
        else if (!sessions.hasTaken(group, message)) router.again(group, message, port)
    for (const { message } of handed) router.delivered(message)
    turn.urge()
  }

  /** What the record of this session tells of its inbox is too old: it is written soon. */
  stale(client: ClientKey): void {
    const { sessions, turn } = this.#parts
    const s = sessions.get(client)
    if (s === undefined) return
    sessions.mark(s)
    turn.urge()
  }

  /** The state has lost writes that it had acknowledged: it becomes what this core knows. Rejects if it cannot be read. */
  async rewrite(): Promise<void> {
    const { moves, turn } = this.#parts
    const breathe = () => new Promise<void>(resolve => turn.call(resolve))
    // First: other sites answer claims again before long.
    await moves?.restore()
    await rewrite({ ...this.#parts, state: this.#o.state, breathe })
  }

  /** The log cannot be written, or is behind: edges read no further from publishers. */
  get congested(): boolean {
    return this.#parts.turn.congested
  }

  /** The last commit failed: nothing is acknowledged until one succeeds. */
  get stuck(): boolean {
    return this.#parts.turn.stuck
  }

  /** About once a second: deadlines, retries, trimming. ms since the epoch. */
  tick(now: number): void {
    if (!this.#isOpen) return
    this.#parts.sessions.tick(now)
    this.#parts.retained.tick(now)
    this.#parts.moves?.tick()
    this.#parts.direct?.tick(now)
    this.#parts.recalled?.tick(now)
    this.#parts.republished?.tick(now)
    this.#parts.stats.nowRelayedIds = this.#parts.relayed.size
    this.#parts.turn.tick(now)
  }

  /**
   * A message of the gateway itself. Topics below `$SYS/` are retained in memory only. `done` once it is routed and, with
   * QoS ≥ 1, durable: never inside the call, and never if the core closes first. `id`: of one that a core before this one may
   * have published as well.
   */
  publish(init: MessageInit, done?: () => void, id: Identity = { origin: this.#origin, seq: ++this.#seq }): void {
    const { retained, turn } = this.#parts
    const message = new Message(id.origin, id.seq, init)
    if (message.retain) retained.accept(message)
    if (done !== undefined && message.qos > 0) this.#waiting.set(message, done)
    turn.message(message, this.#self)
    if (done !== undefined && message.qos === 0) turn.call(done)
  }

  /**
   * An envelope that the core before this one appended after its log was taken over: its messages are logged anew and routed.
   * Throws RangeError if it is damaged.
   */
  adopt(position: number, envelope: Uint8Array): void {
    const { retained, relayed, turn, stats } = this.#parts
    const { directory } = this.#o
    readEnvelope(position, envelope, {
      message(_, message) {
        // Its record has the will still, unless it was taken there.
        if (directory === undefined && isWill(message)) return
        // Its site has sent it again by now.
        if (message.relayed !== undefined && (isForClient(message) || !relayed.remember(message))) return
        stats.recovered++
        if (message.retain) retained.accept(message)
        turn.message(message, undefined)
      },
      // Nobody was answered for these.
      step() {},
    })
  }

  // ── what other sites send

  relay(message: Message, giveBack: (group: TopicFilter) => void, done: () => void): void {
    const { retained, relayed, republished, router, turn, stats } = this.#parts
    stats.relayedIn++
    const isRetained = message.retain && message.target === NO_CLIENT
    const isKnown = message.qos > 0 && !relayed.remember(message)
    if (isKnown || republished?.twin(message) !== undefined) {
      stats.relayedTwice++
      if (isKnown || !isRetained) return turn.call(done)
      // By its stamp it may be the one that holds.
      retained.take(message)
      return turn.afterCommit(done)
    }
    if (isRetained) retained.accept(message)
    turn.message(message, { receipt: done, giveBack })
    router.spare(message)
  }

  ready(done: (ok: boolean) => void): void {
    const { moves, turn } = this.#parts
    if (moves === undefined) return done(true)
    moves.check().then(
      () => turn.call(() => done(true)),
      () => turn.call(() => done(false)),
    )
  }

  fetched(peer: Peer, done: () => void): void {
    const { moves } = this.#parts
    if (moves === undefined) done()
    else moves.whenFetched(peer.site, done)
  }

  kicked(peer: Peer, client: ClientKey, epoch: number): void {
    this.#parts.moves?.kicked(peer, client, epoch)
  }

  confirmed(message: Message): void {
    this.#parts.router.delivered(message)
  }

  take(message: Message): void {
    this.#parts.retained.take(message)
    this.#parts.turn.urge()
  }

  /** Before `open`: sees every message from then on. */
  tap(tap: Tap): void {
    this.#parts.router.tap = tap
  }

  tapped(message: Message): void {
    this.#parts.router.delivered(message)
  }

  congest(on: boolean): void {
    this.#parts.turn.press(this, on)
  }

  /** Carries out and makes durable what is pending, then closes log and state; `done` when that has happened, which may be at once. */
  close(done: () => void = () => {}): void {
    if (!this.#isOpen) return done()
    this.#isOpen = false
    this.#parts.turn.whenIdle(() => {
      for (const commits of new Set([this.#o.log.commits, this.#o.state.commits])) commits.close()
      done()
    })
  }
}
