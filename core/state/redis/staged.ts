/** Writes that wait for a commit: of several to one key only the last. Knows the arguments of the scripts that carry them out, and sends nothing. */
import { ByteWriter, writeMessage } from '../../contract/codec.ts'
import type { ClientKey, TopicFilter } from '../../contract/ids.ts'
import { type Message, NEVER } from '../../contract/message.ts'
import { endsAt } from '../../will/will.ts'
import type { SessionRecord, StoredSubscription } from '../port.ts'
import { encodeSession, encodeSubscription } from '../record.ts'
import type { Argument } from './driver.ts'
import { type Keys, keyOf } from './keys.ts'
import type { ScriptName } from './scripts.ts'

/** One call of a script. */
export interface Chunk {
  readonly script: ScriptName
  /** After the lease. */
  readonly keys: readonly string[]
  /** After what the fence puts first. */
  readonly args: readonly Argument[]
  readonly bytes: number
}

interface Session {
  /** What is stored goes first. */
  readonly forget: boolean
  /** Record, when the key expires, whether there is a will. */
  record: readonly Argument[] | undefined
  /** Undefined: it is removed. */
  readonly subscriptions: Map<TopicFilter, Uint8Array | undefined>
}

interface Retained {
  /** Undefined: it is removed. */
  readonly message: Uint8Array | undefined
  readonly expires: Argument
}

/** A site that is away for this long still finds sessions that have ended meanwhile, and publishes their wills. */
const KEPT_LONGER_MS = 24 * 3600 * 1000
/** A call holds up Redis, so that it gets no more than this at once. */
const CHUNK_KEYS = 256
const CHUNK_BYTES = 256 * 1024
const OVERHEAD_BYTES = 64
const RETAINED_VERSION = 2
const NOTHING = ''

export class Staged {
  /** About what will be sent. */
  bytes = 0
  readonly #sessions = new Map<ClientKey, Session>()
  /** By `tenant:topic`. */
  readonly #retained = new Map<string, Retained>()
  readonly #writer = new ByteWriter()

  get size(): number {
    return this.#sessions.size + this.#retained.size
  }

  putSession(record: SessionRecord): void {
    const bytes = encodeSession(record)
    this.bytes += bytes.length
    this.#session(record.client).record = [
      bytes,
      time(endsAt(record) + KEPT_LONGER_MS),
      record.will === undefined ? '0' : '1',
    ]
  }

  deleteSession(client: ClientKey): void {
    this.#sessions.delete(client)
    this.#session(client, true)
  }

  putSubscription(client: ClientKey, subscription: StoredSubscription): void {
    const bytes = encodeSubscription(subscription)
    this.bytes += bytes.length + subscription.filter.length
    this.#session(client).subscriptions.set(subscription.filter, bytes)
  }

  deleteSubscription(client: ClientKey, filter: TopicFilter): void {
    this.bytes += filter.length
    this.#session(client).subscriptions.set(filter, undefined)
  }

  putRetained(topic: string, message: Message): void {
    const w = this.#writer
    w.clear()
    w.u8(RETAINED_VERSION)
    writeMessage(w, message, '')
    const expires = message.expiresAt === NEVER ? NOTHING : time(message.expiresAt + KEPT_LONGER_MS)
    this.#keep(topic, { message: w.copy(), expires })
  }

  deleteRetained(topic: string): void {
    this.#keep(topic, { message: undefined, expires: NOTHING })
  }

  /** All of it, in calls that each leave whole sessions behind. */
  *chunks(keys: Keys): Generator<Chunk, void> {
    const { session, sessions, wills, retained, retainedMessage } = keys
    const batch = new Batch('sessions', [sessions, wills])
    for (const [client, staged] of this.#sessions) {
      batch.add(keyOf(session, client), sessionWords(client, staged))
      if (batch.full) yield batch.take()
    }
    if (batch.size > 0) yield batch.take()
    const topics = new Batch('retained', [retained])
    for (const [topic, { message, expires }] of this.#retained) {
      topics.add(keyOf(retainedMessage, topic), [topic, message ?? NOTHING, expires])
      if (topics.full) yield topics.take()
    }
    if (topics.size > 0) yield topics.take()
  }

  #session(client: ClientKey, forget = false): Session {
    let s = this.#sessions.get(client)
    if (s === undefined) {
      this.#sessions.set(client, (s = { forget, record: undefined, subscriptions: new Map() }))
      this.bytes += client.length + OVERHEAD_BYTES
    }
    return s
  }

  #keep(topic: string, retained: Retained): void {
    this.bytes += topic.length + OVERHEAD_BYTES + (retained.message?.length ?? 0)
    this.#retained.set(topic, retained)
  }
}

/** A retained message as it was stored, without its version. Throws RangeError on another version. */
export function retainedBytes(topic: string, bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== RETAINED_VERSION) throw new RangeError(`Retained message of '${topic}' has version ${bytes[0]}`)
  return bytes.subarray(1)
}

/** Whole ms, or nothing for never. */
const time = (ms: number): Argument => (Number.isFinite(ms) ? Math.floor(ms) : NOTHING)

function sessionWords(client: ClientKey, { forget, record, subscriptions }: Session): Argument[] {
  const words: Argument[] = [client, forget ? '1' : '0', ...(record ?? [NOTHING])]
  const puts: Argument[] = []
  const removed: TopicFilter[] = []
  for (const [filter, bytes] of subscriptions) {
    if (bytes === undefined) removed.push(filter)
    else puts.push(filter, bytes)
  }
  words.push(puts.length / 2)
  for (const word of puts) words.push(word)
  words.push(removed.length)
  for (const word of removed) words.push(word)
  return words
}

/** Arguments of the next call of one script. */
class Batch {
  size = 0
  readonly #script: ScriptName
  readonly #first: readonly string[]
  #keys: string[]
  #args: Argument[] = []
  #bytes = 0

  constructor(script: ScriptName, first: readonly string[]) {
    this.#script = script
    this.#first = first
    this.#keys = [...first]
  }

  get full(): boolean {
    return this.size >= CHUNK_KEYS || this.#bytes >= CHUNK_BYTES
  }

  add(key: string, words: readonly Argument[]): void {
    this.size++
    this.#keys.push(key)
    this.#bytes += key.length
    for (const word of words) {
      this.#args.push(word)
      this.#bytes += typeof word === 'number' ? 8 : word.length
    }
  }

  take(): Chunk {
    const chunk = { script: this.#script, keys: this.#keys, args: this.#args, bytes: this.#bytes }
    this.size = 0
    this.#keys = [...this.#first]
    this.#args = []
    this.#bytes = 0
    return chunk
  }
}
