/** The topics and groups that Meridian keeps in RocketMQ, with the attributes they need, and the mqadmin commands that create them. */

/** `message.type` of a topic. */
export type TopicType = 'NORMAL' | 'FIFO' | 'DELAY' | 'TRANSACTION' | 'LITE'

export interface TopicSpec {
  readonly name: string
  readonly type: TopicType
}

export interface GroupSpec {
  readonly name: string
  /** The LITE topic it is bound to; a group without one reads ordinary topics. */
  readonly liteTopic?: string
}

export const WAL_TOPIC = 'meridian-wal'
export const INBOX_TOPIC = 'meridian-inbox'
export const WAL_GROUP = 'meridian-wal'
export const INBOX_GROUP = 'meridian-inbox'

export const TOPICS: readonly TopicSpec[] = [
  { name: WAL_TOPIC, type: 'LITE' },
  { name: INBOX_TOPIC, type: 'LITE' },
]
export const GROUPS: readonly GroupSpec[] = [
  { name: WAL_GROUP, liteTopic: WAL_TOPIC },
  { name: INBOX_GROUP, liteTopic: INBOX_TOPIC },
]

/** What `updateTopic` says if nothing else is asked for. */
export const TOPIC_QUEUES = 8

/**
 * Minutes after its last append that a lite topic is deleted, whether it was read or not. A finished log and a deleted inbox go
 * that way; nothing shorter-lived may: so it is longer than `inboxAgeSec` and the broker's `fileReservedTime`, 72 h both.
 */
const LITE_EXPIRATION_MIN = 75 * 60

export const topicAttributes = ({ type }: TopicSpec): Readonly<Record<string, string>> =>
  type === 'LITE'
    ? { 'message.type': type, 'lite.topic.expiration': String(LITE_EXPIRATION_MIN) }
    : { 'message.type': type }

/**
 * Exclusive: who subscribes takes over from a reader that died with its subscription, which would else be given half of the
 * messages for minutes. The quotas are far above RocketMQ's own (2,000 and 400), with which thousands of inboxes take minutes to drain. */
export const groupAttributes = ({ liteTopic }: GroupSpec): Readonly<Record<string, string>> =>
  liteTopic === undefined
    ? {}
    : {
        'lite.bind.topic': liteTopic,
        'lite.sub.model': 'Exclusive',
        'lite.sub.client.quota': '100000',
        'lite.sub.client.max.event.cnt': '10000',
      }

/** As RocketMQ takes them: `+key=value` separated by commas. */
export const attributeWords = (attributes: Readonly<Record<string, string>>): string =>
  Object.entries(attributes)
    .map(([key, value]) => `+${key}=${value}`)
    .join(',')

/** Words after `mqadmin`. */
export function topicCommand(topic: TopicSpec, namesrv = 'NAMESRV:9876', cluster = 'DefaultCluster'): string[] {
  const attributes = attributeWords(topicAttributes(topic))
  return ['updateTopic', '-n', namesrv, '-c', cluster, '-t', topic.name, '-a', attributes]
}

/** Words after `mqadmin`. `-a` is another option of this command. */
export function groupCommand(group: GroupSpec, namesrv = 'NAMESRV:9876', cluster = 'DefaultCluster'): string[] {
  const attributes = attributeWords(groupAttributes(group))
  const words = ['updateSubGroup', '-n', namesrv, '-c', cluster, '-g', group.name, '-o', 'false']
  return attributes === '' ? words : [...words, '--attributes', attributes]
}
