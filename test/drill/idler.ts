/** A client that only holds a connection and a will, and goes where it is sent when its edge has it leave. */
import type { Place } from '../chaos/cluster/rig.ts'
import { type Packet, Wire } from '../chaos/cluster/wire.ts'
import { sleep } from '../harness/process.ts'
import type { Record } from '../history/recorder.ts'
import { nextConnection, SESSION_EXPIRY_SEC, willOf } from './member.ts'

const AGAIN_MS = 500

/** How its first edge had it leave. */
export interface Departure {
  readonly at: number
  /** Reason code of DISCONNECT, or undefined if the connection just ended. */
  readonly code: number | undefined
  readonly hasReference: boolean
}

export class Idler {
  readonly name: string
  readonly will: string
  /** Where it goes without a Server Reference. */
  readonly #elsewhere: Place
  readonly #record: Record
  readonly #random: () => number
  #wire: Wire | undefined
  #up = false
  #isOver = false
  #known = false
  departure: Departure | undefined

  constructor(name: string, elsewhere: Place, random: () => number, record: Record) {
    this.name = name
    this.will = willOf(name).payload
    this.#elsewhere = elsewhere
    this.#random = random
    this.#record = record
  }

  get isUp(): boolean {
    return this.#up
  }

  /** Connects there; later again wherever it is sent, until `end`. */
  async connect(place: Place): Promise<void> {
    const connection = nextConnection()
    let next = this.#elsewhere
    const packet = (one: Packet): void => {
      if (one.cmd === 'connack') this.#connacked(place, connection, one)
      const { serverReference } = (one.properties ?? {}) as { readonly serverReference?: string }
      if (serverReference !== undefined) next = placeFrom(serverReference, this.#elsewhere)
      if (one.cmd === 'disconnect') this.#depart(Number(one.reasonCode ?? 0), serverReference)
    }
    const closed = (): void => {
      if (this.#up) this.#depart(undefined, undefined)
      if (this.#up) this.#record({ is: 'closed', client: this.name, connection, by: 'server' })
      this.#up = false
      if (!this.#isOver) void this.#again(next)
    }
    try {
      this.#wire = await Wire.open(place, 5, { packet, closed })
    } catch {
      // `closed` says so, too.
      return
    }
    const will = willOf(this.name)
    const properties = { sessionExpiryInterval: SESSION_EXPIRY_SEC }
    const who = { protocolVersion: 5, clientId: this.name, clean: false, keepalive: 0 }
    this.#wire.send({ cmd: 'connect', ...who, properties, will })
  }

  end(): void {
    this.#isOver = true
    this.#wire?.send({ cmd: 'disconnect', reasonCode: 0 })
    setTimeout(() => this.#wire?.drop(), AGAIN_MS)
  }

  #connacked(place: Place, connection: number, { reasonCode, sessionPresent }: Packet): void {
    if (Number(reasonCode ?? 0) !== 0) return
    this.#up = true
    this.#record({ is: 'connack', client: this.name, connection, edge: place.name })
    if (this.#known && sessionPresent !== true)
      this.#record({ is: 'wrong', client: this.name, what: `its session was lost at ${place.name}` })
    this.#known = true
  }

  #depart(code: number | undefined, reference: string | undefined): void {
    this.departure ??= { at: performance.now(), code, hasReference: reference !== undefined }
  }

  async #again(next: Place): Promise<void> {
    await sleep(AGAIN_MS * this.#random())
    if (!this.#isOver) await this.connect(next)
  }
}

/** `host:port`, or URLs with spaces between [MQTT 5, 4.11]: the first one over TCP. */
function placeFrom(reference: string, otherwise: Place): Place {
  const first = reference.split(' ').find(one => !one.startsWith('ws'))
  const match = /^(?:mqtt:\/\/)?([^:/]+):(\d+)$/.exec(first ?? '')
  return match === null ? otherwise : { name: 'reference', host: match[1]!, port: Number(match[2]) }
}
