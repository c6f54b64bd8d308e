/** The bridge between MQTT topics and ordinary RocketMQ topics: checks the rules against RocketMQ, and puts outbox, sender and receivers together. */
import type { BridgeConfig, InRule } from '../../bridge/config.ts'
import { InMapping, Refusal } from '../../bridge/incoming.ts'
import { Outbox } from '../../bridge/outbox.ts'
import type { Incoming, Tap, TapHost } from '../../bridge/port.ts'
import type { BridgeEvent, BridgeEvents, BridgeStats } from '../../bridge/stats.ts'
import type { Limits } from '../../contract/limits.ts'
import { BridgeReceiver, type Outcome } from './bridge-receiver.node.ts'
import { BridgeSender } from './bridge-sender.node.ts'
import type { RocketmqOptions } from './channel.node.ts'
import { RocketmqError } from './error.ts'
import { groupCommand, type TopicType, topicCommand } from './names.ts'

export interface BridgeOptions {
  readonly config: BridgeConfig
  readonly rocketmq: RocketmqOptions
  /** The core. */
  readonly host: TapHost
  readonly limits: Limits
  readonly stats: BridgeStats
  readonly events: BridgeEvents
  /** ms since the epoch. */
  readonly now: () => number
}

export interface Bridge {
  /** Undefined if there is no `out` rule. */
  readonly tap: Tap | undefined
  /** Begins to receive: when the core is open and the active one. */
  start(): Promise<void>
  /** Why it does not go on, by rule; undefined if it does. */
  trouble(): string | undefined
  /** Receives nothing more and sends what waits, for at most `ms`; before the core closes. */
  close(ms: number): Promise<void>
}

/** Ready to send. @throws RocketmqError if RocketMQ does not answer; Error if a topic or group is missing or a topic of another type, with the command that creates it. */
export async function openBridge(options: BridgeOptions): Promise<Bridge> {
  const { config, rocketmq } = options
  const topics = config.out.flatMap(rule => [rule.topic, ...(rule.deadLetter === undefined ? [] : [rule.deadLetter])])
  const sender = new BridgeSender(rocketmq, topics)
  const bridge = new RocketmqBridge(options, sender)
  try {
    await sender.open()
    await check(config, sender)
    await bridge.open()
    return bridge
  } catch (error) {
    await bridge.close(0)
    throw error
  }
}

/** Every topic has to be there, and of the type that its rule needs. */
async function check(config: BridgeConfig, sender: BridgeSender): Promise<void> {
  for (const [i, { topic, fifo, deadLetter }] of config.out.entries()) {
    await checkTopic(sender, `bridge.out[${i}].topic`, topic, fifo === 'off' ? 'NORMAL' : 'FIFO')
    if (deadLetter !== undefined) await checkTopic(sender, `bridge.out[${i}].deadLetter`, deadLetter, 'NORMAL')
  }
  for (const [i, { topic }] of config.in.entries()) await checkTopic(sender, `bridge.in[${i}].topic`, topic, undefined)
}

async function checkTopic(
  sender: BridgeSender,
  key: string,
  topic: string,
  type: TopicType | undefined,
): Promise<void> {
  const command = ['mqadmin', ...topicCommand({ name: topic, type: type ?? 'NORMAL' })].join(' ')
  let types: ReadonlySet<string>
  try {
    types = await sender.typesOf(topic)
  } catch (error) {
    if (!(error instanceof RocketmqError) || error.code !== 'TOPIC_NOT_FOUND') throw error
    throw new Error(`RocketMQ has no topic '${topic}' (${key}); create it: ${command}`)
  }
  if (type !== undefined && !types.has(type))
    throw new Error(
      `RocketMQ topic '${topic}' (${key}) takes ${[...types].join(', ')}, not ${type}; create one: ${command}`,
    )
}

class RocketmqBridge implements Bridge {
  readonly tap: Outbox | undefined
  readonly #o: BridgeOptions
  readonly #sender: BridgeSender
  readonly #receivers: BridgeReceiver[]
  readonly #troubles = new Map<string, string>()

  constructor(options: BridgeOptions, sender: BridgeSender) {
    this.#o = options
    this.#sender = sender
    const { config, rocketmq, host, limits, stats, now } = options
    const events: BridgeEvents = event => this.#heard(event)
    const after = (ms: number, fn: () => void): void => void setTimeout(fn, ms)
    const rules = config.out
    this.tap = rules.length === 0 ? undefined : new Outbox({ rules, sender, host, limits, stats, events, now, after })
    this.#receivers = config.in.map((rule, i) => {
      const name = `bridge.in[${i}]`
      const take = this.#taker(rule, name)
      return new BridgeReceiver(rocketmq, { rule, name, take, unsettled: limits.bridgeInMessages, stats, events })
    })
  }

  /** Receivers are known to RocketMQ then. @throws Error if a group is missing, with the command that creates it. */
  async open(): Promise<void> {
    for (const [i, receiver] of this.#receivers.entries()) {
      const { group } = this.#o.config.in[i]!
      await receiver.open().catch((error: Error) => {
        if (!error.message.includes('group not found')) throw error
        const command = ['mqadmin', ...groupCommand({ name: group })].join(' ')
        throw new Error(`RocketMQ has no group '${group}' (bridge.in[${i}].group); create it: ${command}`)
      })
    }
  }

  async start(): Promise<void> {
    for (const receiver of this.#receivers) receiver.start()
  }

  trouble(): string | undefined {
    if (this.#troubles.size === 0) return undefined
    return [...this.#troubles].map(([rule, detail]) => `${rule}: ${detail}`).join('; ')
  }

  async close(ms: number): Promise<void> {
    await Promise.all([this.tap?.close(ms), ...this.#receivers.map(receiver => receiver.close())])
    this.#sender.close()
  }

  /** Publishes what comes in for a rule; it is acknowledged once that is durable. */
  #taker(rule: InRule, name: string): (message: Incoming, settle: (outcome: Outcome) => void) => void {
    const { host, limits, stats, now } = this.#o
    const mapping = new InMapping(rule, limits)
    return (message, settle) => {
      try {
        const init = mapping.map(message, now())
        if (init === undefined) {
          stats.inExpired++
          settle('done')
          return
        }
        host.publish(init, () => {
          stats.inPublished++
          settle('done')
        })
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        stats.inRefused++
        this.#heard({ is: 'bridge-refused', rule: name, id: message.id, detail: error.message })
        settle('refused')
      }
    }
  }

  #heard(event: BridgeEvent): void {
    if (event.is === 'bridge-failing') this.#troubles.set(event.rule, event.detail)
    else if (event.is === 'bridge-recovered') this.#troubles.delete(event.rule)
    this.#o.events(event)
  }
}
