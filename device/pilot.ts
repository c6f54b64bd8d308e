/** Where the device is and where it goes next: measures, chooses, visits one endpoint at a time, and learns from how each visit ended. Knows nothing of messages. */
import { Circuits } from './backoff.ts'
import { type Candidate, isWorthMoving, ranked } from './choice.ts'
import type { Endpoint, Region } from './endpoint.ts'
import type { Events, MoveReason } from './events.ts'
import type { DeviceLimits } from './limits.ts'
import { nameOf } from './options.ts'
import type { Probe } from './probe.ts'
import { endpointsOfReference, isReferral, ReferenceGuard } from './reference.ts'
import { Scout } from './scout.ts'
import { Watchdog } from './watchdog.ts'

/** The connection as the pilot sees it. */
export interface Vehicle {
  dial(endpoint: Endpoint): void
  drop(): void
  leave(): void
  ping(): void
  /** Whether the endpoint would take the device. */
  knock(endpoint: Endpoint): Promise<boolean>
  /** Stops sending; resolves when what is on its way is acknowledged, or the time is over. */
  quiesce(withinMs: number): Promise<void>
  /** Of messages that are not acknowledged yet. */
  bytesOnTheirWay(): number
}

export interface PilotOptions {
  readonly limits: DeviceLimits
  readonly random: () => number
  readonly preferred: string | undefined
  readonly probe: Probe
  /** A region was lost: a good moment to look for news. */
  onLost(): void
}

type Target = Pick<Candidate, 'region' | 'endpoint'>

interface Visit {
  readonly target: Target
  readonly because: MoveReason
  readonly ended: (reason: string) => void
  /** Undefined until CONNACK. */
  upSince: number | undefined
  dismissal: { readonly code: number; readonly reference: string | undefined } | undefined
  /** It was up long enough for its endpoint to count as working. */
  isProven: boolean
  /** The watchdog gave up. */
  isDead: boolean
  moveTo: Target | undefined
  watchdog: Watchdog | undefined
}

/** Reason codes of CONNACK that a wait of moments does not mend: wrong credentials, no right, banned, a client id or version that is not taken; 3.1.1 has 1, 2, 4 and 5. */
const LASTING = new Set([1, 2, 4, 5, 0x81, 0x82, 0x84, 0x85, 0x86, 0x87, 0x8a, 0x8c, 0x95, 0x99])
const TAKEN_OVER = 0x8e
/** Reason codes of DISCONNECT that end a connection and say nothing against its endpoint: administrative action, maximum connect time. */
const AGAIN = new Set([0x98, 0xa0])

export class Pilot {
  readonly #options: PilotOptions
  readonly #vehicle: Vehicle
  readonly #events: Events
  readonly #guard: ReferenceGuard
  readonly #stopped = new AbortController()
  readonly #circuits: Circuits
  readonly #scout: Scout
  #regions: readonly Region[] = []
  #visit: Visit | undefined
  #lastRegion: string | undefined
  #offlineSince = performance.now()
  #rttMs: number | undefined
  #wake: () => void = () => undefined
  #better = { name: '', rounds: 0 }
  #ticking: ReturnType<typeof setInterval> | undefined
  #reviewing: ReturnType<typeof setTimeout> | undefined

  constructor(options: PilotOptions, vehicle: Vehicle, events: Events) {
    this.#options = options
    this.#vehicle = vehicle
    this.#events = events
    this.#guard = new ReferenceGuard(options.limits)
    this.#circuits = new Circuits(options.limits, options.random)
    this.#scout = new Scout({ ...options, signal: this.#stopped.signal }, this.#circuits)
  }

  /** Of the endpoint in use; undefined while there is none. */
  get region(): string | undefined {
    return this.#visit?.upSince === undefined ? undefined : this.#visit.target.region.name
  }

  /** Of the last PINGREQ, milliseconds. */
  get rttMs(): number | undefined {
    return this.#rttMs
  }

  update(regions: readonly Region[]): void {
    this.#regions = regions
    const { preferred } = this.#options
    if (preferred !== undefined && !regions.some(region => region.name === preferred))
      this.#events.warn('discovery-document', `The preferred region '${preferred}' is not among the regions`)
    this.#circuits.keep(this.#endpoints())
    this.#wake()
  }

  /** Until `stop`. */
  async run(): Promise<void> {
    let because: MoveReason = 'start'
    let next: Target | undefined
    while (!this.#stopped.signal.aborted) {
      const target = next ?? (await this.#choose())
      if (target === undefined) return
      const { visit, reason } = await this.#go(target, because)
      if (visit.upSince !== undefined) {
        this.#offlineSince = performance.now()
        const { moveTo } = visit
        const why = moveTo === undefined ? reason : `Moving to region '${moveTo.region.name}'`
        this.#events.emit('offline', { region: target.region.name, reason: why })
      }
      if (this.#stopped.signal.aborted) return
      ;({ next, because } = await this.#learn(visit, reason))
    }
  }

  stop(): void {
    this.#stopped.abort()
    this.#wake()
    this.#endTimers()
  }

  // What the connection reports.

  connected(sessionPresent: boolean): void {
    const visit = this.#visit
    if (visit === undefined) return
    const { limits } = this.#options
    const now = performance.now()
    const { region, endpoint } = visit.target
    visit.upSince = now
    visit.watchdog = new Watchdog(now, limits.pingIntervalMs, limits.pingTimeoutMs)
    this.#ticking = setInterval(() => this.#tick(), visit.watchdog.tickMs)
    this.#better.rounds = 0
    this.#reviewLater()
    const tookMs = now - this.#offlineSince
    this.#events.emit('online', { region: region.name, url: endpoint.url, sessionPresent, tookMs })
    const from = this.#lastRegion
    this.#lastRegion = region.name
    if (from !== region.name) this.#events.emit('region', { from, to: region.name, because: visit.because })
  }

  dismissed(code: number, reference: string | undefined): void {
    if (this.#visit !== undefined) this.#visit.dismissal = { code, reference }
  }

  heard(): void {
    this.#visit?.watchdog?.heard(performance.now())
  }

  pong(): void {
    this.#rttMs = this.#visit?.watchdog?.answered(performance.now()) ?? this.#rttMs
  }

  closed(reason: string): void {
    const visit = this.#visit
    this.#visit = undefined
    this.#endTimers()
    visit?.ended(reason)
  }

  #go(target: Target, because: MoveReason): Promise<{ visit: Visit; reason: string }> {
    return new Promise(resolve => {
      const visit: Visit = {
        ...{ target, because, isDead: false, isProven: false },
        ...{ upSince: undefined, dismissal: undefined, moveTo: undefined, watchdog: undefined },
        ended: reason => resolve({ visit, reason }),
      }
      this.#visit = visit
      this.#vehicle.dial(target.endpoint)
    })
  }

  /** What the end of a visit says about its endpoint, and where to go if that is known. */
  async #learn(visit: Visit, reason: string): Promise<{ next: Target | undefined; because: MoveReason }> {
    const { target, dismissal, upSince, moveTo } = visit
    const now = performance.now()
    const circuit = this.#circuits.of(target.endpoint)
    if (moveTo !== undefined) return { next: moveTo, because: 'better' }
    const { limits, random } = this.#options
    if (dismissal !== undefined && upSince !== undefined && AGAIN.has(dismissal.code)) {
      const next = circuit.failures === 0 ? target : undefined
      if (!visit.isProven) circuit.failed(now)
      await this.#rest(random() * limits.scatterMs)
      return { next, because: 'lost' }
    }
    if (dismissal !== undefined) return this.#learnDismissal(target, dismissal, upSince !== undefined)
    if (visit.isDead || !visit.isProven) circuit.failed(now)
    if (visit.isDead || upSince === undefined) circuit.avoid(now)
    if (upSince === undefined) {
      this.#events.warn('connection-refused', `No connection to ${target.endpoint.url}: ${reason}`)
      return { next: undefined, because: 'refused' }
    }
    this.#options.onLost()
    // An edge that ends takes a crowd with it; those who found out by themselves are apart anyway.
    if (!visit.isDead) await this.#rest(random() * limits.scatterMs)
    return { next: undefined, because: 'lost' }
  }

  #learnDismissal(
    target: Target,
    { code, reference }: NonNullable<Visit['dismissal']>,
    wasUp: boolean,
  ): { next: Target | undefined; because: MoveReason } {
    const now = performance.now()
    const circuit = this.#circuits.of(target.endpoint)
    const text = `${target.endpoint.url} ${wasUp ? 'said DISCONNECT' : 'refused the connection'} with reason code 0x${code.toString(16)}`
    if (isReferral(code)) {
      circuit.avoid(now)
      const next = reference === undefined ? undefined : this.#follow(reference, target)
      if (next === undefined) circuit.failed(now)
      if (reference === undefined && !wasUp)
        this.#events.warn('connection-refused', `${text} and without a Server Reference`)
      return { next, because: 'reference' }
    }
    if (code === TAKEN_OVER) {
      this.#events.warn('session-taken-over', `${text}: another client uses this client id`)
      for (const { endpoints } of this.#regions)
        for (const each of endpoints) this.#circuits.of(each).failedForLong(now)
    } else if (!wasUp && LASTING.has(code)) circuit.failedForLong(now)
    else {
      circuit.failed(now)
      circuit.avoid(now)
    }
    if (!wasUp) this.#events.warn('connection-refused', text)
    return { next: undefined, because: wasUp ? 'lost' : 'refused' }
  }

  #follow(reference: string, from: Target): Target | undefined {
    const { endpoints, refused } = endpointsOfReference(reference, from.endpoint)
    for (const text of refused) this.#events.warn('reference-refused', text)
    const others = endpoints.filter(endpoint => endpoint.url !== from.endpoint.url)
    const now = performance.now()
    const endpoint = others.find(
      each => this.#circuits.of(each).isReady(now) && !this.#circuits.of(each).isAvoided(now),
    )
    if (endpoint === undefined || !this.#guard.mayFollow(now)) {
      if (endpoints.length > 0)
        this.#events.warn('reference-loop', `Server Reference '${reference}' of ${from.endpoint.url} leads in a circle`)
      return undefined
    }
    const known = this.#regions.find(region => region.endpoints.some(each => each.url === endpoint.url))
    const region = known ?? { name: nameOf(endpoint), weight: 1, healthy: true, endpoints: [endpoint] }
    return { region, endpoint }
  }

  /** The best region that answers; waits as long as none may be tried. Undefined after `stop`. */
  async #choose(): Promise<Target | undefined> {
    while (!this.#stopped.signal.aborted) {
      const now = performance.now()
      const readyAt = Math.min(...this.#endpoints().map(endpoint => this.#circuits.of(endpoint).readyAt))
      if (readyAt > now) await this.#rest(readyAt - now)
      else {
        const [best] = ranked(await this.#scout.candidates(this.#regions), this.#options.preferred)
        if (best !== undefined) return best
        if (!this.#stopped.signal.aborted)
          this.#events.warn('unreachable', `No region can be reached: ${this.#scout.failures.join('; ')}`)
      }
    }
    return undefined
  }

  /** Looks whether another region has become so much better that it pays to go there, and goes. */
  async #review(visit: Visit): Promise<void> {
    const { limits, preferred } = this.#options
    const candidates = await this.#scout.candidates(this.#regions)
    if (this.#visit !== visit || this.#stopped.signal.aborted) return
    const { region, endpoint } = visit.target
    const listed = this.#regions.find(each => each.name === region.name)
    const here: Candidate = {
      region: listed ?? { ...region, healthy: false },
      endpoint,
      rttMs: candidates.find(each => each.region.name === region.name)?.rttMs ?? this.#rttMs ?? limits.probeTimeoutMs,
      avoided: false,
    }
    const [best] = ranked(
      candidates.filter(each => each.region.name !== region.name),
      preferred,
    )
    if (best === undefined || !isWorthMoving(here, best, preferred, limits)) this.#better = { name: '', rounds: 0 }
    else {
      const rounds = this.#better.name === best.region.name ? this.#better.rounds + 1 : 1
      this.#better = { name: best.region.name, rounds }
      if (rounds >= limits.reviewRounds) await this.#move(visit, best)
    }
    if (this.#visit === visit && visit.moveTo === undefined) this.#reviewLater()
  }

  /** Leaves a connection that works for a better one, if that one works too. */
  async #move(visit: Visit, to: Candidate): Promise<void> {
    const { quiesceMs, knockTimeoutMs } = this.#options.limits
    const isThere = knockTimeoutMs === 0 || (await this.#vehicle.knock(to.endpoint).catch(() => false))
    if (!isThere) this.#circuits.of(to.endpoint).avoid(performance.now())
    if (!isThere || this.#visit !== visit) return
    await this.#vehicle.quiesce(quiesceMs)
    if (this.#visit !== visit) return
    visit.moveTo = to
    this.#vehicle.leave()
  }

  #reviewLater(): void {
    const { limits, random } = this.#options
    clearTimeout(this.#reviewing)
    this.#reviewing = setTimeout(
      () => {
        if (this.#visit !== undefined) void this.#review(this.#visit)
      },
      limits.reviewMs * (0.5 + random()),
    )
  }

  #tick(): void {
    const visit = this.#visit
    if (visit?.watchdog === undefined || visit.upSince === undefined) return
    const now = performance.now()
    const { stableMs, uplinkBytesPerSec } = this.#options.limits
    const circuit = this.#circuits.of(visit.target.endpoint)
    if (!visit.isProven && now - visit.upSince >= stableMs) {
      visit.isProven = true
      circuit.worked()
    }
    const verdict = visit.watchdog.tick(now, (this.#vehicle.bytesOnTheirWay() / uplinkBytesPerSec) * 1000)
    if (verdict === 'ping') this.#vehicle.ping()
    else if (verdict === 'suspect')
      this.#scout.lookAhead(this.#regions.filter(({ name }) => name !== visit.target.region.name))
    else if (verdict === 'dead') {
      visit.isDead = true
      this.#vehicle.drop()
    }
  }

  #endTimers(): void {
    clearInterval(this.#ticking)
    clearTimeout(this.#reviewing)
  }

  #endpoints(): Endpoint[] {
    return this.#regions.flatMap(region => [...region.endpoints])
  }

  /** Until the time is over, the regions change, or `stop`. */
  #rest(ms: number): Promise<void> {
    return new Promise(resolve => {
      // Without any region only `update` ends it.
      const timer = Number.isFinite(ms) ? setTimeout(resolve, ms) : undefined
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
