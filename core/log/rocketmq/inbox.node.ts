/** Opens the inbox store on a RocketMQ. Owns its connections. */
import { type LiteConsumer, openLiteConsumer, openProducer, type RocketmqOptions } from './client.node.ts'
import { RocketmqInboxes, type RocketmqInboxesOptions } from './inbox.ts'
import { INBOX_GROUP, INBOX_TOPIC } from './names.ts'

export interface OpenInboxes {
  readonly store: RocketmqInboxes
  /** What waits to be appended is given up: the log has it. Within two seconds. */
  close(): Promise<void>
}

/** Failures in a row are logged this far apart. */
const WARN_EVERY_MS = 10_000

/** @throws RocketmqError if RocketMQ does not answer, or topic and group of the inboxes are not there. */
export async function openInboxes(
  rocketmq: RocketmqOptions,
  options: Omit<RocketmqInboxesOptions, 'transport'>,
): Promise<OpenInboxes> {
  const producer = await openProducer(rocketmq, INBOX_TOPIC)
  let store: RocketmqInboxes | undefined
  let consumer: LiteConsumer
  try {
    consumer = await openLiteConsumer(rocketmq, {
      topic: INBOX_TOPIC,
      group: INBOX_GROUP,
      onMessage: ({ liteTopic, offset, body }) => store?.received(liteTopic, offset, body),
    })
  } catch (error) {
    producer.close()
    throw error
  }
  let warnedAt = Number.NEGATIVE_INFINITY
  store = new RocketmqInboxes({
    ...options,
    transport: {
      send: (liteTopic, body) => producer.send(liteTopic, body),
      subscribe: (liteTopic, offset) => consumer.subscribe(liteTopic, offset),
      unsubscribe: liteTopic => consumer.unsubscribe(liteTopic),
    },
    onFailure(error) {
      options.onFailure?.(error)
      if (Date.now() - warnedAt < WARN_EVERY_MS) return
      warnedAt = Date.now()
      rocketmq.log.warn(`Inboxes are not written or read, and tried again: ${String(error)}`)
    },
  })
  const opened = store
  return {
    store: opened,
    async close() {
      opened.close()
      producer.close()
      await consumer.close()
    },
  }
}
