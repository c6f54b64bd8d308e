/** The state in Redis: stages writes, commits them in a few fenced calls, and reads everything back in pages. Owns no lease and no connection. */
import { decodeMessage } from '../../contract/codec.ts'
import type { ClientKey, Tenant, TopicFilter, TopicName } from '../../contract/ids.ts'
import type { Message } from '../../contract/message.ts'
import type { Commits } from '../../log/port.ts'
import type { SessionRecord, State, StateVisitor, StoredSubscription } from '../port.ts'
import { bytesOf, listOf } from './driver.ts'
import { type Fence, FencedError } from './fence.ts'
import type { Keys } from './keys.ts'
import { pages } from './pages.ts'
import { sessionOf } from './session-fields.ts'
import { retainedBytes, Staged } from './staged.ts'

export interface RedisStateOptions {
  readonly fence: Fence
  readonly keys: Keys
}

/** Staged writes that may wait for a commit somebody else asks for. */
const FULL_KEYS = 4096
const FULL_BYTES = 4 * 1024 * 1024
/** Calls of one commit that are under way together: with the size of one, what a request holds at most. */
const CALLS_AT_ONCE = 8

/**
 * Each session is written as a whole, by one call; a commit of many may be carried out in part when it fails. The next one
 * then carries out the same again, and nothing else: what was staged meanwhile may depend on an envelope that the log does
 * not hold yet, and waits for the commit after.
 */
export class RedisState implements State {
  readonly commits: Commits
  readonly #fence: Fence
  readonly #keys: Keys
  #staged = new Staged()
  /** Under way, or failed. */
  #sending: Staged | undefined = undefined

  constructor({ fence, keys }: RedisStateOptions) {
    this.#fence = fence
    this.#keys = keys
    const state = this
    this.commits = {
      get dirty() {
        return state.#staged.size > 0 || state.#sending !== undefined
      },
      get full() {
        return state.#staged.size >= FULL_KEYS || state.#staged.bytes >= FULL_BYTES
      },
      commit: done => state.#commit(done),
      close() {},
    }
  }

  /** Fails if Redis does not answer, or holds what cannot be read. */
  async load(visit: StateVisitor): Promise<void> {
    const { sessions, session, retained, retainedMessage } = this.#keys
    const gone = new Staged()
    for await (const [name, value] of pages(this.#fence.driver, sessions, session, 'HGETALL')) {
      const client = name as ClientKey
      const found = sessionOf(client, listOf(value))
      if (found === undefined) gone.deleteSession(client)
      else {
        visit.session(found.record)
        for (const subscription of found.subscriptions) visit.subscription(client, subscription)
      }
    }
    for await (const [topic, value] of pages(this.#fence.driver, retained, retainedMessage, 'GET')) {
      const bytes = bytesOf(value)
      if (bytes === undefined) gone.deleteRetained(topic)
      else visit.retained(decodeMessage(retainedBytes(topic, bytes)))
    }
    // Redis has dropped them by itself, but not from the index.
    await this.#send(gone)
  }

  putSession(record: SessionRecord): void {
    this.#staged.putSession(record)
  }

  deleteSession(client: ClientKey): void {
    this.#staged.deleteSession(client)
  }

  putSubscription(client: ClientKey, subscription: StoredSubscription): void {
    this.#staged.putSubscription(client, subscription)
  }

  deleteSubscription(client: ClientKey, filter: TopicFilter): void {
    this.#staged.deleteSubscription(client, filter)
  }

  putRetained(message: Message): void {
    this.#staged.putRetained(`${message.tenant}:${message.topic}`, message)
  }

  deleteRetained(tenant: Tenant, topic: TopicName): void {
    this.#staged.deleteRetained(`${tenant}:${topic}`)
  }

  #commit(done: (error: Error | undefined) => void): void {
    const { stats } = this.#fence.driver
    const sending = this.#sending ?? this.#staged
    if (sending.size === 0) return done(undefined)
    if (sending === this.#staged) this.#staged = new Staged()
    this.#sending = sending
    stats.commits++
    this.#send(sending).then(
      () => {
        this.#sending = undefined
        this.#count()
        done(undefined)
      },
      error => {
        stats.commitFailures++
        this.#count()
        done(error as Error)
      },
    )
  }

  #count(): void {
    const { stats } = this.#fence.driver
    stats.nowStaged = this.#staged.size + (this.#sending?.size ?? 0)
    stats.nowStagedBytes = this.#staged.bytes + (this.#sending?.bytes ?? 0)
  }

  /** Fails only once nothing of it is under way any more. */
  async #send(staged: Staged): Promise<void> {
    const fence = this.#fence
    const order = fence.next('state')
    const chunks = staged.chunks(this.#keys)
    const sendSome = async () => {
      for (const { script, keys, args, bytes } of chunks) {
        fence.driver.stats.commitBytes += bytes
        await fence.write(script, keys, args, order)
      }
    }
    const results = await Promise.allSettled(Array.from({ length: CALLS_AT_ONCE }, sendSome))
    const failures = results.filter(r => r.status === 'rejected').map(r => r.reason as Error)
    const [failure] = failures
    if (failure !== undefined) throw failures.find(error => error instanceof FencedError) ?? failure
  }
}
