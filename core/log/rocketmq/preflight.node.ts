/** Before a core starts: whether RocketMQ has what Meridian needs. Each error says what is missing and prints the command that creates it. Changes nothing but a lite topic of its own. */
import { randomUUID } from 'node:crypto'
import pb from 'rocketmq-client-nodejs/proto/apache/rocketmq/v2/definition_pb.js'
import { Channel, type RocketmqOptions, resource } from './channel.node.ts'
import { openLiteConsumer } from './consumer.node.ts'
import { RocketmqError } from './error.ts'
import type { LiteProducer } from './lite.ts'
import { GROUPS, type GroupSpec, groupCommand, TOPICS, type TopicSpec, topicCommand } from './names.ts'
import { openProducer } from './producer.node.ts'

/** A message takes some milliseconds. A broker that has just started may lose the poll that waits for it: longer than `LONG_POLL_MS` and a request's time-out. */
const READ_BACK_MS = 10_000
const READ_BACKS = 2
const AGAIN_WITHIN_MS = 3_000
const AGAIN_MS = 1_000

/** @throws Error that says what to do about it; RocketmqError if RocketMQ does not answer. */
export async function preflight(
  options: RocketmqOptions,
  topics: readonly TopicSpec[] = TOPICS,
  groups: readonly GroupSpec[] = GROUPS,
): Promise<void> {
  await Promise.all(topics.map(topic => patiently(() => checkTopic(options, topic))))
  for (const { liteTopic, ...group } of groups)
    if (liteTopic !== undefined) await patiently(() => checkGroup(options, { ...group, liteTopic }))
}

/** A proxy answers from memory and asks its brokers behind that: what it missed while they were away, even long ago, it misses once more. */
async function patiently(check: () => Promise<void>): Promise<void> {
  const end = Date.now() + AGAIN_WITHIN_MS
  for (;;) {
    try {
      return await check()
    } catch (error) {
      const isAnswer = error instanceof Error && [error, error.cause].some(one => one instanceof RocketmqError)
      if (!isAnswer || Date.now() > end) throw error
      await new Promise(done => setTimeout(done, AGAIN_MS))
    }
  }
}

async function checkTopic(options: RocketmqOptions, topic: TopicSpec): Promise<void> {
  const settings = new pb.Settings()
    .setClientType(pb.ClientType.PRODUCER)
    .setPublishing(new pb.Publishing().setTopicsList([resource(topic.name)]))
  const channel = new Channel(options, settings)
  const at = `RocketMQ at ${options.endpoint}`
  const command = mqadmin(topicCommand(topic))
  try {
    await channel.open()
    const types = (await channel.route(topic.name)).flatMap(queue => queue.getAcceptMessageTypesList())
    if (types.includes(pb.MessageType[topic.type])) return
    if (types.every(type => type === pb.MessageType.MESSAGE_TYPE_UNSPECIFIED))
      throw new RocketmqError(options.endpoint, 'TOPIC_NOT_FOUND', `nothing is known of topic '${topic.name}'`)
    const found = Object.entries(pb.MessageType).find(([, type]) => type === types[0])?.[0] ?? 'unknown'
    throw new Error(
      `${at}: topic '${topic.name}' is of type ${found}, and a type cannot be changed; delete it (mqadmin deleteTopic -n NAMESRV:9876 -c DefaultCluster -t ${topic.name}) and create it anew: ${command}`,
    )
  } catch (error) {
    if (!(error instanceof RocketmqError) || error.code !== 'TOPIC_NOT_FOUND') throw error
    throw new Error(`${at} has no topic '${topic.name}'; create it: ${command}`, { cause: error })
  } finally {
    channel.close()
  }
}

/** Appends one message and reads it back: nothing else tells whether brokers and proxy carry lite topics. */
async function checkGroup(options: RocketmqOptions, group: GroupSpec & { readonly liteTopic: string }): Promise<void> {
  const producer = await openProducer(options, group.liteTopic)
  try {
    for (let n = 1; !(await comesBack(options, group, producer)); n++)
      if (n === READ_BACKS) throw new Error(noLite(options, group.liteTopic))
  } finally {
    producer.close()
  }
}

/** By a consumer and a lite topic of its own. False: not within READ_BACK_MS. */
async function comesBack(
  options: RocketmqOptions,
  group: GroupSpec & { readonly liteTopic: string },
  producer: LiteProducer,
): Promise<boolean> {
  const at = `RocketMQ at ${options.endpoint}`
  const command = mqadmin(groupCommand(group))
  const arrived = Promise.withResolvers<boolean>()
  const consumer = await openLiteConsumer(options, {
    topic: group.liteTopic,
    group: group.name,
    onMessage: () => arrived.resolve(true),
  }).catch((error: Error) => {
    if (/group not found/.test(error.message))
      throw new Error(`${at} has no group '${group.name}'; create it: ${command}`, { cause: error })
    if (/LITE mode|bind topic/.test(error.message))
      throw new Error(`${at}: group '${group.name}' is not bound to topic '${group.liteTopic}'; bind it: ${command}`, {
        cause: error,
      })
    throw error
  })
  const late = setTimeout(() => arrived.resolve(false), READ_BACK_MS)
  try {
    const liteTopic = `preflight-${randomUUID()}`
    await producer.send(liteTopic, new Uint8Array([1]))
    await consumer.subscribe(liteTopic, 0).catch((error: Error) => {
      throw new Error(`${noLite(options, group.liteTopic)} (${error.message})`, { cause: error })
    })
    return await arrived.promise
  } finally {
    clearTimeout(late)
    await consumer.close()
  }
}

const noLite = ({ endpoint }: RocketmqOptions, topic: string): string =>
  `RocketMQ at ${endpoint} does not carry lite topics: a message to one of topic '${topic}' did not come back; brokers need enableLmq=true and enableMultiDispatch=true, the proxy has to run in cluster mode (-pm cluster)`

const mqadmin = (words: readonly string[]): string => ['mqadmin', ...words].join(' ')
