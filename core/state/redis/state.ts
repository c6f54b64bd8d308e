/** The state in Redis: stages writes, commits them in a few fenced calls, and reads everything back in pages. Owns no lease and no connection. */
import { decodeMessage } from '../../contract/codec.ts'
import type { ClientKey, Tenant, TopicFilter, TopicName } from '../../contract/ids.ts'
import type { Message } from '../../contract/message.ts'
import type { Commits } from '../../log/port.ts'
import type { SessionRecord, State, StateVisitor, StoredSubscription } from '../port.ts'
import { decodeSession, decodeSubscription } from '../record.ts'
import { bytesOf, listOf, numberOf, type Reply, textOf } from './driver.ts'
import { type Fence, FencedError } from './fence.ts'
import type { KeyForm, Keys } from './keys.ts'
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
const PAGE_MEMBERS = 1000
const PAGE_BYTES = 512 * 1024
const SUBSCRIPTION = 'sub:'

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
    for await (const [client, value] of this.#pages(sessions, session, 'HGETALL'))
      if (!visitSession(visit, client as ClientKey, listOf(value))) gone.deleteSession(client as ClientKey)
    for await (const [topic, value] of this.#pages(retained, retainedMessage, 'GET')) {
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

  /** What an index names, in its order: at most a page ahead of whoever asks. */
  async *#pages(index: string, { before, after }: KeyForm, read: 'GET' | 'HGETALL'): AsyncGenerator<[string, Reply]> {
    const { driver } = this.#fence
    const page = (from: string) => driver.run('page', [index], [from, PAGE_MEMBERS, PAGE_BYTES, before, after, read])
    let next = page('-')
    for (;;) {
      const replies = await next
      if (replies.length === 0) return
      const last = textOf(replies.at(-2))
      next = page(`(${last}`)
      // Whoever asks may stop asking.
      next.catch(() => {})
      for (let i = 0; i < replies.length; i += 2) yield [textOf(replies[i]), replies[i + 1]!]
    }
  }
}

/** False if there is no record among the fields of its key. */
function visitSession(visit: StateVisitor, client: ClientKey, fields: readonly Reply[]): boolean {
  let record: SessionRecord | undefined
  let popped = 0
  const subscriptions: StoredSubscription[] = []
  for (let i = 0; i < fields.length; i += 2) {
    const name = textOf(fields[i])
    const value = fields[i + 1]
    if (name === 'record') record = decodeSession(client, bytesOf(value)!)
    else if (name === 'popped') popped = numberOf(value)
    else if (name.startsWith(SUBSCRIPTION))
      subscriptions.push(decodeSubscription(name.slice(SUBSCRIPTION.length) as TopicFilter, bytesOf(value)!))
  }
  if (record === undefined) return false
  // Another site has published it.
  visit.session(popped >= record.epoch ? { ...record, will: undefined } : record)
  for (const subscription of subscriptions) visit.subscription(client, subscription)
  return true
}
