/** Ordinary RocketMQ clients, as a back end has them: the Node client's producer and simple consumer. Knows nothing of the bridge. */
import { Producer, SimpleConsumer } from 'rocketmq-client-nodejs'

/** What the client would otherwise write to a file in the home folder. */
const logger = { debug() {}, info() {}, warn() {}, error() {} }

const STARTS = 10

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
    return this.#started(
      () => new Producer({ endpoints: this.#endpoint, namespace: '', logger, topics, maxAttempts: 3 }),
    )
  }

  /** Everything of a topic from now on; acknowledged as it comes. Survives a proxy that is away. */
  async consume(topic: string, group: string): Promise<Received[]> {
    const consumer = await this.#started(
      () =>
        new SimpleConsumer({
          endpoints: this.#endpoint,
          namespace: '',
          logger,
          consumerGroup: group,
          subscriptions: new Map([[topic, '*']]),
          awaitDuration: 5_000,
        }),
    )
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

  /** All clients of a process share connections: after a restart of the proxy the first attempts may fail. */
  async #started<C extends { startup(): Promise<void>; shutdown(): Promise<void> }>(make: () => C): Promise<C> {
    for (let attempt = 1; ; attempt++) {
      const client = make()
      try {
        await client.startup()
        this.#open.push(client)
        return client
      } catch (error) {
        if (attempt === STARTS) throw error
        await new Promise(resolve => setTimeout(resolve, 1_000))
      }
    }
  }

  async close(): Promise<void> {
    this.#isOpen = false
    await Promise.all(this.#open.map(client => client.shutdown()))
    // Its streams end a little later, and an error until then would be thrown at the process.
    await new Promise(resolve => setTimeout(resolve, 500))
  }
}
