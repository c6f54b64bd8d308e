/** The regions that devices may go to: which there are, which are healthy, which is the best other one. Asks nobody; `health.ts` tells it what it found. */
import type { Peer } from '../listen/transport.ts'

export interface Region {
  /** Unique among the regions. */
  readonly name: string
  /** How much of what has to go elsewhere it should get, beside the others. */
  readonly weight: number
  /** Where its devices connect: `mqtt://`, `mqtts://`, `ws://` and `wss://` URLs. */
  readonly endpoints: readonly string[]
}

/** What `GET /regions` answers, as JSON. */
export interface RegionsDocument {
  readonly version: 1
  /** The region that answers. */
  readonly self: string
  readonly regions: readonly (Region & { readonly healthy: boolean })[]
}

/** What a client can speak that has come by a kind of listener, the likelier first: TLS may have ended before this edge. */
const SCHEMES: Readonly<Record<Peer['listener'], readonly string[]>> = {
  tcp: ['mqtt', 'mqtts'],
  unix: ['mqtt', 'mqtts'],
  tls: ['mqtts'],
  ws: ['ws', 'wss'],
  wss: ['wss'],
}
const PORTS: Readonly<Record<string, number>> = { 'mqtt:': 1883, 'mqtts:': 8883 }

function reference(endpoint: string): string {
  const { protocol, hostname, port } = new URL(endpoint)
  const usual = PORTS[protocol]
  return usual === undefined ? endpoint : `${hostname}:${port === '' ? usual : port}`
}

export class Regions {
  /** The region of this edge. */
  readonly self: string
  readonly #regions: readonly Region[]
  readonly #unhealthy = new Set<string>()
  #turn = 0

  /** `regions` has `self` in it, or is empty: then there is no other. */
  constructor(self: string, regions: readonly Region[]) {
    this.self = self
    this.#regions = regions
  }

  /** Until it is said otherwise a region is healthy. */
  mark(name: string, healthy: boolean): void {
    if (healthy) this.#unhealthy.delete(name)
    else this.#unhealthy.add(name)
  }

  healthy(name: string): boolean {
    return !this.#unhealthy.has(name)
  }

  /**
   * Where a client of that kind may go instead: to the healthy other region with the highest weight, among equals in turn.
   * `host:port`; over WebSocket, where that says too little, a URL [MQTT5 4.11]. Undefined: nowhere.
   */
  elsewhere(peer: Pick<Peer, 'listener'>): string | undefined {
    let best: readonly string[] = []
    let weight = 0
    for (const region of this.#regions) {
      if (region.name === this.self || region.weight < weight || !this.healthy(region.name)) continue
      const fitting = this.#fitting(region, peer)
      if (fitting.length === 0) continue
      best = region.weight === weight ? [...best, ...fitting] : fitting
      weight = region.weight
    }
    return best.length === 0 ? undefined : best[this.#turn++ % best.length]
  }

  /** Its endpoints for clients of that kind, and never one of our own: a client must not be sent in a circle. */
  #fitting({ endpoints }: Region, { listener }: Pick<Peer, 'listener'>): readonly string[] {
    const own = this.#regions.find(({ name }) => name === this.self)?.endpoints ?? []
    const others = endpoints.filter(url => !own.includes(url))
    for (const scheme of SCHEMES[listener]) {
      const fitting = others.filter(url => url.startsWith(`${scheme}://`))
      if (fitting.length > 0) return fitting.map(reference)
    }
    return []
  }

  /** `ready`: this edge is. `own`: what its listeners say, for an edge that knows no regions. */
  document(ready: boolean, own: () => readonly string[]): RegionsDocument {
    const { self } = this
    const regions = this.#regions.length > 0 ? this.#regions : [{ name: self, weight: 1, endpoints: own() }]
    return {
      version: 1,
      self,
      regions: regions.map(({ name, weight, endpoints }) => ({
        name,
        weight,
        healthy: name === self ? ready : this.healthy(name),
        endpoints,
      })),
    }
  }
}
