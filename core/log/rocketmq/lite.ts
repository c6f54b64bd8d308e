/** Lite topics as the log and the inboxes see them: logs that can be appended to and read from an offset. The ports only. */

export interface LiteProducer {
  /**
   * Resolves when the broker has it (SEND_OK). The bytes have to stay as they are until then. Several may be under way, of one
   * lite topic they may then arrive in any order. @throws RocketmqError; the message may have been appended all the same.
   */
  send(liteTopic: string, body: Uint8Array): Promise<void>
  close(): void
}

export interface LiteMessage {
  readonly liteTopic: string
  /** In its lite topic, counted from 0. */
  readonly offset: number
  /** Its own memory: may be kept. */
  readonly body: Uint8Array
}

export interface LiteConsumerOptions {
  readonly topic: string
  /** Bound to the topic. */
  readonly group: string
  readonly onMessage: (message: LiteMessage) => void
}

export interface LiteConsumer {
  /**
   * Delivers everything from `offset`, or from the oldest message there is if that is later. Called again: begins anew there.
   * An empty or unknown lite topic is no error. @throws RocketmqError if RocketMQ refuses it (quota) or does not answer.
   */
  subscribe(liteTopic: string, offset: number): Promise<void>
  /** From the call on nothing of it is delivered. Never fails: a subscription that RocketMQ keeps ends with this consumer. */
  unsubscribe(liteTopic: string): Promise<void>
  /** Within two seconds, also if RocketMQ does not answer. */
  close(): Promise<void>
}
