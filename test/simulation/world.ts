/** A whole gateway (edge + core) without sockets, clocks or event loop: turns run when the test says so, time passes when it says so. */
import type { Incarnation } from '../../core/contract/ids.ts'
import { DEFAULT_LIMITS, type Limits } from '../../core/contract/limits.ts'
import { Core } from '../../core/core.ts'
import { EmbeddedLog } from '../../core/log/embedded/log.node.ts'
import { MemoryLog } from '../../core/log/memory.ts'
import { EmbeddedState } from '../../core/state/embedded/state.node.ts'
import { EmbeddedStore } from '../../core/state/embedded/store.node.ts'
import { MemoryState } from '../../core/state/memory.ts'
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

export class World {
  readonly #options: WorldOptions
  readonly events: EdgeEvent[] = []
  now = 1_700_000_000_000
  #lives = 0
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
    const turn = new Turn(run => {
      this.#due = run
    })
    const incarnation = `life${++this.#lives}` as Incarnation
    this.stats = new EdgeStats()
    this.coreStats = new CoreStats()
    this.#store = o.dataDir === undefined ? undefined : new EmbeddedStore({ dir: o.dataDir, synchronous: 'normal' })
    this.core = new Core({
      log: this.#store === undefined ? new MemoryLog() : new EmbeddedLog(this.#store),
      state: this.#store === undefined ? new MemoryState() : new EmbeddedState(this.#store),
      limits,
      incarnation: `core${this.#lives}` as Incarnation,
      now: () => this.now,
      defer: turn.core,
      stats: this.coreStats,
    })
    this.core.open()
    const auth: Auth = { authenticators: [anonymous], enhanced: [], authorizer: EVERYTHING, ...o.auth }
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
    return { pipe, events: this.edge.accept(pipe) }
  }

  /** Ends the turn, and those that follow from it. */
  settle(): void {
    for (let i = 0; this.#due !== undefined; i++) {
      if (i > 10_000) throw new Error('The gateway does not come to rest')
      const run = this.#due
      this.#due = undefined
      run()
    }
  }

  /** The process dies in the middle of a turn, and another one starts on the same data directory. */
  crash(): void {
    this.#due = undefined
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
