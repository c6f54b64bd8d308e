/** Ordinary RocketMQ clients, as a back end has them: the Node client's producer and simple consumer. Knows nothing of the bridge. */
import { Producer, SimpleConsumer } from 'rocketmq-client-nodejs'

/** What the client would otherwise write to a file in the home folder. */
const logger = { debug() {}, info() {}, warn() {}, error() {} }

export interface Received {
  readonly body: string
  readonly tag: string | undefined
  readonly keys: readonly string[]
  readonly group: string | undefined
  readonly properties: Readonly<Record<string, string>>
}

export class Backend {
  readonly #endpoint: string
  readonly #open: { shutdown(): Promise<void> }[] = []
  #isOpen = true

  constructor(endpoint: string) {
    this.#endpoint = endpoint
  }

  async producer(...topics: string[]): Promise<Producer> {
    const producer = new Producer({ endpoints: this.#endpoint, namespace: '', logger, topics, maxAttempts: 3 })
    await producer.startup()
    this.#open.push(producer)
    return producer
  }

  /** Everything of a topic from now on; acknowledged as it comes. Survives a proxy that is away. */
  async consume(topic: string, group: string): Promise<Received[]> {
    const consumer = new SimpleConsumer({
      endpoints: this.#endpoint,
      namespace: '',
      logger,
      consumerGroup: group,
      subscriptions: new Map([[topic, '*']]),
      awaitDuration: 5_000,
    })
    await consumer.startup()
    this.#open.push(consumer)
    const got: Received[] = []
    const read = async (): Promise<void> => {
      while (this.#isOpen) {
        try {
          for (const m of await consumer.receive(32, 10_000)) {
            got.push({
              body: m.body.toString(),
              tag: m.tag || undefined,
              keys: m.keys,
              group: m.messageGroup || undefined,
              properties: Object.fromEntries(m.properties),
            })
            await consumer.ack(m)
          }
        } catch {
          await new Promise(resolve => setTimeout(resolve, 200))
        }
      }
    }
    void read()
    return got
  }

  async close(): Promise<void> {
    this.#isOpen = false
    await Promise.all(this.#open.map(client => client.shutdown()))
    // Its streams end a little later, and an error until then would be thrown at the process.
    await new Promise(resolve => setTimeout(resolve, 500))
  }
}
