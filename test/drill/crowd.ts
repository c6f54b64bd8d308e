/** Who takes part in a drill: devices of both kinds spread over the regions, each with its messages, and those that watch. */
import { Device } from '../chaos/cluster/device.ts'
import type { Place } from '../chaos/cluster/rig.ts'
import { seeded } from '../chaos/random.ts'
import { payloadOf, type Subscription } from '../history/history.ts'
import type { Record } from '../history/recorder.ts'
import type { Endpoint, Member } from './member.ts'
import { PlainMember } from './plain-member.ts'
import { SdkMember } from './sdk-member.ts'

export interface CrowdOptions {
  readonly seed: number
  readonly devices: number
  readonly plain: number
  /** One member publishes once in so many milliseconds, about. */
  readonly everyMs: number
  /** Regions as who is in each of them reaches them all, its own first. */
  readonly reach: ReadonlyMap<string, readonly Endpoint[]>
}

export const KEPT = 'kept/#'
/** Every so manyth member has a retained message, which it changes with this share of its messages, or deletes with this share of the changes. */
const RETAINING = 10
const RETAINED_SHARE = 0.2
const DELETED_SHARE = 0.15
const ROAMERS = 4
const STARTED_AT_ONCE = 20

export class Crowd {
  readonly members: readonly Member[]
  /** Get all messages, as many as there are regions. */
  readonly observers: readonly Device[]
  /** Clients that open a second connection elsewhere when told to, and leave the first one as it is. */
  readonly roamers: readonly Device[]
  /** Gets all wills. */
  readonly watcher: Device
  readonly subscriptions: readonly Subscription[]
  readonly #everyMs: number
  readonly #random: () => number
  readonly #sent = new Map<string, number>()
  readonly #nextAt = new Map<string, number>()

  constructor({ seed, devices, plain, everyMs, reach }: CrowdOptions, record: Record) {
    const regions = [...reach.keys()]
    const count = devices + plain
    const subscriptions: Subscription[] = []
    const isSdk = (i: number): boolean => Math.floor(((i + 1) * devices) / count) > Math.floor((i * devices) / count)
    const nameOf = (i: number): string => `${isSdk(i % count) ? 'sdk' : 'plain'}${i % count}`
    this.members = Array.from({ length: count }, (_, i) => {
      // Neighbours are of different kinds, and every second of them is in another region.
      const home = regions[Math.floor(i / 2) % regions.length]!
      const subscribe = { filter: `load/${nameOf(i + 1)}/+`, qos: i % 3 === 0 ? 1 : 2 } as const
      const options = {
        ...{ name: nameOf(i), home, endpoints: reach.get(home)!, subscribe, random: seeded(seed + i) },
      }
      subscriptions.push({ client: options.name, ...subscribe })
      return isSdk(i) ? new SdkMember(options, record) : new PlainMember(options, i % 4 < 2 ? 5 : 4, record)
    })
    const places = regions.map(name => placeOf(reach.get(name)![0]!))
    let next = seed + count
    const raw = (name: string, filter: string): Device => {
      const who = { name, version: 5, places, record, random: seeded(next++) } as const
      return new Device({ ...who, subscribe: { filter, qos: 2 }, forgetsOlder: true })
    }
    const reader = (client: string, filter: string): Device => {
      subscriptions.push({ client, filter, qos: 2 })
      return raw(client, filter)
    }
    this.observers = regions.map(name => reader(`observer-${name}`, 'load/#'))
    this.roamers = Array.from({ length: Math.min(ROAMERS, count) }, (_, i) =>
      reader(`roamer${i}`, `load/${nameOf(i)}/+`),
    )
    this.watcher = raw('watcher', 'wills/#')
    this.subscriptions = subscriptions
    this.#everyMs = everyMs
    this.#random = seeded(next)
  }

  /** Those that have no library to keep them connected. */
  get raw(): readonly Device[] {
    return [...this.observers, ...this.roamers, this.watcher]
  }

  get all(): readonly (Member | Device)[] {
    return [...this.members, ...this.raw]
  }

  get unacknowledged(): number {
    return this.members.reduce((sum, one) => sum + one.unacknowledged, 0)
  }

  get isUp(): boolean {
    return this.all.every(one => one.isUp)
  }

  async start(): Promise<void> {
    for (const one of this.raw) one.stay()
    for (let i = 0; i < this.members.length; i += STARTED_AT_ONCE)
      await Promise.all(this.members.slice(i, i + STARTED_AT_ONCE).map(one => one.start()))
  }

  async end(): Promise<void> {
    await Promise.all([...this.members.map(one => one.end()), ...this.raw.map(one => one.leave())])
  }

  /** Names of those that are connected there now. */
  connectedTo(regions: readonly string[]): ReadonlySet<string> {
    return new Set(this.all.flatMap(({ name, line }) => (line && regions.includes(line.edge) ? [name] : [])))
  }

  /** Lets everybody publish whose time has come. */
  publish(round: number): void {
    const now = performance.now()
    for (const member of this.members) {
      const due = this.#nextAt.get(member.name) ?? now + this.#random() * this.#everyMs
      if (due <= now) this.#publishOne(member, round, this.#drawQos())
      this.#nextAt.set(member.name, due <= now ? now + this.#everyMs * (0.5 + this.#random()) : due)
    }
  }

  /** One message of QoS 1 by each of them, now: how long it takes until it is acknowledged shows how long a fault is felt. */
  probe(round: number, names: ReadonlySet<string>): void {
    for (const member of this.members) if (names.has(member.name)) this.#publishOne(member, round, 1)
  }

  #drawQos(): 0 | 1 | 2 {
    const drawn = this.#random()
    return drawn < 0.2 ? 0 : drawn < 0.6 ? 1 : 2
  }

  #publishOne(member: Member, round: number, qos: 0 | 1 | 2): void {
    const number = (this.#sent.get(member.name) ?? 0) + 1
    const topic = `load/${member.name}/${Math.floor(this.#random() * 2)}`
    const payload = payloadOf(round, member.name, number)
    if (member.publish({ topic, payload, qos, retain: false })) this.#sent.set(member.name, number)
    if (this.members.indexOf(member) % RETAINING !== 0 || this.#random() > RETAINED_SHARE) return
    const value = this.#random() < DELETED_SHARE ? '' : `value ${Math.floor(this.#random() * 1e9)}`
    member.publish({ topic: `kept/${member.name}`, payload: value, qos: 1, retain: true })
  }
}

export function placeOf({ region, url }: Endpoint): Place {
  const { hostname, port } = new URL(url)
  return { name: region, host: hostname, port: Number(port) }
}
