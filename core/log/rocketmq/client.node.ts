/** The way to RocketMQ: what the rest of this folder opens. Names nothing of MQTT. */
export type { RocketmqLog, RocketmqOptions } from './channel.node.ts'
export { openLiteConsumer } from './consumer.node.ts'
export { RocketmqError } from './error.ts'
export type { LiteConsumer, LiteConsumerOptions, LiteMessage, LiteProducer } from './lite.ts'
export { openProducer } from './producer.node.ts'
export type { RocketmqTls } from './proxies.node.ts'
