/** The regions that devices may go to: which there are, which are healthy, which is the best other one. Asks nobody; `health.ts` tells it what it found. */
import type { Peer } from '../listen/transport.ts'

export interface Region {
  /** Unique among the regions. */
  readonly name: string
  /** From 1. Clients that have to go elsewhere go where it is highest. */
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

type Kind = Peer['listener']

/** What a client can speak that has come by a kind of listener, the likelier first: TLS may have ended before this edge. */
const SCHEMES: readonly (readonly [Kind, readonly string[]])[] = [
  ['tcp', ['mqtt', 'mqtts']],
  ['unix', ['mqtt', 'mqtts']],
  ['tls', ['mqtts']],
  ['ws', ['ws', 'wss']],
  ['wss', ['wss']],
]
const PORTS: Readonly<Record<string, number>> = { 'mqtt:': 1883, 'mqtts:': 8883 }

/** `host:port`; over WebSocket, where that says too little, a URL [MQTT5 4.11]. */
function reference(endpoint: string): string {
  const { protocol, hostname, port } = new URL(endpoint)
  const usual = PORTS[protocol]
  return usual === undefined ? endpoint : `${hostname}:${port === '' ? usual : port}`
}

/** Another region as clients of one kind are sent there. */
interface Other {
  readonly name: string
  readonly weight: number
  readonly references: readonly string[]
}

export class Regions {
  /** The region of this edge. */
  readonly self: string
  readonly #regions: readonly Region[]
  readonly #others: ReadonlyMap<Kind, readonly Other[]>
  readonly #unhealthy = new Set<string>()
  #turn = 0

  /** `regions` has `self` in it, or is empty: then there is no other. */
  constructor(self: string, regions: readonly Region[]) {
    this.self = self
    this.#regions = regions
    this.#others = new Map(SCHEMES.map(([kind, schemes]) => [kind, othersFor(schemes, self, regions)]))
  }

  /** Until it is said otherwise a region is healthy. */
  mark(name: string, healthy: boolean): void {
    if (healthy) this.#unhealthy.delete(name)
    else this.#unhealthy.add(name)
  }

  healthy(name: string): boolean {
    return !this.#unhealthy.has(name)
  }

  /** Where a client of that kind may go instead: to the healthy other region with the highest weight, among equals in turn. Undefined: nowhere. */
  elsewhere({ listener }: Pick<Peer, 'listener'>): string | undefined {
    const healthy = (this.#others.get(listener) ?? []).filter(({ name }) => this.healthy(name))
    const highest = Math.max(...healthy.map(({ weight }) => weight))
    const best = healthy.flatMap(({ weight, references }) => (weight === highest ? references : []))
    return best.length === 0 ? undefined : best[this.#turn++ % best.length]
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

/** Regions that clients who speak one of these may be sent to, the first that a region has; never to an endpoint of our own: that would be a circle. */
function othersFor(schemes: readonly string[], self: string, regions: readonly Region[]): readonly Other[] {
  const own = regions.find(({ name }) => name === self)?.endpoints ?? []
  return regions.flatMap(({ name, weight, endpoints }) => {
    const spoken = schemes.map(scheme => endpoints.filter(url => url.startsWith(`${scheme}://`) && !own.includes(url)))
    const urls = spoken.find(some => some.length > 0)
    return name === self || urls === undefined ? [] : [{ name, weight, references: urls.map(reference) }]
  })
}
