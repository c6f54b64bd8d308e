/** What the drill needs of a device with a kept session, whichever client library it is built on. */

/** `sdk`: the device SDK; `plain`: MQTT.js with a list of servers. */
export type Kind = 'sdk' | 'plain'

/** How a device reaches a region from where it is. */
export interface Endpoint {
  readonly region: string
  /** `mqtt://HOST:PORT`. */
  readonly url: string
}

export interface Outgoing {
  readonly topic: string
  readonly payload: string
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
}

export interface MemberOptions {
  readonly name: string
  /** The region it is in. */
  readonly home: string
  /** Its own region's first. */
  readonly endpoints: readonly Endpoint[]
  readonly subscribe: { readonly filter: string; readonly qos: 1 | 2 }
  readonly random: () => number
}

export interface Member {
  readonly name: string
  readonly kind: Kind
  readonly home: string
  /** Where it is connected, and under which number. */
  readonly line: { readonly connection: number; readonly edge: string } | undefined
  /** Connected, and subscribed. */
  readonly isUp: boolean
  readonly unacknowledged: number
  /** Its will, or undefined if it has none. */
  readonly will: string | undefined
  start(): Promise<void>
  /** False if it is not taken: too much is unacknowledged, or QoS 0 without a connection. */
  publish(message: Outgoing): boolean
  /** Goes back to its own region, if it does not do so by itself. */
  goHome(): void
  end(): Promise<void>
}

/** Messages without acknowledgement at once. */
export const WINDOW = 20
/** Longer than a drill. */
export const SESSION_EXPIRY_SEC = 7_200

/** Longer than anybody is away. */
export const WILL_DELAY_SEC = 600

let connections = 1_000_000
export const nextConnection = (): number => ++connections

export const willOf = (name: string): { topic: string; payload: string; qos: 2; retain: false } => ({
  topic: `wills/${name}`,
  payload: `the will of ${name}`,
  qos: 2,
  retain: false,
})
