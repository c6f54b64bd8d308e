/**
 * One gRPC connection to the RocketMQ proxy: calls with a deadline and a checked answer, and the telemetry session by which the
 * proxy knows the client. Knows nothing of messages.
 *
 * The stubs come from rocketmq-client-nodejs; its own classes are not used: one of them logs to a file whatever logger it gets,
 * shutdown waits for a long poll (30 s) or for ever, and a body near 4 MiB does not come through.
 */
import { createHmac, randomBytes } from 'node:crypto'
import { hostname, platform } from 'node:os'
import {
  type CallOptions,
  type ClientDuplexStream,
  type ClientUnaryCall,
  status as grpcStatus,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js'
import durationPb from 'google-protobuf/google/protobuf/duration_pb.js'
import pb from 'rocketmq-client-nodejs/proto/apache/rocketmq/v2/definition_pb.js'
import stubs from 'rocketmq-client-nodejs/proto/apache/rocketmq/v2/service_grpc_pb.js'
import service from 'rocketmq-client-nodejs/proto/apache/rocketmq/v2/service_pb.js'
import { RocketmqError } from './error.ts'
import { accessPoint, addressesOf, grpcCredentials, grpcTarget, type RocketmqTls } from './proxies.node.ts'
import { UnaryCalls } from './unary.node.ts'

export interface RocketmqLog {
  debug?(text: string): void
  warn(text: string): void
}

export interface RocketmqOptions {
  /** `host:port` of the proxy; several, separated by `;`, are tried in turn. */
  readonly endpoint: string
  readonly log: RocketmqLog
  /** A call without an answer fails after it. Default 3000. */
  readonly requestTimeoutMs?: number
  /** Given: over TLS. */
  readonly tls?: RocketmqTls
  /** For a cluster with access control. */
  readonly credentials?: { readonly accessKey: string; readonly secretKey: string }
}

export interface ChannelEvents {
  /** A proxy has taken the settings: the first time, and after each reconnect. */
  introduced?(): void
  /** RocketMQ has ended a subscription, mostly because another reader has taken it over. */
  unsubscribed?(liteTopic: string): void
}

type Client = InstanceType<typeof stubs.MessagingServiceClient>
type Answer = { getStatus(): pb.Status | undefined }
type Unary<Q, A> = (
  request: Q,
  metadata: Metadata,
  options: Partial<CallOptions>,
  done: (error: ServiceError | null, answer: A) => void,
) => ClientUnaryCall

const REQUEST_TIMEOUT_MS = 3_000
const OPEN_TIMEOUT_MS = 10_000
const RENEW_MS = 500
const SAME_MS = 10_000
const SEND_PATH = '/apache.rocketmq.v2.MessagingService/SendMessage'
/** A body of 4 MiB and what is around it. */
const MAX_RECEIVE_BYTES = 8 * 1024 * 1024
/** Of the stubs; the proxy wants to see one. */
const VERSION = '1.0.8'

const CODES = new Map(Object.entries(pb.Code).map(([name, code]) => [code as number, name]))

let clients = 0

export class Channel {
  readonly options: RocketmqOptions
  readonly requestTimeoutMs: number
  readonly clientId = `${hostname()}@${process.pid}@${clients++}@${randomBytes(4).toString('hex')}`
  readonly stub: Client
  closed = false
  /** What the proxy made of the settings. */
  granted: pb.Settings | undefined
  readonly #introduction: service.TelemetryCommand
  readonly #metadata: Metadata
  readonly #sends: UnaryCalls
  readonly #on: ChannelEvents
  #telemetry: ClientDuplexStream<service.TelemetryCommand, service.TelemetryCommand> | undefined
  #renewal: ReturnType<typeof setTimeout> | undefined
  #opening: { resolve(): void; reject(error: RocketmqError): void } | undefined
  #said = ''
  #saidAt = 0
  #trouble: RocketmqError | undefined

  /** `settings` says what kind of client this is. */
  constructor(options: RocketmqOptions, settings: pb.Settings, on: ChannelEvents = {}) {
    this.options = options
    this.requestTimeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS
    this.#on = on
    this.stub = new stubs.MessagingServiceClient(
      grpcTarget(options.endpoint),
      grpcCredentials(options.endpoint, options.tls),
      {
        'grpc.max_receive_message_length': MAX_RECEIVE_BYTES,
        'grpc.initial_reconnect_backoff_ms': 100,
        'grpc.max_reconnect_backoff_ms': 1_000,
        // A connection of its own: a drain does not stand in the way of the log.
        'grpc.use_local_subchannel_pool': 1,
      },
    )
    this.#metadata = this.#makeMetadata()
    this.#sends = new UnaryCalls({
      addresses: addressesOf(options.endpoint).map(([host, port]) => `${host}:${port}`),
      tls: options.tls,
      endpoint: options.endpoint,
      headers: () => this.metadata().toHttp2Headers(),
    })
    settings
      .setAccessPoint(accessPoint(options.endpoint))
      .setRequestTimeout(duration(this.requestTimeoutMs))
      .setUserAgent(
        new pb.UA()
          .setLanguage(pb.Language.NODE_JS)
          .setVersion(VERSION)
          .setPlatform(platform())
          .setHostname(hostname()),
      )
    this.#introduction = new service.TelemetryCommand().setSettings(settings)
  }

  get endpoint(): string {
    return this.options.endpoint
  }

  /** Resolves when the proxy has taken the settings. @throws RocketmqError if it refuses them or does not answer in time. */
  async open(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#opening = { resolve, reject }
    const late = setTimeout(
      () => reject(this.#trouble ?? new RocketmqError(this.endpoint, 'DEADLINE_EXCEEDED', 'No answer to the settings')),
      OPEN_TIMEOUT_MS,
    )
    this.#introduce()
    try {
      await promise
    } finally {
      clearTimeout(late)
      this.#opening = undefined
    }
  }

  /** One call of the service. @throws RocketmqError if it fails, or if its answer says that it failed. */
  async call<Q, A extends Answer>(method: Unary<Q, A>, request: Q, timeoutMs = this.requestTimeoutMs): Promise<A> {
    const answer = await new Promise<A>((resolve, reject) => {
      method.call(this.stub, request, this.metadata(), { deadline: Date.now() + timeoutMs }, (error, result) => {
        if (error === null) resolve(result)
        else reject(this.failure(error))
      })
    })
    this.check(answer.getStatus())
    return answer
  }

  /** Sends messages of one topic. @throws RocketmqError if RocketMQ does not have all of them; it may have some. */
  async send(request: service.SendMessageRequest): Promise<void> {
    const bytes = await this.#sends.call(SEND_PATH, request.serializeBinary(), this.requestTimeoutMs)
    const answer = service.SendMessageResponse.deserializeBinary(bytes)
    this.check(answer.getStatus())
    for (const entry of answer.getEntriesList()) this.check(entry.getStatus())
  }

  /** @throws RocketmqError if the topic is not there. */
  async route(topic: string): Promise<readonly pb.MessageQueue[]> {
    const request = new service.QueryRouteRequest().setTopic(resource(topic)).setEndpoints(accessPoint(this.endpoint))
    return (await this.call(this.stub.queryRoute, request)).getMessageQueuesList()
  }

  /** Signed with the time if there are credentials. */
  metadata(): Metadata {
    return this.options.credentials === undefined ? this.#metadata : this.#makeMetadata()
  }

  failure(error: ServiceError): RocketmqError {
    return new RocketmqError(this.endpoint, grpcStatus[error.code] ?? String(error.code), error.details)
  }

  /** @throws RocketmqError if it says anything but OK. */
  check(status: pb.Status | undefined): void {
    const code = status?.getCode()
    if (status === undefined || code === pb.Code.OK || code === pb.Code.MULTIPLE_RESULTS) return
    throw new RocketmqError(this.endpoint, CODES.get(status.getCode()) ?? String(code), status.getMessage())
  }

  close(): void {
    this.closed = true
    clearTimeout(this.#renewal)
    this.#telemetry?.cancel()
    this.#sends.close()
    this.stub.close()
  }

  #introduce(): void {
    const stream = this.stub.telemetry(this.metadata())
    this.#telemetry = stream
    let over = false
    const renew = () => {
      if (over || this.closed) return
      over = true
      this.#renewal = setTimeout(() => this.#introduce(), RENEW_MS)
    }
    stream.on('data', (command: service.TelemetryCommand) => this.#told(command, stream))
    stream.on('error', (error: ServiceError) => {
      if (!this.closed) this.#refused(this.failure(error))
      renew()
    })
    stream.on('end', renew)
    stream.write(this.#introduction)
  }

  #told(command: service.TelemetryCommand, stream: { cancel(): void }): void {
    const { CommandCase } = service.TelemetryCommand
    const kind = command.getCommandCase()
    if (kind === CommandCase.SETTINGS) {
      this.granted = command.getSettings()
      this.#opening?.resolve()
      this.#on.introduced?.()
    } else if (kind === CommandCase.NOTIFY_UNSUBSCRIBE_LITE_COMMAND) {
      this.#on.unsubscribed?.(command.getNotifyUnsubscribeLiteCommand()?.getLiteTopic() ?? '')
    } else if (kind === CommandCase.RECONNECT_ENDPOINTS_COMMAND) {
      stream.cancel()
    } else if (kind === CommandCase.COMMAND_NOT_SET) {
      try {
        this.check(command.getStatus())
      } catch (error) {
        this.#refused(error as RocketmqError)
      }
    }
  }

  /** The same text again and again is said once. */
  warn(text: string): void {
    const now = Date.now()
    if (this.closed || (text === this.#said && now - this.#saidAt < SAME_MS)) return
    this.#said = text
    this.#saidAt = now
    this.options.log.warn(text)
  }

  #refused(error: RocketmqError): void {
    this.#trouble = error
    this.warn(error.message)
    if (error.permanent) this.#opening?.reject(error)
  }

  #makeMetadata(): Metadata {
    const metadata = new Metadata()
    const date = `${new Date().toISOString().replace(/[-:]/g, '').slice(0, 15)}Z`
    metadata.set('x-mq-protocol', 'v2')
    metadata.set('x-mq-client-id', this.clientId)
    metadata.set('x-mq-date-time', date)
    // The proxy's list of languages has no name for this one.
    metadata.set('x-mq-language', 'HTTP')
    metadata.set('x-mq-client-version', VERSION)
    const { credentials: keys } = this.options
    if (keys !== undefined) {
      const signature = createHmac('sha1', keys.secretKey).update(date).digest('hex').toUpperCase()
      metadata.set(
        'authorization',
        `MQv2-HMAC-SHA1 Credential=${keys.accessKey}, SignedHeaders=x-mq-date-time, Signature=${signature}`,
      )
    }
    return metadata
  }
}

export const resource = (name: string): pb.Resource => new pb.Resource().setName(name)

/** Seconds are whole numbers there. */
export const duration = (ms: number) =>
  new durationPb.Duration().setSeconds(Math.floor(ms / 1000)).setNanos((ms % 1000) * 1_000_000)
