/** One life of a core with a bridge and one device, on a data directory; and ordinary RocketMQ clients. Owns no expectations. */
import type { BridgeConfig, InRule, OutRule } from '../../../core/bridge/config.ts'
import { type BridgeEvent, BridgeStats } from '../../../core/bridge/stats.ts'
import type { ClientKey, Incarnation, TopicFilter, TopicName } from '../../../core/contract/ids.ts'
import { DEFAULT_LIMITS, type Limits } from '../../../core/contract/limits.ts'
import type { CoreLink, EdgePort } from '../../../core/contract/link.ts'
import { Message, type MessageInit } from '../../../core/contract/message.ts'
import { Core } from '../../../core/core.ts'
import { EmbeddedInboxes } from '../../../core/inbox/embedded/inboxes.node.ts'
import { EmbeddedLog } from '../../../core/log/embedded/log.node.ts'
import { type Bridge, openBridge } from '../../../core/log/rocketmq/bridge.node.ts'
import { EmbeddedState } from '../../../core/state/embedded/state.node.ts'
import { EmbeddedStore } from '../../../core/state/embedded/store.node.ts'
import { CoreStats } from '../../../core/stats.ts'

export const outRule = (rule: Partial<OutRule> & Pick<OutRule, 'filter' | 'topic'>): OutRule => ({
  tenant: '',
  fifo: 'off',
  attempts: 20,
  userPrefix: 'user_',
  ...rule,
})

export const inRule = (rule: Partial<InRule> & Pick<InRule, 'topic' | 'group' | 'to'>): InRule => ({
  tags: '*',
  tenant: '',
  qos: 1,
  retain: false,
  expirySec: 0,
  userPrefix: 'user_',
  ...rule,
})

let lives = 0

export class Life {
  readonly stats = new BridgeStats()
  readonly coreStats = new CoreStats()
  readonly events: BridgeEvent[] = []
  /** What the device got: it subscribes to everything that comes from RocketMQ, `in/#`. */
  readonly got: Message[] = []
  readonly receipts: string[] = []
  readonly #core: Core
  readonly #incarnation = `life${++lives}-${process.pid}-${Date.now()}` as Incarnation
  readonly #timer: ReturnType<typeof setInterval>
  #bridge: Bridge | undefined
  #link: CoreLink | undefined
  #seq = 0

  static async start(dir: string, endpoint: string, config: BridgeConfig, limits: Partial<Limits> = {}): Promise<Life> {
    const life = new Life(dir, limits)
    await life.#open(endpoint, config, { ...DEFAULT_LIMITS, ...limits })
    return life
  }

  private constructor(dir: string, limits: Partial<Limits>) {
    const store = new EmbeddedStore({ dir, synchronous: 'normal' })
    this.#core = new Core({
      log: new EmbeddedLog(store),
      state: new EmbeddedState(store),
      inboxes: new EmbeddedInboxes(store),
      limits: { ...DEFAULT_LIMITS, ...limits },
      incarnation: this.#incarnation,
      now: Date.now,
      defer: fn => setImmediate(fn),
      stats: this.coreStats,
    })
    this.#timer = setInterval(() => this.#core.tick(Date.now()), 250)
  }

  get congested(): boolean {
    return this.#core.congested
  }

  get trouble(): string | undefined {
    return this.#bridge?.trouble()
  }

  /** The device `client` publishes. */
  publish(topic: string, payload: string | Uint8Array, more: Partial<MessageInit> = {}, client = 'd1'): void {
    this.#link!.publish(
      new Message(this.#incarnation, ++this.#seq, {
        tenant: '' as MessageInit['tenant'],
        topic: topic as TopicName,
        qos: 1,
        payload: typeof payload === 'string' ? new TextEncoder().encode(payload) : payload,
        sender: `:${client}` as ClientKey,
        ...more,
      }),
    )
  }

  async stop(ms = 2_000): Promise<void> {
    await this.#bridge?.close(ms)
    clearInterval(this.#timer)
    await new Promise<void>(done => this.#core.close(done))
  }

  async #open(endpoint: string, config: BridgeConfig, limits: Limits): Promise<void> {
    const rocketmq = { endpoint, log: { warn: () => {} } }
    const { stats } = this
    try {
      this.#bridge = await openBridge({
        config,
        rocketmq,
        host: this.#core,
        limits,
        stats,
        events: event => this.events.push(event),
        now: Date.now,
      })
    } catch (error) {
      await this.stop()
      throw error
    }
    if (this.#bridge.tap !== undefined) this.#core.tap(this.#bridge.tap)
    await this.#core.open()
    const port: EdgePort = {
      receipt: message => this.receipts.push(message.topic),
      deliver: message => {
        this.got.push(message)
        return false
      },
      kick: () => {},
      congested: () => {},
    }
    this.#link = this.#core.attach(port, this.#incarnation)
    await this.#subscribe(this.#link, 'listener', 'in/#')
    await this.#bridge.start()
  }

  #subscribe(link: CoreLink, id: string, filter: string): Promise<void> {
    const client = `:${id}` as ClientKey
    return new Promise(done => {
      link.claim({ client, cleanStart: true, expirySec: 0, will: undefined }, reply => {
        if (!reply.ok) throw new Error(reply.detail)
        const subscription = {
          filter: filter as TopicFilter,
          qos: 1,
          noLocal: false,
          retainAsPublished: false,
          retainHandling: 0,
          id: 0,
        } as const
        link.subscribe(client, reply.epoch, [subscription], done)
      })
    })
  }
}

export const textOf = (m: { readonly payload: Uint8Array }): string => new TextDecoder().decode(m.payload)
