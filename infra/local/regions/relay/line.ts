/** One line of a relay: a port that leads to another one, with the delay and the loss of a WAN if it is a long one. It may be cut: then nothing passes and nobody is told. */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { Flow, type Weather } from './flow.ts'

export interface Endpoint {
  readonly host: string
  readonly port: number
}

export interface LineSpec {
  readonly listen: Endpoint
  readonly target: Endpoint
  /** True: it has the delay and loss of the WAN. */
  readonly isLong: boolean
  /** Of what it is a part; it is cut with any of them. */
  readonly ways: readonly string[]
}

/** What holds for all lines of a relay. */
export interface Conditions {
  /** Delay of long lines, one way. */
  readonly wanMs: number
  /** 0 to 1, of long lines. */
  readonly loss: number
  readonly cut: readonly string[]
}

const MAX_CONNECTIONS = 20_000
const REDIAL_MS = 250
/** The network is cut off rather than the program gone: whoever dials waits. */
const CUT_OFF = new Set(['ENETUNREACH', 'EHOSTUNREACH', 'ENETDOWN', 'EHOSTDOWN', 'ETIMEDOUT'])
const NEAR: Weather = { delayMs: 0, loss: 0 }

export class Line {
  readonly #spec: LineSpec
  readonly #conditions: () => Conditions
  readonly #passages = new Set<Passage>()
  readonly #server: Server
  #isCut: boolean

  constructor(spec: LineSpec, conditions: () => Conditions) {
    this.#spec = spec
    this.#conditions = conditions
    this.#isCut = this.#cutNow()
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, near => this.#accept(near))
    this.#server.maxConnections = MAX_CONNECTIONS
  }

  get connections(): number {
    return this.#passages.size
  }

  /** @returns what listens */
  async listen(): Promise<Server> {
    const { host, port } = this.#spec.listen
    this.#server.listen({ host, port, backlog: 4096 })
    await once(this.#server, 'listening')
    // A connection that cannot be accepted harms no other.
    this.#server.on('error', () => {})
    return this.#server
  }

  /** To be called when the conditions have changed. */
  adapt(): void {
    const isCut = this.#cutNow()
    if (isCut === this.#isCut) return
    this.#isCut = isCut
    for (const passage of this.#passages) isCut ? passage.silence() : passage.goOn()
  }

  #cutNow(): boolean {
    const { cut } = this.#conditions()
    return this.#spec.ways.some(way => cut.includes(way))
  }

  #accept(near: Socket): void {
    const weather = (): Weather => {
      const { wanMs, loss } = this.#conditions()
      return this.#spec.isLong ? { delayMs: wanMs, loss } : NEAR
    }
    const passage = new Passage(near, this.#spec.target, weather, () => this.#passages.delete(passage))
    this.#passages.add(passage)
    if (this.#isCut) passage.silence()
    passage.dial()
  }
}

/** One connection through the line. */
class Passage {
  readonly #near: Socket
  readonly #target: Endpoint
  readonly #weather: () => Weather
  readonly #onGone: () => void
  readonly #there: Flow
  #back: Flow | undefined
  #far: Socket | undefined
  #timer: NodeJS.Timeout | undefined
  #silent = false

  constructor(near: Socket, target: Endpoint, weather: () => Weather, onGone: () => void) {
    this.#near = near
    this.#target = target
    this.#weather = weather
    this.#onGone = onGone
    // A real handshake takes a round trip before the first bytes leave.
    this.#there = new Flow(near, weather, Date.now() + 3 * weather().delayMs)
    near.on('error', () => {})
    near.on('close', () => this.#closed())
  }

  /** The far side hears of it one way later. */
  dial(afterMs = this.#weather().delayMs): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (!this.#silent) this.#connect()
    }, afterMs)
  }

  silence(): void {
    this.#silent = true
    this.#there.silence()
    this.#back?.silence()
  }

  goOn(): void {
    this.#silent = false
    this.#there.goOn()
    this.#back?.goOn()
    if (this.#far === undefined && this.#timer === undefined) this.#connect()
  }

  #connect(): void {
    const far = connect({ ...this.#target, noDelay: true, allowHalfOpen: true })
    this.#far = far
    let connected = false
    far.once('connect', () => {
      connected = true
      this.#back = new Flow(far, this.#weather, 0)
      if (this.#silent) this.#back.silence()
      this.#back.open(this.#near)
      this.#there.open(far)
    })
    far.on('error', (error: NodeJS.ErrnoException) => {
      if (connected) return
      this.#far = undefined
      if (this.#near.closed) this.#closed()
      else if (CUT_OFF.has(error.code ?? '')) this.dial(REDIAL_MS)
      else this.#refused()
    })
    far.on('close', () => connected && this.#closed())
  }

  /** Whoever dialled hears of it one way later; if the line is cut by then, it is tried again after that. */
  #refused(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (!this.#silent) this.#near.resetAndDestroy()
    }, this.#weather().delayMs)
  }

  /** Gone when both sides are: until then the end of one is on its way to the other. */
  #closed(): void {
    if (!this.#near.closed || (this.#far !== undefined && !this.#far.closed)) return
    clearTimeout(this.#timer)
    this.#there.stop()
    this.#back?.stop()
    this.#onGone()
  }
}
