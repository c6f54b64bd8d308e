/** Messages for one client [`$p2p`] that does not live here: asks the directory where it lives, and hands them to that site in their order. Routes nothing itself. */
import type { ClientKey } from '../contract/ids.ts'
import type { Message } from '../contract/message.ts'
import type { Turn } from '../link/turn.ts'
import type { Envelope } from '../log/watermark.ts'
import type { Directory, SiteName } from './port.ts'

export interface DirectOptions {
  readonly directory: Pick<Directory, 'find'>
  readonly turn: Turn
  readonly now: () => number
  /** It is there, and goes to this site; '' for our own, where it may have come meanwhile. */
  readonly hand: (site: SiteName, message: Message, envelope: Envelope | undefined) => unknown
  readonly site: SiteName
  /** Clients asked about at once; what comes for others is dropped if it has QoS 0, and else asked for later. */
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

  constructor(options: DirectOptions) {
    this.#o = options
  }

  /** Clients that are asked about. */
  get size(): number {
    return this.#waiting.size
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
    if (message.qos === 0 && waiting === undefined && this.#waiting.size >= bound) return true
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
        if (this.#known.size < bound) this.#known.set(client, { site, until: now() + KNOWN_MS })
        const waiting = this.#waiting.get(client) ?? []
        this.#waiting.delete(client)
        for (const { message, envelope } of waiting) {
          this.#hand(site, message, envelope)
          turn.close(envelope)
        }
        turn.urge()
      }),
    )
  }

  #hand(site: SiteName, message: Message, envelope: Envelope | undefined): void {
    // '' is nobody: it lives nowhere.
    if (site !== '') this.#o.hand(site === this.#o.site ? '' : site, message, envelope)
  }
}
