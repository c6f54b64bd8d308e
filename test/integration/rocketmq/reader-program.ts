/** A reader of a lite topic that is killed with a batch in its hands: `endpoint lite-topic`. */
import { openLiteConsumer } from '../../../core/log/rocketmq/client.node.ts'
import { WAL_GROUP, WAL_TOPIC } from '../../../core/log/rocketmq/names.ts'

const [endpoint = '', liteTopic = ''] = process.argv.slice(2)
const consumer = await openLiteConsumer(
  { endpoint, log: { warn: text => console.error(text) } },
  { topic: WAL_TOPIC, group: WAL_GROUP, onMessage: () => process.kill(process.pid, 'SIGKILL') },
)
await consumer.subscribe(liteTopic, 0)
setInterval(() => {}, 1_000)
