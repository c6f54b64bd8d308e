/**
 * Reads lite topics of one RocketMQ topic from given offsets: each offset once, in order, without gaps, across restarts of broker
 * and proxy. Owns the receive loops, the acknowledgements and the subscriptions; what a message holds is its caller's.
 *
 * RocketMQ keeps an offset per group and lite topic, and holds a lite topic back while a batch of it is not acknowledged. Both
 * belong to the group, not to the reader: so each message is acknowledged as it comes, and the cursor here decides what counts.
 */
import { randomUUID } from 'node:crypto'
import type { ClientReadableStream, ServiceError } from '@grpc/grpc-js'
import pb from 'rocketmq-client-nodejs/proto/apache/rocketmq/v2/definition_pb.js'
import service from 'rocketmq-client-nodejs/proto/apache/rocketmq/v2/service_pb.js'
import { Channel, duration, type RocketmqOptions, resource } from './channel.node.ts'
import { Cursor } from './cursor.ts'
import type { RocketmqError } from './error.ts'
import type { LiteConsumer, LiteConsumerOptions } from './lite.ts'

const BATCH = 32
/**
 * The shortest that a proxy takes by default (`grpcClientConsumerMinLongPollingTimeoutMillis`). A broker that has just started may lose a poll
 * (5.5.0, `PopLiteLongPollingService`: its first clean-up between the two steps of `polling`): nothing comes then before our deadline for it.
 */
const LONG_POLL_MS = 5_000
const HEARTBEAT_MS = 10_000
const ASSIGNMENT_MS = 20_000
const CHECK_MS = 500
const RETRY_MS = 300
const CLOSE_MS = 800
/** Lite topics that are looked at again at once after a reconnect or a silence. */
const SEEKS = 32
/** While others are heard, a silent one is probably only waiting for its turn. */
const QUIET_MS = 1_000

/** @throws RocketmqError if the proxy does not answer or topic and group are not there. */
export async function openLiteConsumer(options: RocketmqOptions, consumer: LiteConsumerOptions): Promise<LiteConsumer> {
  const opened = new Consumer(options, consumer)
  try {
    await opened.open()
  } catch (error) {
    await opened.close()
    throw error
  }
  return opened
}

class Consumer implements LiteConsumer {
  readonly #channel: Channel
  readonly #o: LiteConsumerOptions
  readonly #cursors = new Map<string, Cursor>()
  /** Receive loops by queue. */
  readonly #loops = new Map<string, ReceiveLoop>()
  readonly #timers: ReturnType<typeof setInterval>[] = []
  readonly #acks = new Set<Promise<unknown>>()
  #renewing: Promise<void> = Promise.resolve()
  #seeks = 0
  #heardAt = 0

  constructor(options: RocketmqOptions, consumer: LiteConsumerOptions) {
    this.#o = consumer
    const subscription = new pb.Subscription().setGroup(resource(consumer.group))
    subscription.addSubscriptions().setTopic(resource(consumer.topic)).setExpression(all())
    const settings = new pb.Settings().setClientType(pb.ClientType.LITE_PUSH_CONSUMER).setSubscription(subscription)
    this.#channel = new Channel(options, settings, {
      introduced: () => this.#introduced(),
      unsubscribed: liteTopic => this.#cursors.get(liteTopic)?.yield(Date.now()),
    })
  }

  async open(): Promise<void> {
    await this.#channel.open()
    await this.#heartbeat()
    await this.#assign()
    this.#every(HEARTBEAT_MS, () => this.#heartbeat().then(() => this.#renew()))
    this.#every(ASSIGNMENT_MS, () => this.#assign())
    this.#timers.push(setInterval(() => this.#check(), CHECK_MS))
  }

  async subscribe(liteTopic: string, offset: number): Promise<void> {
    const now = Date.now()
    let cursor = this.#cursors.get(liteTopic)
    const again = cursor !== undefined
    if (cursor === undefined) this.#cursors.set(liteTopic, (cursor = new Cursor(offset, now)))
    else cursor.begin(offset, now)
    const { epoch } = cursor
    try {
      // An acknowledgement that arrives after the subscription would move the group's offset on.
      await Promise.all(this.#acks)
      if (again) await this.#sync(pb.LiteSubscriptionAction.PARTIAL_REMOVE, [liteTopic])
      if (this.#cursors.get(liteTopic) === cursor && cursor.epoch === epoch)
        await this.#sync(pb.LiteSubscriptionAction.PARTIAL_ADD, [liteTopic], offset)
    } catch (error) {
      if (this.#cursors.get(liteTopic) === cursor && cursor.epoch === epoch) this.#cursors.delete(liteTopic)
      throw error
    }
  }

  async unsubscribe(liteTopic: string): Promise<void> {
    if (!this.#cursors.delete(liteTopic)) return
    await this.#sync(pb.LiteSubscriptionAction.PARTIAL_REMOVE, [liteTopic]).catch(error => this.#warn(error))
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    for (const loop of this.#loops.values()) loop.stop()
    const left = [...this.#cursors.keys()]
    this.#cursors.clear()
    const channel = this.#channel
    // The proxy never knew it.
    if (this.#timers.length === 0) return channel.close()
    try {
      if (left.length > 0) await this.#sync(pb.LiteSubscriptionAction.PARTIAL_REMOVE, left, undefined, CLOSE_MS)
      const bye = new service.NotifyClientTerminationRequest().setGroup(resource(this.#o.group))
      await channel.call(channel.stub.notifyClientTermination, bye, CLOSE_MS)
    } catch (error) {
      this.#warn(error)
    } finally {
      channel.close()
    }
  }

  /** Hands a batch over and acknowledges it. */
  take(messages: readonly pb.Message[]): void {
    const request = new service.AckMessageRequest().setGroup(resource(this.#o.group)).setTopic(resource(this.#o.topic))
    const now = Date.now()
    this.#heardAt = now
    for (const message of messages) {
      const properties = message.getSystemProperties()
      const liteTopic = properties?.getLiteTopic()
      const offset = properties?.getQueueOffset()
      if (properties === undefined || liteTopic === undefined || offset === undefined) continue
      const cursor = this.#cursors.get(liteTopic)
      const kind = cursor === undefined ? 'known' : cursor.take(offset, now)
      if (kind === 'gap') {
        // Not acknowledged: that would put the group behind the gap.
        void this.#seek(liteTopic, false)
        continue
      }
      request
        .addEntries()
        .setMessageId(properties.getMessageId())
        .setReceiptHandle(properties.getReceiptHandle() ?? '')
        .setLiteTopic(liteTopic)
      if (kind === 'deliver') this.#o.onMessage({ liteTopic, offset, body: message.getBody_asU8() })
    }
    if (request.getEntriesList().length > 0) this.#acknowledge(request)
  }

  receive(queue: pb.MessageQueue): ClientReadableStream<service.ReceiveMessageResponse> {
    const request = new service.ReceiveMessageRequest()
      .setGroup(resource(this.#o.group))
      .setMessageQueue(queue)
      .setFilterExpression(all())
      .setBatchSize(BATCH)
      .setAutoRenew(true)
      .setLongPollingTimeout(duration(LONG_POLL_MS))
      .setAttemptId(randomUUID())
    const deadline = Date.now() + LONG_POLL_MS + this.#channel.requestTimeoutMs
    return this.#channel.stub.receiveMessage(request, this.#channel.metadata(), { deadline })
  }

  failure(error: ServiceError): RocketmqError {
    return this.#channel.failure(error)
  }

  #acknowledge(request: service.AckMessageRequest): void {
    const ack = this.#channel
      .call(this.#channel.stub.ackMessage, request)
      .catch(error => this.#warn(error))
      .finally(() => this.#acks.delete(ack))
    this.#acks.add(ack)
  }

  /** A proxy has taken the settings; if it is not for the first time, it or the broker may know nothing of what was subscribed. */
  #introduced(): void {
    if (this.#timers.length === 0) return
    this.#heartbeat()
      .then(() => this.#assign())
      .catch(error => this.#warn(error))
    for (const liteTopic of this.#cursors.keys()) void this.#seek(liteTopic, false)
  }

  #every(ms: number, fn: () => Promise<unknown>): void {
    this.#timers.push(setInterval(() => void fn().catch(error => this.#warn(error)), ms))
  }

  async #heartbeat(): Promise<void> {
    const request = new service.HeartbeatRequest()
      .setGroup(resource(this.#o.group))
      .setClientType(pb.ClientType.LITE_PUSH_CONSUMER)
    await this.#channel.call(this.#channel.stub.heartbeat, request)
  }

  /** One receive loop per queue, as the proxy assigns them: one for each broker. */
  async #assign(): Promise<void> {
    const channel = this.#channel
    const request = new service.QueryAssignmentRequest()
      .setTopic(resource(this.#o.topic))
      .setGroup(resource(this.#o.group))
      .setEndpoints((await channel.route(this.#o.topic))[0]?.getBroker()?.getEndpoints())
    const answer = await channel.call(channel.stub.queryAssignment, request)
    if (channel.closed) return
    const wanted = new Map<string, pb.MessageQueue>()
    for (const assignment of answer.getAssignmentsList()) {
      const queue = assignment.getMessageQueue()
      if (queue !== undefined) wanted.set(`${queue.getBroker()?.getName()}/${queue.getId()}`, queue)
    }
    // None at all is what a proxy says while it does not know its brokers.
    if (wanted.size === 0) return
    for (const [key, loop] of this.#loops) {
      if (wanted.has(key)) continue
      loop.stop()
      this.#loops.delete(key)
    }
    for (const [key, queue] of wanted) {
      if (this.#loops.has(key)) continue
      const loop = new ReceiveLoop(this, queue, error => this.#warn(error))
      this.#loops.set(key, loop)
      loop.start()
    }
  }

  /** Keeps subscriptions from being forgotten, which RocketMQ does with clients that say nothing for a minute or more. */
  async #renew(): Promise<void> {
    if (this.#cursors.size === 0) return
    const call = this.#send(pb.LiteSubscriptionAction.COMPLETE_ADD, [...this.#cursors.keys()])
    this.#renewing = call.catch(() => {})
    await call
  }

  #check(): void {
    const now = Date.now()
    if (now - this.#heardAt < QUIET_MS) return
    for (const [liteTopic, cursor] of this.#cursors) {
      if (this.#seeks >= SEEKS) return
      if (cursor.silent(now)) void this.#seek(liteTopic, true)
    }
  }

  /**
   * Begins again at the offset that is wanted, until RocketMQ has taken that. `stuck`: by way of another offset, because the
   * group is released from a batch that nobody acknowledges only when its offset changes.
   */
  async #seek(liteTopic: string, stuck: boolean): Promise<void> {
    const cursor = this.#cursors.get(liteTopic)
    if (cursor === undefined || cursor.seeking) return
    cursor.seeking = true
    this.#seeks++
    const { PARTIAL_ADD, PARTIAL_REMOVE } = pb.LiteSubscriptionAction
    const { epoch } = cursor
    const isWanted = () => this.#cursors.get(liteTopic) === cursor && cursor.epoch === epoch && !this.#channel.closed
    while (isWanted()) {
      try {
        await Promise.all(this.#acks)
        // In a group of exclusive readers, adding what is there already would end both.
        await this.#sync(PARTIAL_REMOVE, [liteTopic])
        if (stuck) {
          await this.#sync(PARTIAL_ADD, [liteTopic], cursor.next + 1)
          await this.#sync(PARTIAL_REMOVE, [liteTopic])
        }
        if (isWanted()) await this.#sync(PARTIAL_ADD, [liteTopic], cursor.next)
        break
      } catch (error) {
        this.#warn(error)
        await new Promise(resolve => setTimeout(resolve, RETRY_MS))
      }
    }
    cursor.seeking = false
    this.#seeks--
  }

  /** A new subscription must not cross with the complete list that lacks it. */
  async #sync(
    action: pb.LiteSubscriptionAction,
    liteTopics: string[],
    offset?: number,
    timeoutMs?: number,
  ): Promise<void> {
    await this.#renewing
    await this.#send(action, liteTopics, offset, timeoutMs)
  }

  async #send(
    action: pb.LiteSubscriptionAction,
    liteTopics: string[],
    offset?: number,
    timeoutMs?: number,
  ): Promise<void> {
    const request = new service.SyncLiteSubscriptionRequest()
      .setAction(action)
      .setTopic(resource(this.#o.topic))
      .setGroup(resource(this.#o.group))
      .setLiteTopicSetList(liteTopics)
    if (offset !== undefined) request.setOffsetOption(new pb.OffsetOption().setOffset(offset))
    await this.#channel.call(this.#channel.stub.syncLiteSubscription, request, timeoutMs)
  }

  #warn(error: unknown): void {
    this.#channel.warn(error instanceof Error ? error.message : String(error))
  }
}

/** Long polls of one queue, one after the other. */
class ReceiveLoop {
  readonly #consumer: Consumer
  readonly #queue: pb.MessageQueue
  readonly #warn: (error: unknown) => void
  #stream: ClientReadableStream<service.ReceiveMessageResponse> | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #stopped = false

  constructor(consumer: Consumer, queue: pb.MessageQueue, warn: (error: unknown) => void) {
    this.#consumer = consumer
    this.#queue = queue
    this.#warn = warn
  }

  start(): void {
    const stream = this.#consumer.receive(this.#queue)
    this.#stream = stream
    const messages: pb.Message[] = []
    let again = 0
    stream.on('data', (part: service.ReceiveMessageResponse) => {
      const message = part.getMessage()
      if (message !== undefined) messages.push(message)
      const code = part.getStatus()?.getCode()
      if (code === undefined || code === pb.Code.OK || code === pb.Code.MESSAGE_NOT_FOUND) return
      again = RETRY_MS
      this.#warn(`RocketMQ refuses a receive: ${part.getStatus()?.getMessage()}`)
    })
    let over = false
    const finish = () => {
      if (over || this.#stopped) return
      over = true
      this.#consumer.take(messages)
      if (again === 0) this.start()
      else this.#timer = setTimeout(() => this.start(), again)
    }
    stream.on('error', (error: ServiceError) => {
      again = RETRY_MS
      if (!this.#stopped) this.#warn(this.#consumer.failure(error))
      setImmediate(finish)
    })
    stream.on('end', finish)
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#stream?.cancel()
  }
}

const all = (): pb.FilterExpression => new pb.FilterExpression().setType(pb.FilterType.TAG).setExpression('*')
