/** Lite topics in memory with RocketMQ's bad habits: appends that land twice, land and fail, or land late; reading that takes its time. For tests of the inboxes. */
import type { InboxTransport } from '../../../../../core/log/rocketmq/inbox.ts'

interface Topic {
  readonly bodies: Uint8Array[]
  /** Offsets below were deleted. */
  min: number
}

export class LiteTopics {
  readonly topics = new Map<string, Topic>()
  readonly #random: () => number
  /** Of each append: that it fails; that it lands all the same; that what landed lands once more. */
  trouble = 0
  /** Nothing lands and nothing is answered. */
  isDown = false

  constructor(random: () => number = () => 1) {
    this.#random = random
  }

  /** What one store sees. */
  connect(receive: (liteTopic: string, offset: number, body: Uint8Array) => void): InboxTransport & { close(): void } {
    const cursors = new Map<string, { next: number }>()
    let isOpen = true
    const read = async (name: string, cursor: { next: number }) => {
      while (isOpen && cursors.get(name) === cursor) {
        await this.#later()
        const topic = this.topics.get(name)
        if (cursors.get(name) !== cursor || !isOpen) return
        cursor.next = Math.max(cursor.next, topic?.min ?? 0)
        const body = topic?.bodies[cursor.next]
        if (body !== undefined) receive(name, cursor.next++, body.slice())
        else await new Promise(resolve => setTimeout(resolve, 1))
      }
    }
    return {
      send: (name, body) => this.#send(name, body),
      subscribe: async (name, offset) => {
        const cursor = { next: offset }
        cursors.set(name, cursor)
        await this.#later()
        if (this.isDown) throw new Error('RocketMQ is down')
        void read(name, cursor)
      },
      unsubscribe: async name => {
        cursors.delete(name)
        await this.#later()
      },
      close() {
        isOpen = false
      },
    }
  }

  async #send(name: string, body: Uint8Array): Promise<void> {
    await this.#later()
    if (this.isDown) throw new Error('RocketMQ is down')
    const fails = this.#random() < this.trouble
    if (!fails || this.#random() < 0.5) {
      this.#append(name, body)
      if (this.#random() < this.trouble) void this.#later().then(() => this.#append(name, body))
    }
    await this.#later()
    if (fails) throw new Error('RocketMQ did not answer')
  }

  #append(name: string, body: Uint8Array): void {
    let topic = this.topics.get(name)
    if (topic === undefined) this.topics.set(name, (topic = { bodies: [], min: 0 }))
    topic.bodies.push(body.slice())
  }

  async #later(): Promise<void> {
    for (let n = Math.floor(this.#random() * 4); n > 0; n--) await new Promise(resolve => setImmediate(resolve))
  }
}
