/** A core and several edges as processes of their own, without sockets, clocks or event loops: links carry what edge and core say, and can break; edges can die, and so can the core. */
import type { Incarnation } from '../../core/contract/ids.ts'
import { DEFAULT_LIMITS, type Limits } from '../../core/contract/limits.ts'
import { LinkStats } from '../../core/contract/link/stats.ts'
import { Core } from '../../core/core.ts'
import { EmbeddedInboxes } from '../../core/inbox/embedded/inboxes.node.ts'
import { MemoryInboxes } from '../../core/inbox/memory.ts'
import { LinkServer } from '../../core/link/server/link-server.ts'
import { EmbeddedLog } from '../../core/log/embedded/log.node.ts'
import { MemoryLog } from '../../core/log/memory.ts'
import { type Globe, MemoryDirectory } from '../../core/site/memory.ts'
import { EmbeddedState } from '../../core/state/embedded/state.node.ts'
import { EmbeddedStore } from '../../core/state/embedded/store.node.ts'
import { MemoryState } from '../../core/state/memory.ts'
import { CoreStats } from '../../core/stats.ts'
import { EVERYTHING } from '../../edge/auth/acl.ts'
import { anonymous } from '../../edge/auth/anonymous.ts'
import { Edge } from '../../edge/edge.ts'
import { RemoteLink } from '../../edge/link/remote-link.ts'
import type { TransportEvents } from '../../edge/listen/transport.ts'
import { DEFAULT_SETTINGS, type EdgeSettings } from '../../edge/settings.ts'
import { EdgeStats } from '../../edge/stats.ts'
import { Turn } from '../../infra/standalone/turn.ts'
import { Network, type Wire } from '../harness/wire.ts'
import { type Gateway, Pipe } from './world.ts'

export interface SiteOptions {
  readonly edges: number
  readonly limits?: Partial<Limits>
  readonly settings?: Partial<EdgeSettings>
  /** For what survives the core; else memory. */
  readonly dataDir?: string
  /** One of several. */
  readonly name?: string
  readonly group?: Group
  /** Edges know the cores of all sites, and prefer that of their own. */
  readonly roaming?: boolean
}

/** Sites that share a clock, and a network between their cores. */
export interface Group {
  readonly names: readonly string[]
  readonly sites: Site[]
  readonly network: Network
  readonly now: number
  /** Where the sites share clients. */
  readonly globe?: Globe | undefined
  turn(): boolean
  pass(ms: number): void
}

const URL = 'ws://core/link'
export const TICK_MS = 250
/** Where the core of a site is linked to by others. */
export const peerUrl = (name: string): string => `ws://${name}/link`

/** One process with its turn. */
class Process {
  due: (() => void) | undefined
  readonly turn = new Turn({
    schedule: run => {
      this.due = run
    },
  })

  step(): boolean {
    const run = this.due
    this.due = undefined
    run?.()
    return run !== undefined
  }
}

class EdgeProcess extends Process {
  edge!: Edge
  link!: RemoteLink
  readonly stats = new EdgeStats()
  readonly linkStats = new LinkStats()
  readonly unread = new Set<Pipe>()
  readonly pipes: Pipe[] = []
}

export class Site implements Gateway {
  readonly name: string
  readonly #o: SiteOptions
  readonly #limits: Limits
  now = 1_700_000_000_000
  readonly network = new Network()
  #lives = 0
  #isOpen = false
  #store: EmbeddedStore | undefined
  core!: Core
  coreStats!: CoreStats
  linkStats!: LinkStats
  server!: LinkServer
  #process!: Process
  readonly edges: EdgeProcess[] = []
  /** Of the directory. */
  readonly #answers: (() => void)[] = []
  readonly #wireOf = new Map<EdgeProcess, Wire>()
  /** Of the links that this core has made to other sites. */
  readonly peerWires = new Map<string, Wire>()
  /** It renews nothing. */
  dead = false
  /** Where the next connection goes. */
  at = 0
  /** Core and edge have forgotten each other at least once. */
  lost = 0

  constructor(options: SiteOptions) {
    this.#o = options
    this.name = options.name ?? 'eu'
    if (options.group !== undefined) {
      options.group.sites.push(this)
      this.now = options.group.now
    }
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.startCore()
    for (let i = 0; i < options.edges; i++) this.edges.push(this.#startEdge(i))
    this.settle()
  }

  startCore(): void {
    const { dataDir } = this.#o
    const process = new Process()
    this.#process = process
    this.coreStats = new CoreStats()
    this.linkStats = new LinkStats()
    const store = dataDir === undefined ? undefined : new EmbeddedStore({ dir: dataDir, synchronous: 'normal' })
    this.#store = store
    const term = ++this.#lives
    const incarnation = `${this.name}-core${term}` as Incarnation
    const state = store === undefined ? new MemoryState() : new EmbeddedState(store)
    this.#o.group?.globe?.place(this.name, state)
    this.core = new Core({
      log: store === undefined ? new MemoryLog({ keep: true }) : new EmbeddedLog(store),
      state,
      inboxes: store === undefined ? new MemoryInboxes() : new EmbeddedInboxes(store),
      limits: this.#limits,
      incarnation,
      now: () => this.now,
      defer: process.turn.core,
      stats: this.coreStats,
      edgesMs: 2 * this.#limits.linkGraceMs,
      site: this.#o.group === undefined ? undefined : this.name,
      directory: this.#directory(),
    })
    const { core } = this
    this.#isOpen = false
    this.server = new LinkServer({
      id: 'c1',
      site: this.name,
      incarnation,
      token: 'secret',
      core: () => (this.#isOpen ? core : { refuse: 'It recovers' }),
      limits: this.#limits,
      stats: this.linkStats,
      now: () => this.now,
      atTurnEnd: process.turn.edge,
      events: event => {
        if (event.is === 'edge-lost' && !event.edge.startsWith('core-')) this.lost++
      },
      met: site => core.peers?.met(site),
    })
    const { server } = this
    this.network.listeners.set(URL, transport => server.accept(transport, 'edge'))
    if (this.#o.group !== undefined) this.#link(this.#o.group, incarnation, term, process)
    const opened = () => {
      // It has died before.
      if (this.core !== core) return
      this.#isOpen = true
      core.peers?.start()
    }
    const opening = core.open()
    if (opening === undefined) opened()
    else void opening.then(opened)
  }

  /** Where sites share clients. */
  #directory(): MemoryDirectory | undefined {
    const globe = this.#o.group?.globe
    if (globe === undefined) return undefined
    return new MemoryDirectory(globe, this.name, fn => this.#answers.push(fn))
  }

  /** To the cores of the other sites. */
  #link({ names, network }: Group, incarnation: Incarnation, term: number, process: Process): void {
    const { server, name, core } = this
    network.listeners.set(peerUrl(name), transport => server.accept(transport, 'peer'))
    this.peerWires.clear()
    for (const other of names) {
      if (other === name) continue
      core.peers!.add(
        other,
        edge =>
          new RemoteLink(edge, {
            incarnation,
            id: `core-${name}`,
            region: name,
            peer: { site: name, to: other, term },
            cores: [peerUrl(other)],
            prefer: '',
            token: 'secret',
            limits: this.#limits,
            stats: this.linkStats,
            connect: (url, opened, events) => {
              const before = new Set(network.wires)
              const transport = network.connect(url, opened, events)
              for (const wire of network.wires) if (!before.has(wire)) this.peerWires.set(other, wire)
              return transport
            },
            now: () => this.now,
            random: () => 0.5,
            atTurnEnd: process.turn.edge,
          }),
      )
    }
  }

  #startEdge(i: number): EdgeProcess {
    const process = new EdgeProcess()
    const { group, roaming } = this.#o
    const others = roaming === true && group !== undefined ? group.names.filter(name => name !== this.name) : []
    process.edge = new Edge(
      {
        limits: this.#limits,
        settings: { ...DEFAULT_SETTINGS, ...this.#o.settings },
        auth: { authenticator: anonymous, enhanced: [], authorizer: EVERYTHING },
        stats: process.stats,
        events: event => {
          if (event.is === 'failed') throw new Error(event.detail)
        },
        clock: () => this.now,
        atTurnEnd: process.turn.edge,
        randomId: () => `id${++this.#lives}`,
      },
      edge =>
        (process.link = new RemoteLink(edge, {
          incarnation: `${this.name}-edge${i}-${++this.#lives}` as Incarnation,
          id: `e${i}`,
          region: 'r1',
          cores: [URL, ...others.map(peerUrl)],
          prefer: others.length === 0 ? '' : this.name,
          token: 'secret',
          limits: this.#limits,
          stats: process.linkStats,
          connect: (url, opened, events) => {
            const { network } = url === URL ? this : group!
            const before = new Set(network.wires)
            const transport = network.connect(url, opened, events)
            for (const wire of network.wires) if (!before.has(wire)) this.#wireOf.set(process, wire)
            return transport
          },
          now: () => this.now,
          random: () => 0.5,
          atTurnEnd: process.turn.edge,
          events: event => {
            if (event.is === 'core-lost') this.lost++
          },
        })),
    )
    const { edge, link } = process
    link.departBy({
      begin(gone) {
        edge.hold(true)
        edge.dismiss(Number.POSITIVE_INFINITY, () => ({ reason: 0x9c, serverReference: undefined }))
        gone()
      },
      end: () => edge.hold(false),
    })
    link.start()
    return process
  }

  /** The edges of this site reach its core, or not. Others do. */
  reachable(on: boolean): void {
    this.network.down = !on
    if (!on) for (const wire of [...this.network.wires]) wire.cut('No route')
  }

  /** Sums of all edges. */
  get stats(): EdgeStats {
    const sum = new EdgeStats() as unknown as Record<string, number>
    for (const { stats } of this.edges)
      for (const [name, value] of Object.entries(stats)) if (typeof value === 'number') sum[name]! += value
    return sum as unknown as EdgeStats
  }

  open(): { pipe: Pipe; events: TransportEvents } {
    const process = this.edges[this.at]!
    const pipe = new Pipe()
    const events = process.edge.accept(pipe)
    pipe.events = events
    process.pipes.push(pipe)
    return { pipe, events }
  }

  feed(pipe: Pipe, bytes: Uint8Array): void {
    const process = this.edges.find(e => e.pipes.includes(pipe))
    if (process === undefined) return
    if (!pipe.paused && pipe.unread.length === 0) return pipe.events!.data(bytes)
    pipe.unread.push(bytes)
    process.unread.add(pipe)
  }

  settle(): void {
    for (let i = 0; this.turn(); i++) if (i > 20_000) throw new Error('The site does not come to rest')
  }

  turn(): boolean {
    return this.#o.group?.turn() ?? this.step()
  }

  /** One turn of every process, and one message on every link. */
  step(): boolean {
    let moved = this.network.step() || this.#answers.length > 0
    for (const answer of this.#answers.splice(0)) answer()
    for (const process of this.edges) {
      for (const pipe of process.unread) {
        if (pipe.paused && !pipe.ended) continue
        moved = true
        const chunk = pipe.unread.shift()
        if (chunk !== undefined && !pipe.ended) pipe.events!.data(chunk)
        if (pipe.unread.length === 0 || pipe.ended) process.unread.delete(pipe)
      }
      if (process.step()) moved = true
    }
    return this.#process.step() || moved
  }

  pass(ms: number): void {
    if (this.#o.group !== undefined) return this.#o.group.pass(ms)
    const step = ms > 20_000 ? ms : TICK_MS
    for (let left = ms; left > 0; left -= step) {
      this.tick(this.now + Math.min(step, left))
      this.settle()
    }
  }

  tick(now: number): void {
    this.now = now
    this.core.tick(now)
    this.core.peers?.tick(now)
    if (!this.dead) this.#o.group?.globe?.renew(this.name, now)
    this.server.tick(now)
    for (const { edge, link } of this.edges) {
      link.tick(now)
      edge.tick()
    }
  }

  // ── faults

  /** The connection between an edge and the core breaks, with what is on its way. */
  cut(i: number, who: 'both' | 'edge' | 'core'): void {
    this.#wireOf.get(this.edges[i]!)?.cut('Cut', who)
  }

  silence(i: number): void {
    const wire = this.#wireOf.get(this.edges[i]!)
    if (wire !== undefined) wire.silent = true
  }

  /** The process of an edge dies, and another one starts. Returns the devices' ends of its connections. */
  kill(i: number): Pipe[] {
    const old = this.edges[i]!
    this.#wireOf.get(old)?.cut('Edge died', 'core')
    old.edge.beginAnew = () => {}
    for (const pipe of old.pipes) pipe.ended = true
    this.edges[i] = this.#startEdge(i)
    return old.pipes
  }

  /** The process of the core dies in the middle of a turn, and another one starts on the same data directory. */
  crashCore(): void {
    this.#process.due = undefined
    this.#store?.close()
    for (const wire of this.network.wires) wire.cut('Core died', 'edge')
    this.network.wires.clear()
    const { group } = this.#o
    for (const wire of this.peerWires.values()) wire.cut('Core died', 'core')
    for (const other of group?.sites ?? []) other.peerWires.get(this.name)?.cut('Core died', 'edge')
    this.startCore()
  }

  /** The core ends in order, with all that it was told carried out, and another one starts. */
  stopCore(): void {
    if (!this.#isOpen) return this.crashCore()
    this.core.close()
    this.server.close()
    const toOthers = (this.#o.group?.sites ?? []).map(other => other.peerWires.get(this.name))
    for (const wire of [...this.network.wires, ...toOthers]) while (wire?.busy) wire.step()
    this.#store = undefined
    this.crashCore()
  }

  close(): void {
    this.core.close()
  }
}
