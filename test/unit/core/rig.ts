/** A core with one or more scripted edges, a clock and a turn that the test drives. Owns no expectations. */
import {
  type ClientKey,
  DEFAULT_TENANT,
  type Incarnation,
  type TopicFilter,
  type TopicName,
} from '../../../core/contract/ids.ts'
import { DEFAULT_LIMITS, type Limits } from '../../../core/contract/limits.ts'
import type {
  ClaimReply,
  ClaimRequest,
  CoreLink,
  EdgePort,
  InboxPage,
  Release,
  RetainedPage,
} from '../../../core/contract/link.ts'
import { Message, type MessageInit } from '../../../core/contract/message.ts'
import type { Outbound, Subscription, Will } from '../../../core/contract/session.ts'
import { Core, type CoreOptions } from '../../../core/core.ts'
import { MemoryInboxes } from '../../../core/inbox/memory.ts'
import type { InboxStore } from '../../../core/inbox/port.ts'
import { MemoryLog } from '../../../core/log/memory.ts'
import type { Log } from '../../../core/log/port.ts'
import { MemoryState } from '../../../core/state/memory.ts'
import type { State } from '../../../core/state/port.ts'
import { type CoreEvent, CoreStats } from '../../../core/stats.ts'

export const NOTHING: Outbound = { inflight: [], queue: [] }
export const key = (id: string): ClientKey => `:${id}` as ClientKey
export const text = (m: Message | undefined): string => new TextDecoder().decode(m?.payload)

export const sub = (filter: string, more: Partial<Subscription> = {}): Subscription => ({
  filter: filter as TopicFilter,
  qos: 1,
  noLocal: false,
  retainAsPublished: false,
  retainHandling: 0,
  id: 0,
  ...more,
})

export const will = (topic: string, more: Partial<Will> = {}): Will => ({
  topic: topic as TopicName,
  payload: new TextEncoder().encode('gone'),
  qos: 1,
  retain: false,
  props: new Uint8Array(0),
  delaySec: 0,
  expirySec: undefined,
  ...more,
})

export interface RigOptions extends Partial<Pick<CoreOptions, 'dropPolicy' | 'queueQos0'>> {
  readonly log?: Log
  readonly state?: State
  readonly inboxes?: InboxStore
  readonly limits?: Partial<Limits>
  readonly now?: number
}

let lives = 0

/** One life of a core. */
export class Rig {
  readonly core: Core
  readonly stats = new CoreStats()
  readonly events: CoreEvent[] = []
  now: number
  #due: (() => void)[] = []

  constructor(options: RigOptions = {}) {
    const { log = new MemoryLog(), state = new MemoryState(), inboxes = new MemoryInboxes() } = options
    const { limits = {}, now = 1_700_000_000_000, ...rest } = options
    this.now = now
    this.core = new Core({
      ...rest,
      log,
      state,
      inboxes,
      limits: { ...DEFAULT_LIMITS, ...limits },
      incarnation: `life${++lives}` as Incarnation,
      now: () => this.now,
      defer: fn => this.#due.push(fn),
      stats: this.stats,
      events: e => this.events.push(e),
    })
    this.core.open()
  }

  edge(): FakeEdge {
    return new FakeEdge(this)
  }

  /** Ends the turn, and those that follow from it. */
  settle(): void {
    while (this.#due.length > 0) this.#due.shift()!()
  }

  pass(ms: number): void {
    this.now += ms
    this.core.tick(this.now)
    this.settle()
  }
}

/** An edge that notes what it is told, and answers a kick by giving the session up. */
export class FakeEdge implements EdgePort {
  readonly rig: Rig
  readonly link: CoreLink
  readonly got: Message[] = []
  readonly groups: (readonly TopicFilter[] | undefined)[] = []
  readonly receipts: [string, boolean][] = []
  readonly kicked: [ClientKey, number, number][] = []
  readonly congestion: boolean[] = []
  /** What `deliver` answers. */
  holds = false
  /** What a kick hands over; undefined: it does not answer. */
  onKick: ((client: ClientKey) => Release) | undefined = () => ({ will: true, expirySec: 3600, outbound: NOTHING })
  readonly #incarnation: Incarnation
  #seq = 0

  constructor(rig: Rig) {
    this.rig = rig
    this.#incarnation = `edge${++lives}` as Incarnation
    this.link = rig.core.attach(this, this.#incarnation)
  }

  receipt(message: Message, matched: boolean): void {
    this.receipts.push([text(message), matched])
  }

  deliver(message: Message, groups: readonly TopicFilter[] | undefined, _only: boolean): boolean {
    this.got.push(message)
    this.groups.push(groups)
    return this.holds
  }

  kick(client: ClientKey, epoch: number, reason: number): void {
    this.kicked.push([client, epoch, reason])
    if (this.onKick !== undefined) this.link.release(client, epoch, this.onKick(client))
  }

  congested(on: boolean): void {
    this.congestion.push(on)
  }

  get texts(): string[] {
    return this.got.map(text)
  }

  claim(id: string, request: Partial<ClaimRequest> = {}): ClaimReply | undefined {
    let reply: ClaimReply | undefined
    this.link.claim({ client: key(id), cleanStart: false, expirySec: 3600, will: undefined, ...request }, r => {
      reply = r
    })
    this.rig.settle()
    return reply
  }

  /** A claim that must succeed. */
  connect(id: string, request: Partial<ClaimRequest> = {}): Extract<ClaimReply, { ok: true }> {
    const reply = this.claim(id, request)
    if (reply?.ok !== true) throw new Error(`Claim of '${id}' was not granted: ${JSON.stringify(reply)}`)
    return reply
  }

  subscribe(id: string, epoch: number, ...subscriptions: Subscription[]): void {
    this.link.subscribe(key(id), epoch, subscriptions, () => {})
    this.rig.settle()
  }

  /** Does not end the turn. */
  publish(topic: string, payload: string, more: Partial<MessageInit> = {}): Message {
    const init = {
      tenant: DEFAULT_TENANT,
      topic: topic as TopicName,
      qos: 1 as const,
      payload: new TextEncoder().encode(payload),
      ...more,
    }
    const message = new Message(this.#incarnation, ++this.#seq, init)
    this.link.publish(message)
    return message
  }

  release(id: string, epoch: number, more: Partial<Release> = {}): void {
    this.link.release(key(id), epoch, { will: false, expirySec: 3600, outbound: NOTHING, ...more })
    this.rig.settle()
  }

  drain(id: string, epoch: number, limit = 100): InboxPage | undefined {
    let page: InboxPage | undefined
    this.link.drain(key(id), epoch, limit, p => {
      page = p
    })
    this.rig.settle()
    return page
  }

  retained(filter: string, limit = 100): RetainedPage {
    let page: RetainedPage | undefined
    this.link.retained(DEFAULT_TENANT, filter as TopicFilter, undefined, limit, p => {
      page = p
    })
    this.rig.settle()
    return page!
  }
}
