/** Clients of one connection: those that leave a will, and readers of retained messages. */
import { sleep, until } from '../../harness/process.ts'
import type { Record } from '../../history/recorder.ts'
import type { Place } from './rig.ts'
import { type Packet, Wire } from './wire.ts'

const READ_TRIES = 10
/** Nothing came for so long: that is all. Retained messages may come from another region, on a busy machine. */
const READ_QUIET_MS = 1_500
const READ_AGAIN_MS = 1_000
const ANSWER_MS = 8_000

/** A client with a will of QoS 2; its CONNACK may never come. */
export class Mortal {
  readonly name: string
  readonly place: Place
  readonly #record: Record
  #wire: Wire | undefined
  #accepted = false
  #gone = false

  constructor(name: string, place: Place, record: Record) {
    this.name = name
    this.place = place
    this.#record = record
  }

  get isUp(): boolean {
    return this.#accepted && !this.#gone
  }

  /** Resolves when it was accepted or never will be. */
  async live(connection: number): Promise<void> {
    const packet = ({ cmd, reasonCode }: Packet): void => {
      if (cmd !== 'connack' || Number(reasonCode ?? 0) !== 0) return
      this.#accepted = true
      this.#record({ is: 'connack', client: this.name, connection, edge: this.place.name })
    }
    const closed = (): void => {
      this.#gone = true
      this.#record({ is: 'closed', client: this.name, connection, by: 'server' })
    }
    try {
      this.#wire = await Wire.open(this.place, 5, { packet, closed })
    } catch {
      return
    }
    const will = { topic: `wills/${this.name}`, payload: `the will of ${this.name}`, qos: 2, retain: false }
    this.#record({ is: 'will', client: this.name, payload: will.payload })
    this.#wire.send({ cmd: 'connect', protocolVersion: 5, clientId: this.name, clean: true, keepalive: 0, will })
    await until('its CONNACK', ANSWER_MS, () => (this.#accepted || this.#gone ? true : undefined)).catch(() => {})
  }

  /** Ends the connection without DISCONNECT. */
  die(): void {
    this.#wire?.drop()
  }

  /** DISCONNECT; `sure` if the edge certainly gets it. Resolves when the server has closed. */
  async leave(sure: boolean): Promise<void> {
    if (this.#gone || this.#wire === undefined) return
    this.#record({ is: 'farewell', client: this.name, sure })
    this.#wire.send({ cmd: 'disconnect', reasonCode: 0 })
    await until('it to be closed', ANSWER_MS, () => (this.#gone ? true : undefined)).catch(() => this.die())
  }
}

/** Retained messages under a filter, as a new client of this edge gets them: topic → payload. One that is refused comes again. */
export async function retainedAt(place: Place, filter: string, client: string): Promise<Map<string, string>> {
  for (let tries = 1; ; tries++) {
    const found = await readRetained(place, filter, client)
    if (found !== undefined) return found
    if (tries === READ_TRIES) throw new Error(`Client '${client}' was refused ${tries} times at ${place.name}`)
    await sleep(READ_AGAIN_MS)
  }
}

/** Undefined if the client was refused. */
async function readRetained(place: Place, filter: string, client: string): Promise<Map<string, string> | undefined> {
  const found = new Map<string, string>()
  const state = { subscribed: false, closed: false }
  const packet = (one: Packet): void => {
    if (one.cmd === 'connack') {
      const subscriptions = [{ topic: filter, qos: 0, nl: false, rap: false, rh: 0 }]
      wire.send({ cmd: 'subscribe', messageId: 1, subscriptions })
    } else if (one.cmd === 'suback') state.subscribed = true
    else if (one.cmd === 'publish') found.set(String(one.topic), String(one.payload))
  }
  const closed = (): void => {
    state.closed = true
  }
  const wire = await Wire.open(place, 5, { packet, closed })
  wire.send({ cmd: 'connect', protocolVersion: 5, clientId: client, clean: true, keepalive: 0 })
  await until(`a SUBACK at ${place.name}`, ANSWER_MS, () => (state.subscribed || state.closed ? true : undefined))
  if (!state.subscribed) return undefined
  for (let before = -1; found.size !== before; ) {
    before = found.size
    await sleep(READ_QUIET_MS)
  }
  wire.drop()
  return found
}
