/** Creates topics and groups on a local broker: what the commands in names.ts do, without a JVM for each. */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  attributeWords,
  type GroupSpec,
  groupAttributes,
  TOPIC_QUEUES,
  type TopicSpec,
  topicAttributes,
} from './names.ts'
import { type Answer, ask, RequestCode } from './remoting.ts'

const VISIBLE_WITHIN_MS = 10_000
const READ_AND_WRITE = 6

/** Ports of the loopback address. */
export interface AdminPorts {
  readonly namesrv: number
  readonly broker: number
}

/** Resolves when the name server knows the topic too. One that is there gets the type and attributes that are asked for. @throws Error with the broker's words if it refuses. */
export async function createTopic({ namesrv, broker }: AdminPorts, topic: TopicSpec): Promise<void> {
  const answer = await ask(broker, RequestCode.updateTopic, {
    topic: topic.name,
    defaultTopic: 'TBW102',
    readQueueNums: String(TOPIC_QUEUES),
    writeQueueNums: String(TOPIC_QUEUES),
    perm: String(READ_AND_WRITE),
    topicFilterType: 'SINGLE_TAG',
    topicSysFlag: '0',
    order: 'false',
    attributes: attributeWords(topicAttributes(topic)),
  })
  mustBeDone(`Topic '${topic.name}' cannot be created`, answer)
  const end = Date.now() + VISIBLE_WITHIN_MS
  while ((await ask(namesrv, RequestCode.routeOfTopic, { topic: topic.name })).code !== 0) {
    if (Date.now() > end) throw new Error(`Topic '${topic.name}' is not known to the name server`)
    await sleep(20)
  }
}

/** One that is there gets the attributes that are asked for. @throws Error with the broker's words if it refuses. */
export async function createGroup({ broker }: AdminPorts, group: GroupSpec): Promise<void> {
  const attributes = Object.fromEntries(
    Object.entries(groupAttributes(group)).map(([key, value]) => [`+${key}`, value] as const),
  )
  const config = {
    groupName: group.name,
    consumeEnable: true,
    consumeFromMinEnable: false,
    consumeBroadcastEnable: false,
    consumeMessageOrderly: false,
    retryQueueNums: 1,
    retryMaxTimes: 16,
    brokerId: 0,
    whichBrokerWhenConsumeSlowly: 1,
    notifyConsumerIdsChangedEnable: true,
    groupSysFlag: 0,
    consumeTimeoutMinute: 15,
    attributes,
  }
  mustBeDone(
    `Group '${group.name}' cannot be created`,
    await ask(broker, RequestCode.updateGroup, {}, JSON.stringify(config)),
  )
}

function mustBeDone(what: string, { code, remark }: Answer): void {
  if (code !== 0) throw new Error(`${what}: ${remark || `code ${code}`}`)
}
