/** Sends a bridge's messages as ordinary RocketMQ messages. One attempt each: who sends decides what to do when it fails. */
import timestampPb from 'google-protobuf/google/protobuf/timestamp_pb.js'
import pb from 'rocketmq-client-nodejs/proto/apache/rocketmq/v2/definition_pb.js'
import service from 'rocketmq-client-nodejs/proto/apache/rocketmq/v2/service_pb.js'
import { type Outgoing, type Sender, SendFailure } from '../../bridge/port.ts'
import { Channel, type RocketmqOptions, resource } from './channel.node.ts'
import { RocketmqError } from './error.ts'
import { HOST, MessageIds } from './producer.node.ts'

/** Nothing of the message is at fault. */
const UNAVAILABLE = new Set([
  'UNAVAILABLE',
  'DEADLINE_EXCEEDED',
  'CANCELLED',
  'PROXY_TIMEOUT',
  'MASTER_PERSISTENCE_TIMEOUT',
  'SLAVE_PERSISTENCE_TIMEOUT',
  'HA_NOT_AVAILABLE',
  'TOO_MANY_REQUESTS',
])
/** What a proxy says of a broker that is away or cannot write, beside the code for everything. */
const BROKER_AWAY = /Remoting(?:Connect|Timeout|SendRequest|TooMuchRequest)Exception|service not available|\bbusy\b/i
/** What it says of a topic none of whose brokers is there, once it has forgotten the topic. */
const TYPE_UNKNOWN = /expected type is UNSPECIFIED/

/** Refused until somebody changes a right, not for ever. */
const RIGHTS = new Set(['UNAUTHORIZED', 'FORBIDDEN', 'UNAUTHENTICATED', 'PERMISSION_DENIED', 'UNIMPLEMENTED'])

export class BridgeSender implements Sender {
  readonly #channel: Channel
  readonly #ids = new MessageIds()

  constructor(options: RocketmqOptions, topics: readonly string[]) {
    const publishing = new pb.Publishing().setValidateMessageType(true).setTopicsList(topics.map(resource))
    const settings = new pb.Settings().setClientType(pb.ClientType.PRODUCER).setPublishing(publishing)
    this.#channel = new Channel(options, settings)
  }

  /** @throws RocketmqError if the proxy does not answer. */
  open(): Promise<void> {
    return this.#channel.open()
  }

  /** The types of messages a topic takes: `NORMAL`, `FIFO`, … @throws RocketmqError if the topic is not there. */
  async typesOf(topic: string): Promise<ReadonlySet<string>> {
    const names = new Map(Object.entries(pb.MessageType).map(([name, type]) => [type as number, name]))
    const queues = await this.#channel.route(topic)
    return new Set(queues.flatMap(q => q.getAcceptMessageTypesList().map(type => names.get(type) ?? String(type))))
  }

  async send(m: Outgoing): Promise<void> {
    const now = Date.now()
    const properties = new pb.SystemProperties()
      .setMessageId(this.#ids.next(now))
      .setMessageType(m.group === undefined ? pb.MessageType.NORMAL : pb.MessageType.FIFO)
      .setBodyEncoding(pb.Encoding.IDENTITY)
      .setBornHost(HOST)
      .setBornTimestamp(
        new timestampPb.Timestamp().setSeconds(Math.floor(now / 1000)).setNanos((now % 1000) * 1_000_000),
      )
      .setKeysList([...m.keys])
    if (m.tag !== undefined) properties.setTag(m.tag)
    if (m.group !== undefined) properties.setMessageGroup(m.group)
    const message = new pb.Message().setTopic(resource(m.topic)).setSystemProperties(properties).setBody(m.body)
    const map = message.getUserPropertiesMap()
    for (const [name, value] of m.properties) map.set(name, value)
    try {
      await this.#channel.send(new service.SendMessageRequest().setMessagesList([message]))
    } catch (error) {
      throw new SendFailure(kindOf(error), error instanceof Error ? error.message : String(error))
    }
  }

  close(): void {
    this.#channel.close()
  }
}

function kindOf(error: unknown): SendFailure['kind'] {
  if (!(error instanceof RocketmqError)) return 'failed'
  const { code, message, permanent } = error
  if (UNAVAILABLE.has(code) || (code === 'INTERNAL_SERVER_ERROR' && BROKER_AWAY.test(message))) return 'unavailable'
  if (code === 'TOPIC_NOT_FOUND' || TYPE_UNKNOWN.test(message)) return 'missing'
  return permanent && !RIGHTS.has(code) ? 'refused' : 'failed'
}
