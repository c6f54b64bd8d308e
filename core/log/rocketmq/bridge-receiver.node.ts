/**
 * Receives ordinary RocketMQ messages for one `in` rule of a bridge, and acknowledges or refuses them when told to. Owns the
 * receive loops and what is not settled yet; what a message becomes is its caller's.
 *
 * The proxy renews what is not settled for as long as this client lives, and gives it to another soon after it does not.
 */
import { randomUUID } from 'node:crypto'
import { unzipSync } from 'node:zlib'
import type { ServiceError } from '@grpc/grpc-js'
import pb from 'rocketmq-client-nodejs/proto/apache/rocketmq/v2/definition_pb.js'
import service from 'rocketmq-client-nodejs/proto/apache/rocketmq/v2/service_pb.js'
import type { InRule } from '../../bridge/config.ts'
import type { Incoming } from '../../bridge/port.ts'
import type { BridgeEvents, BridgeStats } from '../../bridge/stats.ts'
import { Channel, duration, type RocketmqOptions, resource } from './channel.node.ts'
import { RocketmqError } from './error.ts'

/** What becomes of a message: acknowledged, or sent to the dead-letter queue of the group. */
export type Outcome = 'done' | 'refused'

export interface ReceiverOptions {
  readonly rule: InRule
  /** As events call it. */
  readonly name: string
  /** Received and not settled, at most. */
  readonly unsettled: number
  /** Called in the order of a queue; `settle` once, later or at once. */
  readonly take: (message: Incoming, settle: (outcome: Outcome) => void) => void
  readonly stats: BridgeStats
  readonly events: BridgeEvents
}

const BATCH = 32
const LONG_POLL_MS = 10_000
const HEARTBEAT_MS = 10_000
const ASSIGNMENT_MS = 20_000
const RETRY_FIRST_MS = 300
const RETRY_MAX_MS = 10_000
const CLOSE_MS = 800
const MAX_BODY_BYTES = 32 * 1024 * 1024

/** Where a message has to be settled. */
interface Receipt {
  readonly id: string
  readonly handle: string
  readonly attempt: number
}

export class BridgeReceiver {
  readonly #o: ReceiverOptions
  readonly #channel: Channel
  readonly #timers: ReturnType<typeof setInterval>[] = []
  /** Queues that are read, by broker and number; the stream that is open. */
  readonly #queues = new Map<string, { cancel: () => void }>()
  #isStarted = false
  #unsettled = 0
  #room: (() => void)[] = []
  /** To be acknowledged with the next request. */
  #acks: Receipt[] = []
  #failing = false

  constructor(options: RocketmqOptions, receiver: ReceiverOptions) {
    this.#o = receiver
    const { rule } = receiver
    const subscription = new pb.Subscription().setGroup(resource(rule.group))
    subscription.addSubscriptions().setTopic(resource(rule.topic)).setExpression(filterOf(rule))
    const settings = new pb.Settings().setClientType(pb.ClientType.PUSH_CONSUMER).setSubscription(subscription)
    this.#channel = new Channel(options, settings, { introduced: () => this.#introduced() })
  }

  /** @throws RocketmqError if the proxy does not answer, or does not know the group. */
  open(): Promise<void> {
    return this.#channel.open()
  }

  /** Begins to receive, as soon as RocketMQ lets it. */
  start(): void {
    this.#isStarted = true
    this.#introduced()
    this.#every(HEARTBEAT_MS, () => this.#heartbeat())
    this.#every(ASSIGNMENT_MS, () => this.#assign())
  }

  /** Receives nothing more; what is settled is acknowledged, the rest goes to another consumer of the group. Within a second or two. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    const channel = this.#channel
    channel.closed = true
    for (const queue of this.#queues.values()) queue.cancel()
    for (const go of this.#room.splice(0)) go()
    try {
      await this.#flush()
      const bye = new service.NotifyClientTerminationRequest().setGroup(resource(this.#o.rule.group))
      await channel.call(channel.stub.notifyClientTermination, bye, CLOSE_MS)
    } catch {
      // The proxy notices by itself.
    } finally {
      channel.close()
    }
  }

  /** A proxy has taken the settings and knows nothing else of this consumer. */
  #introduced(): void {
    if (!this.#isStarted) return
    const ask = async (failures: number): Promise<void> => {
      try {
        await this.#heartbeat()
        await this.#assign()
      } catch (error) {
        this.#failed(error)
        await pause(failures)
        if (!this.#channel.closed) await ask(failures + 1)
      }
    }
    void ask(0)
  }

  #every(ms: number, fn: () => Promise<unknown>): void {
    this.#timers.push(setInterval(() => void fn().catch(error => this.#failed(error)), ms))
  }

  async #heartbeat(): Promise<void> {
    const request = new service.HeartbeatRequest()
      .setGroup(resource(this.#o.rule.group))
      .setClientType(pb.ClientType.PUSH_CONSUMER)
    await this.#channel.call(this.#channel.stub.heartbeat, request)
  }

  /** One loop per queue, as the proxy assigns them. */
  async #assign(): Promise<void> {
    const channel = this.#channel
    const { topic, group } = this.#o.rule
    const request = new service.QueryAssignmentRequest()
      .setTopic(resource(topic))
      .setGroup(resource(group))
      .setEndpoints((await channel.route(topic))[0]?.getBroker()?.getEndpoints())
    const answer = await channel.call(channel.stub.queryAssignment, request)
    if (channel.closed) return
    const wanted = new Map<string, pb.MessageQueue>()
    for (const assignment of answer.getAssignmentsList()) {
      const queue = assignment.getMessageQueue()
      if (queue !== undefined) wanted.set(`${queue.getBroker()?.getName()}/${queue.getId()}`, queue)
    }
    // None at all is what a proxy says while it does not know its brokers.
    if (wanted.size === 0) return
    for (const [key, queue] of this.#queues)
      if (!wanted.has(key)) {
        this.#queues.delete(key)
        queue.cancel()
      }
    for (const [key, queue] of wanted) if (!this.#queues.has(key)) void this.#read(key, queue)
  }

  /** Long polls of one queue, one after the other. */
  async #read(key: string, queue: pb.MessageQueue): Promise<void> {
    const place = { cancel: () => {} }
    this.#queues.set(key, place)
    const isWanted = () => this.#queues.get(key) === place && !this.#channel.closed
    let failures = 0
    // The same again until it is answered: of an ordered group, RocketMQ then repeats what got lost instead of holding it back.
    let attempt = randomUUID()
    while (isWanted()) {
      const room = this.#o.unsettled - this.#unsettled
      if (room <= 0) {
        await new Promise<void>(resolve => this.#room.push(resolve))
        continue
      }
      try {
        const messages = await this.#receive(queue, Math.min(room, BATCH), attempt, place)
        attempt = randomUUID()
        failures = 0
        this.#recovered()
        if (!this.#channel.closed) for (const message of messages) this.#take(message)
      } catch (error) {
        if (!isWanted()) return
        this.#failed(error)
        await pause(failures++)
      }
    }
  }

  /** @throws RocketmqError */
  #receive(
    queue: pb.MessageQueue,
    count: number,
    attempt: string,
    place: { cancel: () => void },
  ): Promise<pb.Message[]> {
    const channel = this.#channel
    const request = new service.ReceiveMessageRequest()
      .setGroup(resource(this.#o.rule.group))
      .setMessageQueue(queue)
      .setFilterExpression(filterOf(this.#o.rule))
      .setBatchSize(count)
      .setAutoRenew(true)
      .setLongPollingTimeout(duration(LONG_POLL_MS))
      .setAttemptId(attempt)
    const { promise, resolve, reject } = Promise.withResolvers<pb.Message[]>()
    const deadline = Date.now() + LONG_POLL_MS + channel.requestTimeoutMs
    const stream = channel.stub.receiveMessage(request, channel.metadata(), { deadline })
    place.cancel = () => stream.cancel()
    const messages: pb.Message[] = []
    stream.on('data', (part: service.ReceiveMessageResponse) => {
      const message = part.getMessage()
      if (message !== undefined) messages.push(message)
      const status = part.getStatus()
      if (status === undefined || status.getCode() === pb.Code.MESSAGE_NOT_FOUND) return
      try {
        channel.check(status)
      } catch (error) {
        reject(error)
      }
    })
    stream.on('error', (error: ServiceError) => reject(channel.failure(error)))
    stream.on('end', () => resolve(messages))
    return promise
  }

  #take(message: pb.Message): void {
    const properties = message.getSystemProperties()
    if (properties === undefined) return
    const { stats, take } = this.#o
    this.#unsettled++
    stats.nowInUnsettled++
    stats.inReceived++
    const receipt: Receipt = {
      id: properties.getMessageId(),
      handle: properties.getReceiptHandle() ?? '',
      attempt: properties.getDeliveryAttempt() ?? 1,
    }
    const settle = (outcome: Outcome): void => {
      if (outcome === 'refused') void this.#untilSaid(() => this.#refuse(receipt)).then(() => this.#settled(1))
      else if (this.#acks.push(receipt) === 1) queueMicrotask(() => void this.#flush())
    }
    take(incoming(message, properties, this.#o.rule), settle)
  }

  /** Acknowledges everything that was settled since the last time, with one request. */
  async #flush(): Promise<void> {
    const acks = this.#acks
    if (acks.length === 0) return
    this.#acks = []
    const { topic, group } = this.#o.rule
    const request = new service.AckMessageRequest().setGroup(resource(group)).setTopic(resource(topic))
    for (const { id, handle } of acks) request.addEntries().setMessageId(id).setReceiptHandle(handle)
    await this.#untilSaid(async () => {
      const answer = await this.#channel.call(this.#channel.stub.ackMessage, request)
      // One whose time was over comes again: RocketMQ has given it to nobody meanwhile, or to another consumer.
      for (const entry of answer.getEntriesList())
        if (entry.getStatus()?.getCode() !== pb.Code.OK) this.#o.stats.inFailures++
    })
    this.#settled(acks.length)
  }

  async #refuse({ id, handle, attempt }: Receipt): Promise<void> {
    const { topic, group } = this.#o.rule
    const request = new service.ForwardMessageToDeadLetterQueueRequest()
      .setGroup(resource(group))
      .setTopic(resource(topic))
      .setMessageId(id)
      .setReceiptHandle(handle)
      .setDeliveryAttempt(attempt)
      .setMaxDeliveryAttempts(attempt)
    await this.#channel.call(this.#channel.stub.forwardMessageToDeadLetterQueue, request)
  }

  /** Again while RocketMQ does not answer. What it refuses, it delivers again. */
  async #untilSaid(call: () => Promise<void>): Promise<void> {
    for (let failures = 0; ; failures++) {
      try {
        return await call()
      } catch (error) {
        this.#o.stats.inFailures++
        const isRefused = error instanceof RocketmqError && (error.permanent || error.code === 'INVALID_RECEIPT_HANDLE')
        if (isRefused || this.#channel.closed) return
        this.#failed(error)
        await pause(failures)
      }
    }
  }

  #settled(count: number): void {
    this.#unsettled -= count
    this.#o.stats.nowInUnsettled -= count
    for (const go of this.#room.splice(0)) go()
  }

  #failed(error: unknown): void {
    if (this.#channel.closed || this.#failing) return
    this.#failing = true
    const detail = error instanceof Error ? error.message : String(error)
    this.#o.events({ is: 'bridge-failing', rule: this.#o.name, detail })
  }

  #recovered(): void {
    if (!this.#failing) return
    this.#failing = false
    this.#o.events({ is: 'bridge-recovered', rule: this.#o.name })
  }
}

const pause = (failures: number): Promise<void> =>
  new Promise(resolve => setTimeout(resolve, Math.min(RETRY_FIRST_MS * 2 ** failures, RETRY_MAX_MS)))

const filterOf = ({ tags, sql }: InRule): pb.FilterExpression =>
  sql === undefined
    ? new pb.FilterExpression().setType(pb.FilterType.TAG).setExpression(tags)
    : new pb.FilterExpression().setType(pb.FilterType.SQL).setExpression(sql)

function incoming(message: pb.Message, properties: pb.SystemProperties, rule: InRule): Incoming {
  return {
    id: properties.getMessageId(),
    topic: rule.topic,
    body: bodyOf(message, properties),
    tag: properties.getTag() || undefined,
    keys: properties.getKeysList(),
    properties: new Map(message.getUserPropertiesMap().entries()),
    group: properties.getMessageGroup() || undefined,
  }
}

/** Older producers compress large bodies, with gzip or zlib. What cannot be decompressed comes as it is. */
function bodyOf(message: pb.Message, properties: pb.SystemProperties): Uint8Array {
  const body = message.getBody_asU8()
  if (properties.getBodyEncoding() !== pb.Encoding.GZIP) return body
  try {
    return new Uint8Array(unzipSync(body, { maxOutputLength: MAX_BODY_BYTES }))
  } catch {
    return body
  }
}
