/** Measures the regions for the pilot, and ahead of time when a connection begins to look dead. Chooses nothing. */
import type { Circuits } from './backoff.ts'
import type { Candidate } from './choice.ts'
import type { Region } from './endpoint.ts'
import type { DeviceLimits } from './limits.ts'
import { type Answer, measure, type Probe } from './probe.ts'

export interface ScoutOptions {
  readonly limits: Pick<DeviceLimits, 'probeTimeoutMs' | 'probeSettleMs' | 'pingTimeoutMs'>
  readonly preferred: string | undefined
  readonly probe: Probe
  readonly signal: AbortSignal
}

/** Time for the preferred region to answer after another has. */
const PREFERRED_SETTLE_MS = 500
const AHEAD_EVERY_MS = 10_000

export class Scout {
  readonly #options: ScoutOptions
  readonly #circuits: Circuits
  #ahead: { readonly at: number; readonly answers: Promise<Answer[]> } | undefined
  /** By URL, of the last measurement: why an endpoint did not answer. */
  #failures = new Map<string, string>()
  #aheadAt = Number.NEGATIVE_INFINITY

  constructor(options: ScoutOptions, circuits: Circuits) {
    this.#options = options
    this.#circuits = circuits
  }

  /** Of the last measurement, one text per endpoint. */
  get failures(): string[] {
    return [...this.#failures].map(([url, why]) => `${url}: ${why}`)
  }

  /** Begins to measure those a device would go to; `candidates` has the answers if it is asked soon. On a slow line many a PINGRESP looks late: not more than now and then. */
  lookAhead(regions: readonly Region[]): void {
    const now = performance.now()
    if (now - this.#aheadAt < AHEAD_EVERY_MS) return
    this.#aheadAt = now
    this.#ahead = { at: now, answers: this.#measure(regions) }
  }

  /** The regions that may be tried and answer. */
  async candidates(regions: readonly Region[]): Promise<Candidate[]> {
    const ahead = this.#ahead
    this.#ahead = undefined
    const isFresh = ahead !== undefined && performance.now() - ahead.at < 2 * this.#options.limits.pingTimeoutMs
    const known = isFresh ? this.#judged(await ahead.answers) : []
    // If only those have answered whom the pilot would have to avoid, the others get their time.
    if (known.some(({ avoided }) => !avoided)) return known
    return this.#judged(await this.#measure(regions))
  }

  #judged(answers: readonly Answer[]): Candidate[] {
    const now = performance.now()
    return answers
      .filter(({ endpoint }) => this.#circuits.of(endpoint).isReady(now))
      .map(answer => ({ ...answer, avoided: this.#circuits.of(answer.endpoint).isAvoided(now) }))
  }

  #measure(regions: readonly Region[]): Promise<Answer[]> {
    const { limits, preferred, probe, signal } = this.#options
    const failures = new Map<string, string>()
    this.#failures = failures
    const now = performance.now()
    const ready = regions.filter(region => region.endpoints.some(each => this.#circuits.of(each).isReady(now)))
    const mayCome = ready
      .filter(({ name }) => name === preferred)
      .some(({ endpoints }) => endpoints.some(each => !this.#circuits.of(each).isAvoided(now)))
    return measure(ready, {
      ...{ probe, signal },
      timeoutMs: limits.probeTimeoutMs,
      settleMs: mayCome ? PREFERRED_SETTLE_MS : limits.probeSettleMs,
      isEnough: ({ region, endpoint }) =>
        region.name === preferred && !this.#circuits.of(endpoint).isAvoided(performance.now()),
      mayTry: endpoint => this.#circuits.of(endpoint).isReady(performance.now()),
      failed: (endpoint, error) => {
        this.#circuits.of(endpoint).failed(performance.now())
        failures.set(endpoint.url, error instanceof Error ? error.message : String(error))
      },
    })
  }
}
