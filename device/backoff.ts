/** The circuits of endpoints: after a failure nobody dials one for a while that doubles, drawn at random. Reads no clock. */
import type { Endpoint } from './endpoint.ts'
import type { DeviceLimits } from './limits.ts'

type Bounds = Pick<DeviceLimits, 'backoffBaseMs' | 'backoffMaxMs' | 'avoidMs'>

const MOST_DOUBLINGS = 5
/** Whatever is drawn, nobody goes round in a loop. */
const LEAST_WAIT_MS = 10

/** Times are milliseconds of one monotonic clock; `random` gives 0 ≤ x < 1. */
export class Circuit {
  readonly #bounds: Bounds
  readonly #random: () => number
  #failures = 0
  #avoided = 0
  #openUntil = 0
  #avoidUntil = 0

  constructor(bounds: Bounds, random: () => number) {
    this.#bounds = bounds
    this.#random = random
  }

  /** Failures since it last worked. */
  get failures(): number {
    return this.#failures
  }

  /** It may be dialled from then on: at once if it is closed, once as a trial after it was open. */
  get readyAt(): number {
    return this.#openUntil
  }

  isReady(now: number): boolean {
    return now >= this.#openUntil
  }

  /** Whether others are to be chosen first. */
  isAvoided(now: number): boolean {
    return now < this.#avoidUntil
  }

  failed(now: number): void {
    const { backoffBaseMs, backoffMaxMs } = this.#bounds
    const most = Math.min(backoffMaxMs, backoffBaseMs * 2 ** Math.min(this.#failures, 30))
    this.#failures++
    this.#openUntil = now + Math.max(LEAST_WAIT_MS, this.#random() * most)
  }

  /** It failed in a way that waiting a moment does not mend, such as wrong credentials: the longest wait at once, half of it for certain. */
  failedForLong(now: number): void {
    this.#failures++
    this.#openUntil = now + this.#bounds.backoffMaxMs * (0.5 + this.#random() / 2)
  }

  /** Each time without success between doubles the time: who comes back to a server that only seems to be there is away from a good one. */
  avoid(now: number): void {
    this.#avoidUntil = now + this.#bounds.avoidMs * 2 ** Math.min(this.#avoided, MOST_DOUBLINGS)
    this.#avoided++
  }

  worked(): void {
    this.#failures = 0
    this.#avoided = 0
    this.#openUntil = 0
    this.#avoidUntil = 0
  }
}

const MOST_CIRCUITS = 1024

/** One circuit per endpoint. */
export class Circuits {
  readonly #bounds: Bounds
  readonly #random: () => number
  readonly #byUrl = new Map<string, Circuit>()

  constructor(bounds: Bounds, random: () => number) {
    this.#bounds = bounds
    this.#random = random
  }

  of({ url }: Endpoint): Circuit {
    const known = this.#byUrl.get(url)
    if (known !== undefined) return known
    if (this.#byUrl.size >= MOST_CIRCUITS) this.#byUrl.clear()
    const circuit = new Circuit(this.#bounds, this.#random)
    this.#byUrl.set(url, circuit)
    return circuit
  }

  /** Forgets all others. */
  keep(endpoints: readonly Endpoint[]): void {
    const urls = new Set(endpoints.map(({ url }) => url))
    for (const url of this.#byUrl.keys()) if (!urls.has(url)) this.#byUrl.delete(url)
  }
}
