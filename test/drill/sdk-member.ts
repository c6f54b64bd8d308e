/** A member on the device SDK: writes down what the SDK says, and decides nothing itself. */
import { connect, type Device } from '../../device/main.node.ts'
import type { Record } from '../history/recorder.ts'
import {
  type Member,
  type MemberOptions,
  nextConnection,
  type Outgoing,
  SESSION_EXPIRY_SEC,
  WILL_DELAY_SEC,
  WINDOW,
  willOf,
} from './member.ts'

/** Shorter than by default: between rounds devices go home. Who avoids a silent region for less than a failover takes would dial it again meanwhile. */
const REVIEW_MS = 2_000
const AVOID_MS = 8_000

export class SdkMember implements Member {
  readonly kind = 'sdk'
  readonly name: string
  readonly home: string
  readonly will: string
  readonly #options: MemberOptions
  readonly #record: Record
  #device: Device | undefined
  #line: Member['line']
  #known = false
  #subscribed = false
  #ending = false
  unacknowledged = 0

  constructor(options: MemberOptions, record: Record) {
    this.name = options.name
    this.home = options.home
    this.will = willOf(options.name).payload
    this.#options = options
    this.#record = record
  }

  get line(): Member['line'] {
    return this.#line
  }

  get isUp(): boolean {
    return this.#line !== undefined && this.#subscribed
  }

  async start(): Promise<void> {
    const { name, home, endpoints, subscribe, random } = this.#options
    const will = { ...willOf(name), payload: Buffer.from(this.will), properties: { willDelayInterval: WILL_DELAY_SEC } }
    const device = await connect({
      clientId: name,
      endpoints,
      // A relay of these regions accepts at once what is far away, so that only CONNACK shows the distance.
      preferRegion: home,
      will,
      properties: { sessionExpiryInterval: SESSION_EXPIRY_SEC },
      limits: { reviewMs: REVIEW_MS, avoidMs: AVOID_MS },
      random,
    })
    this.#device = device
    device.on('online', ({ region, sessionPresent }) => this.#online(region, sessionPresent))
    device.on('offline', () => this.#offline())
    device.on('message', ({ topic, qos, dup, text }) => {
      const connection = this.#line?.connection ?? 0
      const payload = text()
      this.#record({ is: 'received', client: name, connection, topic, payload, qos, dup, packetId: 0, taken: true })
    })
    device.on('warning', ({ code, message }) => {
      if (code === 'session-taken-over' || code === 'subscription-failed') this.#wrong(message)
    })
    device.subscribe(subscribe.filter, { qos: subscribe.qos }).then(
      () => (this.#subscribed = true),
      (error: unknown) => this.#wrong(`its subscription was refused: ${String(error)}`),
    )
  }

  publish({ topic, payload, qos, retain }: Outgoing): boolean {
    const device = this.#device
    if (device === undefined || this.unacknowledged >= WINDOW || (qos === 0 && this.#line === undefined)) return false
    this.unacknowledged++
    this.#record({ is: 'sent', client: this.name, topic, payload, qos, retain, dup: false })
    device
      .publish(topic, payload, { qos, retain })
      .then(
        () => {
          if (qos > 0) this.#record({ is: 'acknowledged', client: this.name, payload })
        },
        (error: unknown) => {
          if (qos > 0 && !this.#ending) this.#wrong(`publish of ${payload} failed: ${String(error)}`)
        },
      )
      .finally(() => this.unacknowledged--)
    return true
  }

  /** It looks for a better region by itself. */
  goHome(): void {}

  async end(): Promise<void> {
    this.#ending = true
    await this.#device?.close()
  }

  #online(edge: string, present: boolean): void {
    const connection = nextConnection()
    this.#line = { connection, edge }
    this.#record({ is: 'connack', client: this.name, connection, edge })
    if (this.#known && !present) this.#wrong(`its session was lost at ${edge}`)
    this.#known = true
  }

  #offline(): void {
    if (this.#line === undefined) return
    const { connection } = this.#line
    this.#line = undefined
    this.#record({ is: 'closed', client: this.name, connection, by: this.#ending ? 'client' : 'server' })
  }

  #wrong(what: string): void {
    this.#record({ is: 'wrong', client: this.name, what })
  }
}
