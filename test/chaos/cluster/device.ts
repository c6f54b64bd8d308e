/** One client id with a kept session that stays connected, to a random edge each time, with jittered back-off. Reports all it sees. */
import { sleep } from '../../harness/process.ts'
import type { Record } from '../../history/recorder.ts'
import type { Place } from './rig.ts'
import { ClientSession } from './session.ts'
import { type Packet, type Version, Wire } from './wire.ts'

export interface DeviceOptions {
  readonly name: string
  readonly version: Version
  readonly places: readonly Place[]
  readonly random: () => number
  readonly record: Record
  /** Subscribed once, ever. */
  readonly subscribe?: { readonly filter: string; readonly qos: 1 | 2 }
  /** An older connection is dead to the device, although it is open: nothing that comes on it is read. */
  readonly forgetsOlder?: boolean
}

/** One connection that had its CONNACK. */
interface Line {
  readonly number: number
  readonly place: Place
  readonly wire: Wire
  /** Resolves when it has ended, or is not the current one any more. */
  readonly over: Promise<void>
  readonly replaced: () => void
}

const CONNACK_MS = 8_000
const FIRST_BACKOFF_MS = 50
const MOST_BACKOFF_MS = 1_000
/** Server unavailable, server busy, use another server, server moved, connection rate exceeded; 3 in MQTT 3.1.1. */
const COME_AGAIN: ReadonlySet<number> = new Set([3, 0x88, 0x89, 0x9c, 0x9d, 0x9f])

let connections = 0

export class Device {
  readonly name: string
  readonly #options: DeviceOptions
  readonly #session: ClientSession
  #current: Line | undefined
  /** Older connections that the server has not closed yet. */
  readonly #older = new Set<Line>()
  #wanted = false
  #known = false
  #subscribed = false
  #keeping: Promise<void> = Promise.resolve()
  #opening: Promise<unknown> = Promise.resolve()

  constructor(options: DeviceOptions) {
    this.name = options.name
    this.#options = options
    this.#session = new ClientSession(options.name, options.record)
  }

  get unacknowledged(): number {
    return this.#session.unacknowledged
  }

  /** Connected, and subscribed if it is to be. */
  get isUp(): boolean {
    return this.#current !== undefined && (this.#subscribed || this.#options.subscribe === undefined)
  }

  /** Where it is connected, and under which number. */
  get line(): { readonly connection: number; readonly edge: string } | undefined {
    return this.#current === undefined
      ? undefined
      : { connection: this.#current.number, edge: this.#current.place.name }
  }

  /** Connects, and again whenever the connection ends, until `leave` or `pause`. */
  stay(): void {
    if (this.#wanted) return
    this.#wanted = true
    this.#keeping = this.#keeping.then(() => this.#keep())
  }

  /** Ends the connections without DISCONNECT and stays away. */
  async leave(): Promise<void> {
    await this.pause()
    for (const line of [this.#current, ...this.#older]) line?.wire.drop()
    await this.#current?.over
  }

  /** Leaves the connection as it is, but does not come again when it ends. */
  async pause(): Promise<void> {
    this.#wanted = false
    if (this.#current === undefined) await this.#keeping
  }

  publish(message: { topic: string; payload: string; qos: 1 | 2; retain: boolean }): boolean {
    if (this.#current === undefined || !this.#session.hasRoom) return false
    this.#session.publish(this.#current.wire, message)
    return true
  }

  /** One more connection; an older one is left to the server to close. False if there is none now. */
  attach(place: Place): Promise<boolean> {
    return this.#inTurn(async () => {
      const line = await this.#open(place)
      if (line === undefined) return false
      const older = this.#current
      this.#current = line
      if (older !== undefined) this.#older.add(older)
      older?.replaced()
      return true
    })
  }

  /** No connection is opened before the one that was begun has its CONNACK: who opens two at once cannot tell which of them holds. */
  #inTurn<T>(open: () => Promise<T>): Promise<T> {
    const opening = this.#opening.then(open)
    this.#opening = opening.catch(() => {})
    return opening
  }

  async #keep(): Promise<void> {
    const { random, places } = this.#options
    for (let attempt = 0; this.#wanted; ) {
      if (this.#current !== undefined) {
        attempt = 0
        await this.#current.over
        continue
      }
      const most = Math.min(MOST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** attempt++)
      await sleep(most * (0.5 + random() / 2))
      await this.#opening
      if (!this.#wanted || this.#current !== undefined) continue
      await this.attach(places[Math.floor(random() * places.length)]!)
    }
  }

  /** Resolves with the connection once its CONNACK is there and what is unacknowledged was sent again. */
  async #open(place: Place): Promise<Line | undefined> {
    const number = ++connections
    let [ended, answer]: [() => void, (packet: Packet | undefined) => void] = [() => {}, () => {}]
    const over = new Promise<void>(resolve => (ended = resolve))
    const answered = new Promise<Packet | undefined>(resolve => (answer = resolve))
    let line: Line | undefined
    const packet = (one: Packet): void => {
      if (line === undefined && one.cmd === 'connack') {
        const wire = opening
        if (wire !== undefined && Number(one.reasonCode ?? one.returnCode ?? 0) === 0) {
          line = { number, place, wire, over, replaced: ended }
          this.#accepted(line, one.sessionPresent === true)
        }
        answer(one)
      } else if (line !== undefined) this.#take(line, one)
    }
    const closed = (): void => {
      answer(undefined)
      if (line !== undefined) this.#ended(line)
      ended()
    }
    let opening: Wire | undefined
    try {
      opening = await Wire.open(place, this.#options.version, { packet, closed })
    } catch {
      return undefined
    }
    opening.send(this.#connectPacket())
    const late = setTimeout(() => answer(undefined), CONNACK_MS)
    const connack = await answered
    clearTimeout(late)
    if (line !== undefined) return opening.ended ? undefined : line
    opening.drop()
    const code = Number(connack?.reasonCode ?? connack?.returnCode ?? 0)
    if (connack !== undefined && !COME_AGAIN.has(code)) this.#wrong(`it was refused with ${code}`)
    return undefined
  }

  #connectPacket(): Packet {
    const { name, version } = this.#options
    const properties = version === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {}
    return { cmd: 'connect', protocolVersion: version, clientId: name, clean: false, keepalive: 0, ...properties }
  }

  #accepted(line: Line, present: boolean): void {
    const { name, record, subscribe } = this.#options
    record({ is: 'connack', client: name, connection: line.number, edge: line.place.name })
    if (this.#known && !present) this.#wrong('its session was lost')
    this.#known = true
    this.#session.resume(line.wire, present)
    if (subscribe === undefined || (this.#subscribed && present)) return
    const rules = this.#options.version === 5 ? { nl: false, rap: false, rh: 0 } : {}
    line.wire.send({
      cmd: 'subscribe',
      messageId: 65_535,
      subscriptions: [{ topic: subscribe.filter, qos: subscribe.qos, ...rules }],
    })
  }

  #take(line: Line, packet: Packet): void {
    if (this.#options.forgetsOlder && this.#older.has(line)) return
    if (this.#session.take(line.wire, line.number, packet)) return
    if (packet.cmd === 'suback') {
      const [code] = packet.granted as number[]
      if (code === this.#options.subscribe?.qos) this.#subscribed = true
      else this.#wrong(`SUBACK with ${code}`)
    } else if (packet.cmd !== 'disconnect') this.#wrong(`got ${packet.cmd}`)
  }

  /** An older connection ends because this client wanted a newer one. */
  #ended(line: Line): void {
    const ours = !this.#wanted || this.#older.delete(line)
    this.#options.record({
      is: 'closed',
      client: this.name,
      connection: line.number,
      by: ours ? 'client' : 'server',
    })
    if (this.#current === line) this.#current = undefined
  }

  #wrong(what: string): void {
    this.#options.record({ is: 'wrong', client: this.name, what })
  }
}
