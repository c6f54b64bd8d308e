/** What a core says about a RocketMQ that lacks something. */
import { beforeAll, expect, test } from 'vitest'
import type { RocketmqOptions } from '../../../core/log/rocketmq/client.node.ts'
import { INBOX_GROUP, WAL_TOPIC } from '../../../core/log/rocketmq/names.ts'
import { preflight } from '../../../core/log/rocketmq/preflight.node.ts'
import { ROCKETMQ_START_MS, sharedRocketmq } from '../../harness/rocketmq.ts'

let options: RocketmqOptions
beforeAll(async () => {
  options = await sharedRocketmq()
}, ROCKETMQ_START_MS)

const GROUP_ATTRIBUTES =
  '+lite.bind.topic=meridian-wal,+lite.sub.model=Exclusive,+lite.sub.client.quota=100000,+lite.sub.client.max.event.cnt=10000'

test('all is there', { timeout: 30_000 }, () => preflight(options))

test('no topic', { timeout: 30_000 }, async () => {
  await expect(preflight(options, [{ name: 'nowhere', type: 'LITE' }], [])).rejects.toThrow(
    "has no topic 'nowhere'; create it: mqadmin updateTopic -n NAMESRV:9876 -c DefaultCluster -t nowhere -a +message.type=LITE,+lite.topic.expiration=4500",
  )
})

test('a topic of another type', { timeout: 30_000 }, async () => {
  await expect(preflight(options, [{ name: WAL_TOPIC, type: 'NORMAL' }], [])).rejects.toThrow(
    "topic 'meridian-wal' is of type LITE, and a type cannot be changed; delete it (mqadmin deleteTopic",
  )
})

test('no group', { timeout: 30_000 }, async () => {
  await expect(preflight(options, [], [{ name: 'nobody', liteTopic: WAL_TOPIC }])).rejects.toThrow(
    `has no group 'nobody'; create it: mqadmin updateSubGroup -n NAMESRV:9876 -c DefaultCluster -g nobody -o false --attributes ${GROUP_ATTRIBUTES}`,
  )
})

test('a group of another topic', { timeout: 30_000 }, async () => {
  await expect(preflight(options, [], [{ name: INBOX_GROUP, liteTopic: WAL_TOPIC }])).rejects.toThrow(
    `group 'meridian-inbox' is not bound to topic 'meridian-wal'; bind it: mqadmin updateSubGroup -n NAMESRV:9876 -c DefaultCluster -g meridian-inbox -o false --attributes ${GROUP_ATTRIBUTES}`,
  )
})

test('nobody there', { timeout: 30_000 }, async () => {
  await expect(preflight({ ...options, endpoint: '127.0.0.1:1' })).rejects.toThrow(
    'RocketMQ at 127.0.0.1:1 answers UNAVAILABLE',
  )
})

test('proxies may be named, and some of them away', async () => {
  const port = options.endpoint.split(':')[1]
  await preflight({ ...options, endpoint: `no-such-host.invalid:1;localhost:${port};127.0.0.1:1` })
})

test.each(['localhost', 'a:b', '127.0.0.1:99999', 'a:1;b'])('endpoint %s', async endpoint => {
  await expect(preflight({ ...options, endpoint })).rejects.toThrow(`RocketMQ endpoint '${endpoint}'`)
})
