/** Who takes part: publishers, kept sessions that are always there or come and go, a shared group, a watcher of wills, one that keeps retained messages. */

import { payloadOf, type Subscription } from '../../history/history.ts'
import type { Record } from '../../history/recorder.ts'
import { seeded } from '../random.ts'
import { Device } from './device.ts'
import type { Place } from './rig.ts'
import type { Version } from './wire.ts'

/** Sends numbered messages on two topics of its own. */
export interface Publisher {
  readonly device: Device
  readonly qos: 1 | 2
}

interface Member {
  readonly device: Device
  readonly subscription: Subscription
}

const PUBLISHERS = 6
const KEPT_TOPICS = 8
export const KEPT = 'kept/#'
const SUBSCRIBERS: readonly (readonly [name: string, version: Version, filter: string, qos: 1 | 2])[] = [
  ['all2', 5, 'load/#', 2],
  ['all1', 4, 'load/#', 1],
  ['zero2', 4, 'load/+/0', 2],
  ['bouncer', 5, 'load/p1/#', 2],
]
const VISITORS: typeof SUBSCRIBERS = [
  ['visitor2', 5, 'load/#', 2],
  ['visitor1', 4, 'load/+/1', 1],
]
const GROUP: typeof SUBSCRIBERS = [
  ['member1', 5, 'load/#', 2],
  ['member2', 5, 'load/#', 1],
  ['member3', 4, 'load/#', 2],
]

export class Crowd {
  readonly publishers: readonly Publisher[]
  readonly keeper: Device
  readonly watcher: Device
  readonly bouncer: Device
  readonly visitors: readonly Device[]
  readonly subscriptions: readonly Subscription[]
  /** All of the above. */
  readonly devices: readonly Device[]
  readonly #random: () => number
  readonly #sent = new Map<string, number>()

  constructor(seed: number, places: readonly Place[], record: Record) {
    let next = seed
    const device = (name: string, version: Version, subscribe?: { filter: string; qos: 1 | 2 }): Device =>
      new Device({ name, version, places, record, random: seeded(next++), ...(subscribe && { subscribe }) })
    const member = (group?: string) => {
      return ([client, version, filter, qos]: (typeof SUBSCRIBERS)[number]): Member => ({
        device: device(client, version, { filter: group === undefined ? filter : `$share/${group}/${filter}`, qos }),
        subscription: { client, filter, qos, ...(group !== undefined && { group }) },
      })
    }
    this.publishers = Array.from({ length: PUBLISHERS }, (_, i) => ({
      device: device(`p${i}`, i % 3 === 0 ? 4 : 5),
      qos: i % 2 === 0 ? 1 : 2,
    }))
    const [present, visitors, group] = [SUBSCRIBERS.map(member()), VISITORS.map(member()), GROUP.map(member('team'))]
    this.keeper = device('keeper', 5)
    this.watcher = device('watcher', 5, { filter: 'wills/#', qos: 2 })
    this.visitors = visitors.map(one => one.device)
    const members = [...present, ...visitors, ...group]
    this.subscriptions = members.map(one => one.subscription)
    this.bouncer = members.find(one => one.device.name === 'bouncer')!.device
    const sources = this.publishers.map(one => one.device)
    this.devices = [...sources, this.keeper, this.watcher, ...members.map(one => one.device)]
    this.#random = seeded(next)
  }

  get unacknowledged(): number {
    return this.devices.reduce((sum, one) => sum + one.unacknowledged, 0)
  }

  /** Some devices drop their connection and come back at a random place: otherwise all gather where nothing was killed. */
  async roam(): Promise<void> {
    const going = this.devices.filter(device => device.line !== undefined && this.#random() < 0.4)
    await Promise.all(going.map(device => device.leave()))
    for (const device of going) device.stay()
  }

  /** One message of every publisher, and now and then a retained one. */
  publish(round: number): void {
    for (const { device, qos } of this.publishers) {
      const number = (this.#sent.get(device.name) ?? 0) + 1
      const topic = `load/${device.name}/${Math.floor(this.#random() * 2)}`
      const sent = device.publish({ topic, payload: payloadOf(round, device.name, number), qos, retain: false })
      if (sent) this.#sent.set(device.name, number)
    }
    if (this.#random() > 0.3) return
    const topic = `kept/${Math.floor(this.#random() * KEPT_TOPICS)}`
    const payload = this.#random() < 0.2 ? '' : `value ${Math.floor(this.#random() * 1e9)}`
    this.keeper.publish({ topic, payload, qos: 1, retain: true })
  }
}
