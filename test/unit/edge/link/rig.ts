/** An edge's link and the link servers of cores that note what they are asked, over a network by hand. Owns no expectations. */
import type { Incarnation, TopicName } from '../../../../core/contract/ids.ts'
import { DEFAULT_LIMITS, type Limits } from '../../../../core/contract/limits.ts'
import { LinkStats } from '../../../../core/contract/link/stats.ts'
import type { LinkConnector } from '../../../../core/contract/link/transport.ts'
import type { ClaimReply, CoreLink, EdgePort } from '../../../../core/contract/link.ts'
import { Message } from '../../../../core/contract/message.ts'
import { type CoreHost, LinkServer, type LinkServerEvent } from '../../../../core/link/server/link-server.ts'
import type { Departure, LinkEvent } from '../../../../edge/link/link-life.ts'
import { type RemoteEdge, RemoteLink } from '../../../../edge/link/remote-link.ts'
import { Network, type Wire } from '../../../harness/wire.ts'
import { key } from '../../core/rig.ts'

export const message = (seq: number, qos: 0 | 1 | 2 = 1, size = 10): Message =>
  new Message('e1' as Incarnation, seq, {
    tenant: '' as Message['tenant'],
    topic: 't' as TopicName,
    qos,
    payload: new Uint8Array(size),
    sender: key('p'),
  })

/** One core that notes what it is asked, and answers claims when told to. */
export class FakeCore implements CoreHost {
  congested = false
  readonly ports: EdgePort[] = []
  readonly gone: EdgePort[] = []
  readonly published: number[] = []
  readonly claims: ((reply: ClaimReply) => void)[] = []
  readonly released: string[] = []
  standby: string | undefined
  readonly server: LinkServer
  readonly events: LinkServerEvent[] = []
  readonly stats = new LinkStats()

  readonly id: string

  constructor(world: World, id: string, token = 'secret', site = 'eu') {
    this.id = id
    this.server = new LinkServer({
      id,
      site,
      incarnation: `${id}-life` as Incarnation,
      token,
      core: () => (this.standby === undefined ? this : { refuse: this.standby }),
      limits: world.limits,
      stats: this.stats,
      now: () => world.now,
      atTurnEnd: fn => world.late.push(fn),
      events: event => this.events.push(event),
    })
    world.cores.push(this)
    this.listen(world)
  }

  /** Connections to `ws://{id}` come here. */
  listen(world: World): void {
    world.network.listeners.set(`ws://${this.id}`, transport => this.server.accept(transport, 'wire'))
  }

  attach(port: EdgePort): CoreLink {
    this.ports.push(port)
    return {
      publish: (m: Message) => this.published.push(m.seq),
      claim: (_request: unknown, done: (reply: ClaimReply) => void) => this.claims.push(done),
      release: (client: string) => this.released.push(client),
      delivered: () => {},
    } as unknown as CoreLink
  }

  detach(port: EdgePort): void {
    this.gone.push(port)
  }
}

export class World {
  now = 1_000_000
  readonly network = new Network()
  readonly late: (() => void)[] = []
  readonly cores: FakeCore[] = []
  readonly limits: Limits
  readonly told: string[] = []
  readonly got: Message[] = []
  readonly events: LinkEvent[] = []
  readonly stats = new LinkStats()
  link!: RemoteLink
  prefer = ''
  random = 0
  departure: Departure | undefined
  /** ms of a round trip, by URL. */
  readonly distances = new Map<string, number>()
  #underway: { readonly at: number; readonly run: () => void }[] = []
  readonly #wires = new Map<Wire, string>()
  readonly #hanging = new Set<string>()

  constructor(limits: Partial<Limits> = {}) {
    this.limits = { ...DEFAULT_LIMITS, ...limits }
  }

  start(...cores: string[]): void {
    const edge: RemoteEdge = {
      receipt: (m, matched) => this.told.push(`receipt ${m.seq} ${matched}`),
      deliver: m => {
        this.got.push(m)
        return m.qos > 0
      },
      kick: client => this.told.push(`kick ${client}`),
      congested: on => this.told.push(`congested ${on}`),
      beginAnew: () => this.told.push('begin anew'),
      suspend: on => this.told.push(`suspend ${on}`),
    }
    this.link = new RemoteLink(edge, {
      incarnation: 'e1' as Incarnation,
      id: 'e1',
      region: 'r1',
      cores,
      prefer: this.prefer,
      token: 'secret',
      limits: this.limits,
      stats: this.stats,
      connect: this.#connect,
      now: () => this.now,
      random: () => this.random,
      atTurnEnd: fn => this.late.push(fn),
      events: event => this.events.push(event),
    })
    if (this.departure !== undefined) this.link.departBy(this.departure)
    this.link.start()
    this.settle()
  }

  settle(): void {
    do for (const fn of this.late.splice(0)) fn()
    while (this.network.step() || this.late.length > 0)
  }

  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 250) {
      this.#arrive(this.now + 250)
      for (const { server } of this.cores) server.tick(this.now)
      this.link.tick(this.now)
      this.settle()
    }
  }

  /** What comes from a core takes as long as the round trip to it. */
  readonly #connect: LinkConnector = (url, opened, events) => {
    const later = (run: () => void): void => {
      const delay = this.distances.get(url)
      if (delay === undefined) run()
      else this.#underway.push({ at: this.now + delay, run })
    }
    const before = new Set(this.network.wires)
    const transport = this.network.connect(url, () => later(opened), {
      message: bytes => later(() => events.message(bytes)),
      closed: detail => later(() => events.closed(detail)),
    })
    for (const wire of this.network.wires)
      if (!before.has(wire)) {
        this.#wires.set(wire, url)
        wire.silent = this.#hanging.has(url)
      }
    return transport
  }

  #arrive(until: number): void {
    for (;;) {
      const next = this.#underway.filter(one => one.at <= until).sort((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      this.#underway.splice(this.#underway.indexOf(next), 1)
      this.now = Math.max(this.now, next.at)
      next.run()
      this.settle()
    }
    this.now = until
  }

  /** From now on nothing comes from these URLs, nor arrives there: no refusal either. */
  hang(...urls: string[]): void {
    for (const url of urls) this.#hanging.add(url)
    for (const [wire, url] of this.#wires) if (urls.includes(url)) wire.silent = true
  }

  /** New connections to these URLs arrive again. */
  heal(...urls: string[]): void {
    for (const url of urls) this.#hanging.delete(url)
  }

  /** The process of a core dies: its connections break, new ones are refused. */
  die(url: string): void {
    this.network.listeners.delete(url)
    for (const [wire, to] of this.#wires) if (to === url && wire.open) wire.cut('Core died')
    this.settle()
  }

  cut(): void {
    for (const wire of [...this.network.wires]) wire.cut('Cut')
    this.settle()
  }
}
