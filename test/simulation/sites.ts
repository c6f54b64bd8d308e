/** Several sites whose cores are linked, each with its edges, under one clock: links between sites can be cut and healed, cores can die. */
import type { Limits } from '../../core/contract/limits.ts'
import { Globe } from '../../core/site/memory.ts'
import { Network } from '../harness/wire.ts'
import { type Group, Site, TICK_MS } from './site.ts'

export interface SitesOptions {
  readonly names: readonly string[]
  /** Of each site. */
  readonly edges: number
  readonly limits?: Partial<Limits>
  /** Edges go to the core of another site when they cannot reach that of their own. */
  readonly roaming?: boolean
  /** They share clients. */
  readonly shared?: boolean
  /** One per site, for what survives its core. */
  readonly dataDir?: (name: string) => string
}

export class Sites implements Group {
  readonly names: readonly string[]
  readonly sites: Site[] = []
  readonly network = new Network()
  readonly globe: Globe | undefined
  now = 1_700_000_000_000
  /** Directions in which nobody can be reached: `from>to`. */
  readonly #apart = new Set<string>()

  constructor({ names, edges, limits, dataDir, shared, roaming }: SitesOptions) {
    this.names = names
    this.globe = shared === true ? new Globe({ now: () => this.now }) : undefined
    for (const name of names) {
      const where = dataDir === undefined ? {} : { dataDir: dataDir(name) }
      new Site({
        name,
        edges,
        group: this,
        roaming: roaming === true,
        ...(limits === undefined ? {} : { limits }),
        ...where,
      })
    }
    this.pass(2_000)
  }

  at(name: string): Site {
    return this.sites.find(site => site.name === name)!
  }

  settle(): void {
    for (let i = 0; this.turn(); i++) if (i > 40_000) throw new Error('The sites do not come to rest')
  }

  turn(): boolean {
    this.#keepApart()
    let moved = this.network.step()
    for (const site of this.sites) if (site.step()) moved = true
    return moved
  }

  pass(ms: number): void {
    const step = ms > 20_000 ? ms : TICK_MS
    for (let left = ms; left > 0; left -= step) {
      this.tick(Math.min(step, left))
      this.settle()
    }
  }

  /** Time passes, and nothing else happens yet. */
  tick(ms = TICK_MS): void {
    this.now += ms
    for (const site of this.sites) site.tick(this.now)
    this.#keepApart()
  }

  /** The connections between two sites break now, with what is on its way. They come back by themselves, unless `apart`. */
  cut(a: string, b: string, who: 'both' | 'edge' | 'core' = 'both'): void {
    this.at(a).peerWires.get(b)?.cut('Cut', who)
    this.at(b).peerWires.get(a)?.cut('Cut', who)
  }

  /** Nothing arrives any more over the connections between two sites, and nobody is told. */
  silence(a: string, b: string): void {
    for (const wire of [this.at(a).peerWires.get(b), this.at(b).peerWires.get(a)])
      if (wire !== undefined) wire.silent = true
  }

  /** Two sites cannot reach each other until `heal`. */
  part(a: string, b: string): void {
    this.bar(a, b)
    this.bar(b, a)
  }

  /** The first cannot reach the second until `heal`. */
  bar(from: string, to: string): void {
    this.#apart.add(`${from}>${to}`)
    this.at(from).peerWires.get(to)?.cut('Cut', 'both')
  }

  heal(): void {
    this.#apart.clear()
  }

  /** As `heal`, of these two alone. */
  join(a: string, b: string): void {
    this.#apart.delete(`${a}>${b}`)
    this.#apart.delete(`${b}>${a}`)
  }

  /** Cuts every new connection between sites that are apart, before anything is said. */
  #keepApart(): void {
    for (const pair of this.#apart) {
      const [from, to] = pair.split('>') as [string, string]
      const wire = this.at(from).peerWires.get(to)
      if (wire?.open === true) wire.cut('No route')
    }
  }

  close(): void {
    for (const site of this.sites) site.close()
  }
}
