/** One direction of a relayed connection: bytes arrive in order, late as over a WAN. Knows neither who sends nor where it goes. */
import type { Socket } from 'node:net'

/** What the WAN is like at the moment. */
export interface Weather {
  /** One way. */
  readonly delayMs: number
  /** Share of segments that are lost on their first way, 0 to 1. */
  readonly loss: number
}

/** Payload of a segment on an Ethernet. */
const SEGMENT_BYTES = 1448
/** The least time after which TCP sends a lost segment again [Linux, TCP_RTO_MIN]. */
const RESEND_MS = 200
/** On the way in one direction; beyond it the sender is read no further. */
const MAX_BYTES = 4 * 1024 * 1024

type Content = { readonly is: 'bytes'; readonly bytes: Buffer } | { readonly is: 'end' | 'reset' }
/** `at`: when it arrives, ms of the clock. */
type Parcel = Content & { readonly at: number }

export class Flow {
  readonly #from: Socket
  readonly #weather: () => Weather
  /** Nothing arrives before it, ms of the clock. */
  readonly #notBefore: number
  readonly #way: Parcel[] = []
  #wayBytes = 0
  #lastAt = 0
  #to: Socket | undefined
  #timer: NodeJS.Timeout | undefined
  #blocked = false
  #silent = false

  constructor(from: Socket, weather: () => Weather, notBefore: number) {
    this.#from = from
    this.#weather = weather
    this.#notBefore = notBefore
    from.on('data', bytes => this.#send({ is: 'bytes', bytes }))
    from.on('end', () => this.#send({ is: 'end' }))
    // After an end it is no news, else it was a reset.
    from.on('close', hadError => (hadError || !from.readableEnded) && this.#send({ is: 'reset' }))
  }

  /** From now on there is somewhere to go. */
  open(to: Socket): void {
    this.#to = to
    to.on('drain', () => {
      this.#blocked = false
      this.#deliver()
    })
    this.#deliver()
  }

  /** Nothing moves: what is on the way waits, what comes is not read. */
  silence(): void {
    this.#silent = true
    this.#from.pause()
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  goOn(): void {
    this.#silent = false
    this.#listen()
    this.#deliver()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#way.length = 0
    this.#to = undefined
  }

  #send(content: Content): void {
    const { delayMs, loss } = this.#weather()
    let at = Math.max(this.#lastAt, this.#notBefore, Date.now() + delayMs)
    if (content.is === 'bytes') {
      const segments = Math.ceil(content.bytes.length / SEGMENT_BYTES)
      if (loss > 0 && Math.random() > (1 - loss) ** segments) at += Math.max(RESEND_MS, 2 * delayMs)
      this.#wayBytes += content.bytes.length
      if (this.#wayBytes >= MAX_BYTES) this.#from.pause()
    }
    this.#lastAt = at
    this.#way.push({ ...content, at })
    this.#deliver()
  }

  #deliver(): void {
    if (this.#silent || this.#to === undefined) return
    const now = Date.now()
    let count = 0
    for (; count < this.#way.length && !this.#blocked; count++) {
      const parcel = this.#way[count]!
      if (parcel.at > now) break
      this.#arrive(parcel, this.#to)
    }
    this.#way.splice(0, count)
    this.#listen()
    const next = this.#way[0]
    if (next === undefined || this.#blocked || this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#deliver()
    }, next.at - now)
  }

  #arrive(parcel: Parcel, to: Socket): void {
    if (parcel.is === 'bytes') {
      this.#wayBytes -= parcel.bytes.length
      this.#blocked = !to.write(parcel.bytes)
    } else if (parcel.is === 'end') to.end()
    else to.resetAndDestroy()
  }

  #listen(): void {
    if (!this.#silent && this.#wayBytes < MAX_BYTES) this.#from.resume()
  }
}
