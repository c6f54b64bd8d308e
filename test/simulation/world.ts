/** A whole gateway (edge + core) without sockets, clocks or event loop: turns run when the test says so, time passes when it says so. */
import type { Incarnation } from '../../core/contract/ids.ts'
import { DEFAULT_LIMITS, type Limits } from '../../core/contract/limits.ts'
import { Core } from '../../core/core.ts'
import { EmbeddedInboxes } from '../../core/inbox/embedded/inboxes.node.ts'
import { MemoryInboxes } from '../../core/inbox/memory.ts'
import type { InboxStore } from '../../core/inbox/port.ts'
import { EmbeddedLog } from '../../core/log/embedded/log.node.ts'
import { MemoryLog } from '../../core/log/memory.ts'
import type { Log } from '../../core/log/port.ts'
import { EmbeddedState } from '../../core/state/embedded/state.node.ts'
import { EmbeddedStore } from '../../core/state/embedded/store.node.ts'
import { MemoryState } from '../../core/state/memory.ts'
import type { State } from '../../core/state/port.ts'
import { CoreStats } from '../../core/stats.ts'
import { EVERYTHING } from '../../edge/auth/acl.ts'
import { anonymous } from '../../edge/auth/anonymous.ts'
import type { Auth } from '../../edge/auth/ports.ts'
import { Edge } from '../../edge/edge.ts'
import type { Peer, Transport, TransportEvents } from '../../edge/listen/transport.ts'
import { DEFAULT_SETTINGS, type EdgeSettings } from '../../edge/settings.ts'
import { type EdgeEvent, EdgeStats } from '../../edge/stats.ts'
import { Turn } from '../../infra/standalone/turn.ts'

export interface WorldOptions {
  readonly limits?: Partial<Limits>
  readonly settings?: Partial<EdgeSettings>
  readonly auth?: Partial<Auth>
  /** Memory unless a crash is to be survived. */
  readonly dataDir?: string
  /** Instead of both: stores that fail when the test says so. */
  readonly stores?: { readonly log: Log; readonly state: State; readonly inboxes?: InboxStore }
}

/** What clients and checks need of a gateway, in one process or in several. */
export interface Gateway {
  readonly stats: EdgeStats
  readonly coreStats: CoreStats
  /** A new connection. */
  open(): { pipe: Pipe; events: TransportEvents }
  /** Bytes from the client: read now, or once reading is no longer paused. */
  feed(pipe: Pipe, bytes: Uint8Array): void
  /** Turns until nothing is left to do. */
  settle(): void
  /** False if there was nothing to do. */
  turn(): boolean
  /** Lets time pass, with its ticks. */
  pass(ms: number): void
}

const PEER: Peer = { address: '192.0.2.1', port: 4711, listener: 'tcp', certificateName: undefined, secure: false }

/** The broker's end of a connection; the test holds the other one. */
export class Pipe implements Transport {
  readonly peer = PEER
  /** What the broker wrote and nobody took yet. */
  written: Uint8Array[] = []
  /** The broker closed it. */
  ended = false
  paused = false
  /** The peer does not read: `write` says so. */
  stalled = false
  /** Sent by the client while reading was paused. */
  unread: Uint8Array[] = []
  events: TransportEvents | undefined

  write(bytes: Uint8Array): boolean {
    if (!this.ended) this.written.push(bytes.slice())
    return !this.stalled
  }

  writev(chunks: readonly Uint8Array[]): boolean {
    for (const chunk of chunks) this.write(chunk)
    return !this.stalled
  }

  end(): void {
    this.ended = true
  }

  destroy(): void {
    this.ended = true
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  take(): Uint8Array {
    const all = Buffer.concat(this.written)
    this.written = []
    return all
  }
}

const storesOf = (store: EmbeddedStore | undefined): { log: Log; state: State; inboxes: InboxStore } =>
  store === undefined
    ? { log: new MemoryLog(), state: new MemoryState(), inboxes: new MemoryInboxes() }
    : { log: new EmbeddedLog(store), state: new EmbeddedState(store), inboxes: new EmbeddedInboxes(store) }

export class World implements Gateway {
  readonly #options: WorldOptions
  readonly events: EdgeEvent[] = []
  now = 1_700_000_000_000
  #lives = 0
  /** Pipes with bytes that the gateway has not read. */
  readonly #unread = new Set<Pipe>()
  #due: (() => void) | undefined
  #store: EmbeddedStore | undefined
  edge!: Edge
  core!: Core
  stats!: EdgeStats
  coreStats!: CoreStats

  constructor(options: WorldOptions = {}) {
    this.#options = options
    this.start()
  }

  start(): void {
    const o = this.#options
    const limits = { ...DEFAULT_LIMITS, ...o.limits }
    const turn = new Turn({
      schedule: run => {
        this.#due = run
      },
    })
    const incarnation = `life${++this.#lives}` as Incarnation
    this.stats = new EdgeStats()
    this.coreStats = new CoreStats()
    this.#store = o.dataDir === undefined ? undefined : new EmbeddedStore({ dir: o.dataDir, synchronous: 'normal' })
    this.core = new Core({
      ...(o.stores === undefined ? storesOf(this.#store) : { inboxes: new MemoryInboxes(), ...o.stores }),
      limits,
      incarnation: `core${this.#lives}` as Incarnation,
      now: () => this.now,
      defer: turn.core,
      stats: this.coreStats,
    })
    this.core.open()
    const auth: Auth = { authenticator: anonymous, enhanced: [], authorizer: EVERYTHING, ...o.auth }
    this.edge = new Edge(
      {
        limits,
        settings: { ...DEFAULT_SETTINGS, ...o.settings },
        auth,
        stats: this.stats,
        events: event => this.events.push(event),
        clock: () => this.now,
        atTurnEnd: turn.edge,
        randomId: () => `id${++this.#lives}`,
      },
      port => this.core.attach(port, incarnation),
    )
  }

  /** A new connection. */
  open(): { pipe: Pipe; events: TransportEvents } {
    const pipe = new Pipe()
    const events = this.edge.accept(pipe)
    pipe.events = events
    return { pipe, events }
  }

  /** Bytes from the client: read now, or once reading is no longer paused. */
  feed(pipe: Pipe, bytes: Uint8Array): void {
    if (!pipe.paused && pipe.unread.length === 0) return pipe.events!.data(bytes)
    pipe.unread.push(bytes)
    this.#unread.add(pipe)
  }

  /** Ends the turn, and those that follow from it. */
  settle(): void {
    for (let i = 0; this.turn(); i++) if (i > 10_000) throw new Error('The gateway does not come to rest')
  }

  /** One turn: what the sockets hold, then the gateway's work on it. False if there was nothing to do. */
  turn(): boolean {
    let read = false
    for (const pipe of this.#unread) {
      if (pipe.paused && !pipe.ended) continue
      read = true
      const chunk = pipe.unread.shift()
      if (chunk !== undefined && !pipe.ended) pipe.events!.data(chunk)
      if (pipe.unread.length === 0 || pipe.ended) this.#unread.delete(pipe)
    }
    const run = this.#due
    this.#due = undefined
    run?.()
    return read || run !== undefined
  }

  /** The process dies in the middle of a turn, and another one starts on the same data directory. */
  crash(): void {
    this.#due = undefined
    this.#unread.clear()
    this.#store?.close()
    this.start()
  }

  /** Lets time pass, with a tick at its end. */
  pass(ms: number): void {
    this.now += ms
    this.core.tick(this.now)
    this.edge.tick()
    this.settle()
  }
}
