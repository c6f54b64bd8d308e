/** Appends messages to lite topics of one RocketMQ topic. One attempt each: who sends decides what to do when it fails. */
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import timestampPb from 'google-protobuf/google/protobuf/timestamp_pb.js'
import pb from 'rocketmq-client-nodejs/proto/apache/rocketmq/v2/definition_pb.js'
import service from 'rocketmq-client-nodejs/proto/apache/rocketmq/v2/service_pb.js'
import { Channel, type RocketmqOptions, resource } from './channel.node.ts'
import type { LiteProducer } from './lite.ts'

/** @throws RocketmqError if the proxy does not answer; whether the topic is right is for the preflight to say. */
export async function openProducer(options: RocketmqOptions, topic: string): Promise<LiteProducer> {
  const settings = new pb.Settings()
    .setClientType(pb.ClientType.PRODUCER)
    .setPublishing(new pb.Publishing().setValidateMessageType(true).setTopicsList([resource(topic)]))
  const channel = new Channel(options, settings)
  try {
    await channel.open()
  } catch (error) {
    channel.close()
    throw error
  }
  return new Producer(channel, topic)
}

class Producer implements LiteProducer {
  readonly #channel: Channel
  readonly #topic: pb.Resource
  readonly #ids = new MessageIds()

  constructor(channel: Channel, topic: string) {
    this.#channel = channel
    this.#topic = resource(topic)
  }

  async send(liteTopic: string, body: Uint8Array): Promise<void> {
    const now = Date.now()
    const properties = new pb.SystemProperties()
      .setMessageId(this.#ids.next(now))
      .setMessageType(pb.MessageType.LITE)
      .setBodyEncoding(pb.Encoding.IDENTITY)
      .setBornHost(HOST)
      .setBornTimestamp(
        new timestampPb.Timestamp().setSeconds(Math.floor(now / 1000)).setNanos((now % 1000) * 1_000_000),
      )
      .setLiteTopic(liteTopic)
    const message = new pb.Message().setTopic(this.#topic).setSystemProperties(properties).setBody(body)
    const request = new service.SendMessageRequest().setMessagesList([message])
    await this.#channel.send(request)
  }

  close(): void {
    this.#channel.close()
  }
}

export const HOST = hostname()
const EPOCH_SEC = Date.UTC(2021, 0, 1) / 1000

/** [docs/message_id.md of apache/rocketmq-clients]: version, 8 bytes for the process, seconds since 2021, a counter. */
export class MessageIds {
  readonly #prefix = `01${randomBytes(8).toString('hex')}`.toUpperCase()
  #count = 0

  next(now: number): string {
    this.#count = (this.#count + 1) >>> 0
    const seconds = (Math.floor(now / 1000) - EPOCH_SEC) >>> 0
    return this.#prefix + hex32(seconds) + hex32(this.#count)
  }
}

const hex32 = (n: number): string => n.toString(16).toUpperCase().padStart(8, '0')
