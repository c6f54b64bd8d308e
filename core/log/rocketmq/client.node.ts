/** The way to RocketMQ: what the rest of this folder opens. Names nothing of MQTT. */
export type { RocketmqLog, RocketmqOptions } from './channel.node.ts'
export { type LiteConsumer, type LiteConsumerOptions, type LiteMessage, openLiteConsumer } from './consumer.node.ts'
export { RocketmqError } from './error.ts'
export { type LiteProducer, openProducer } from './producer.node.ts'
