/** The regions that devices may go to: which there are, which are healthy, which is the best other one. Asks nobody; `health.ts` tells it what it found. */

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

export class Regions {
  /** The region of this edge. */
  readonly self: string
  readonly #regions: readonly Region[]
  readonly #unhealthy = new Set<string>()

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
