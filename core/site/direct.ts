/** Messages for one client [`$p2p`] that does not live here: asks the directory where it lives, and hands them to that site in their order. Routes nothing itself. */
import type { ClientKey } from '../contract/ids.ts'
import type { Message } from '../contract/message.ts'
import type { Turn } from '../link/turn.ts'
import type { Envelope } from '../log/watermark.ts'
import type { CoreStats } from '../stats.ts'
import type { Directory, SiteName } from './port.ts'

export interface DirectOptions {
  readonly directory: Pick<Directory, 'find'>
  readonly turn: Pick<Turn, 'call' | 'close' | 'urge' | 'press'>
  readonly stats: Pick<CoreStats, 'nowDirectWaiting'>
  readonly now: () => number
  /** It is there, and goes to this site; '' for our own, where it may have come meanwhile. */
  readonly hand: (site: SiteName, message: Message, envelope: Envelope | undefined) => unknown
  readonly site: SiteName
  /** Messages that may wait: beyond it those of QoS 0 are dropped, and edges read no further from publishers. */
  readonly bound: number
}

interface Waiting {
  readonly message: Message
  readonly envelope: Envelope | undefined
}

/** An answer is good for so long. */
const KNOWN_MS = 2_000
const AGAIN_MS = 1_000

export class Direct {
  readonly #o: DirectOptions
  readonly #waiting = new Map<ClientKey, Waiting[]>()
  readonly #known = new Map<ClientKey, { readonly site: SiteName; readonly until: number }>()
  /** The directory did not answer for these. */
  #again: ClientKey[] = []
  #againAt = 0
  #size = 0

  constructor(options: DirectOptions) {
    this.#o = options
  }

  /** Messages that wait. */
  get size(): number {
    return this.#size
  }

  /** `envelope` holds it until it is handed over. */
  send(message: Message, envelope: Envelope | undefined): true {
    const { turn, now, bound } = this.#o
    const { target } = message
    const waiting = this.#waiting.get(target)
    if (waiting === undefined) {
      const known = this.#known.get(target)
      if (known !== undefined && known.until > now()) {
        this.#hand(known.site, message, envelope)
        return true
      }
    }
    if (message.qos === 0 && this.#size >= bound) return true
    this.#count(1)
    if (envelope !== undefined) envelope.open++
    if (message.qos === 0) message.compact()
    const one = { message, envelope }
    if (waiting !== undefined) waiting.push(one)
    else {
      this.#waiting.set(target, [one])
      turn.call(() => this.#ask(target))
    }
    return true
  }

  /** About once a second. */
  tick(now: number): void {
    for (const [client, { until }] of this.#known) if (until <= now) this.#known.delete(client)
    if (this.#again.length === 0 || now < this.#againAt) return
    this.#againAt = now + AGAIN_MS
    for (const client of this.#again.splice(0)) this.#ask(client)
  }

  #ask(client: ClientKey): void {
    const { directory, turn, now, bound } = this.#o
    directory.find(client, site =>
      turn.call(() => {
        if (site === undefined) return void this.#again.push(client)
        // Nobody yet: that may change at any moment.
        if (site !== '' && this.#known.size < bound) this.#known.set(client, { site, until: now() + KNOWN_MS })
        const waiting = this.#waiting.get(client) ?? []
        this.#waiting.delete(client)
        this.#count(-waiting.length)
        for (const { message, envelope } of waiting) {
          this.#hand(site, message, envelope)
          turn.close(envelope)
        }
        turn.urge()
      }),
    )
  }

  #count(by: number): void {
    const { turn, stats, bound } = this.#o
    this.#size += by
    stats.nowDirectWaiting = this.#size
    if (this.#size >= bound) turn.press(this, true)
    else if (by < 0 && this.#size <= bound / 2) turn.press(this, false)
  }

  #hand(site: SiteName, message: Message, envelope: Envelope | undefined): void {
    // '' is nobody: it lives nowhere.
    if (site !== '') this.#o.hand(site === this.#o.site ? '' : site, message, envelope)
  }
}
