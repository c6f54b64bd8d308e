/** Messages with QoS 1 and 2 from `publish` to their acknowledgement, in order, bounded and kept by a Storage. Knows no connection: it is told what was sent. */
import { DeviceError } from './error.ts'
import type { DeviceLimits } from './limits.ts'
import { decode, encode, type OutboxMessage, packetBytes } from './message.ts'
import type { PacketIds } from './packet-ids.ts'
import type { Storage } from './storage.ts'

export interface Entry {
  readonly message: OutboxMessage
  /** It may have reached the broker whose session goes on: sent again, it says DUP. */
  mayBeSent: boolean
  /** PUBREC came: PUBREL is what goes on, never PUBLISH again [MQTT-4.3.3-6]. */
  released: boolean
  stored: boolean
  /** On the connection of now. */
  isInFlight: boolean
  readonly bytes: number
  readonly settle: (error?: DeviceError) => void
}

export type NewMessage = Omit<OutboxMessage, 'sequence' | 'packetId'>

export interface OutboxHandlers {
  /** Something may be sent, or was settled. */
  changed(): void
  /** A message ended without an acknowledgement. */
  dropped(error: DeviceError): void
  /** The storage failed after a message was accepted. */
  trouble(error: Error): void
}

type Bounds = Pick<DeviceLimits, 'outboxMaxMessages' | 'outboxMaxBytes'>

const PUBLISHED = 'p'
const RELEASED = 'r'
const keyOf = (kind: string, sequence: number): string => `${kind}${String(sequence).padStart(12, '0')}`

export class Outbox {
  readonly #storage: Storage
  readonly #bounds: Bounds
  readonly #ids: PacketIds
  /** By packet id, in order. */
  readonly #entries = new Map<number, Entry>()
  /** Not sent on the connection of now, in order, from `#head` on. */
  #waiting: Entry[] = []
  #head = 0
  #bytes = 0
  #bytesInFlight = 0
  #sequence = 0
  readonly #handlers: OutboxHandlers

  constructor(storage: Storage, bounds: Bounds, ids: PacketIds, handlers: OutboxHandlers) {
    this.#storage = storage
    this.#bounds = bounds
    this.#ids = ids
    this.#handlers = handlers
  }

  get size(): number {
    return this.#entries.size
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Sent on the connection of now, not yet acknowledged. */
  get inFlight(): number {
    return this.#entries.size - (this.#waiting.length - this.#head)
  }

  get bytesInFlight(): number {
    return this.#bytesInFlight
  }

  /** Takes in what an earlier run left behind. Any of it may have been sent. */
  restore(records: ReadonlyMap<string, string>): void {
    for (const [key, text] of records) {
      if (!key.startsWith(PUBLISHED)) continue
      const message = decode(text)
      if (message === undefined) {
        this.#handlers.trouble(new Error(`Record '${key}' of the outbox cannot be read`))
        continue
      }
      const released = records.has(keyOf(RELEASED, message.sequence))
      this.#ids.taken(message.packetId)
      this.#enter({
        ...{ message, released, mayBeSent: true, stored: true, isInFlight: false },
        bytes: packetBytes(message),
        settle: () => undefined,
      })
      this.#sequence = Math.max(this.#sequence, message.sequence)
    }
  }

  /** Resolves when the message is acknowledged. Rejects with a DeviceError: 'too-large' or 'outbox-full' at once, 'refused', 'expired', 'storage-failed' or 'closed' later. */
  add(fresh: NewMessage): Promise<void> {
    const bytes = packetBytes(fresh)
    const { outboxMaxBytes } = this.#bounds
    if (bytes > outboxMaxBytes) {
      const text = `Message to '${fresh.topic}' has ${bytes} bytes, more than the outbox may hold: ${outboxMaxBytes} bytes`
      return Promise.reject(new DeviceError('too-large', text))
    }
    const packetId = this.#hasRoom(bytes) ? this.#ids.take() : undefined
    if (packetId === undefined)
      return Promise.reject(
        new DeviceError(
          'outbox-full',
          `Outbox is full: ${this.size} messages, ${this.#bytes} bytes; no room for ${bytes} bytes`,
        ),
      )
    const message: OutboxMessage = { ...fresh, sequence: ++this.#sequence, packetId }
    return new Promise((resolve, reject) => {
      const settle = (error?: DeviceError): void => (error === undefined ? resolve() : reject(error))
      const entry: Entry = {
        message,
        bytes,
        settle,
        mayBeSent: false,
        released: false,
        stored: false,
        isInFlight: false,
      }
      this.#enter(entry)
      this.#storage.put(keyOf(PUBLISHED, message.sequence), encode(message)).then(
        () => {
          entry.stored = true
          this.#handlers.changed()
        },
        (error: unknown) =>
          this.settle(packetId, new DeviceError('storage-failed', `Outbox cannot keep a message: ${String(error)}`)),
      )
    })
  }

  /** A new connection: everything is to be sent, in order. Without the session of before, from its first step. */
  connected(sessionPresent: boolean): void {
    this.#waiting = [...this.#entries.values()]
    this.#head = 0
    this.#bytesInFlight = 0
    for (const entry of this.#waiting) entry.isInFlight = false
    if (sessionPresent) return
    for (const entry of this.#waiting) {
      entry.mayBeSent = false
      if (!entry.released) continue
      entry.released = false
      this.#forget(entry.message, RELEASED)
    }
  }

  /** The next one to send, taken out of the line; undefined if nothing waits or it is not stored yet. What has expired is settled instead. */
  next(wallClock: number): Entry | undefined {
    for (;;) {
      const entry = this.#waiting[this.#head]
      if (entry === undefined || !entry.stored) return undefined
      this.#advance()
      if (this.#entries.get(entry.message.packetId) !== entry) continue
      const { messageExpiryInterval } = entry.message.properties
      if (!entry.mayBeSent && messageExpiryInterval !== undefined && remainingSec(entry.message, wallClock) <= 0) {
        const text = `Message to '${entry.message.topic}' expired after ${messageExpiryInterval} s in the outbox`
        this.settle(entry.message.packetId, new DeviceError('expired', text))
        continue
      }
      entry.isInFlight = true
      this.#bytesInFlight += entry.bytes
      return entry
    }
  }

  /** PUBREC came. Resolves when that is stored: only then may PUBREL go out. */
  async released(packetId: number): Promise<void> {
    const entry = this.#entries.get(packetId)
    if (entry === undefined || entry.released) return
    entry.released = true
    await this.#storage.put(keyOf(RELEASED, entry.message.sequence), '').catch(this.#handlers.trouble)
  }

  /** The end of a message: acknowledged, or failed with an error. Returns it, or undefined if it had ended before. */
  settle(packetId: number, error?: DeviceError): OutboxMessage | undefined {
    const entry = this.#entries.get(packetId)
    if (entry === undefined) return undefined
    this.#entries.delete(packetId)
    this.#bytes -= entry.bytes
    if (entry.isInFlight) this.#bytesInFlight -= entry.bytes
    this.#ids.free(packetId)
    this.#forget(entry.message, PUBLISHED, ...(entry.released ? [RELEASED] : []))
    entry.settle(error)
    if (error !== undefined) this.#handlers.dropped(error)
    this.#handlers.changed()
    return entry.message
  }

  /** Rejects what is open, and closes the storage, which keeps it. */
  async close(): Promise<void> {
    for (const { settle, message } of this.#entries.values())
      settle(new DeviceError('closed', `Message to '${message.topic}' was not acknowledged before close`))
    this.#entries.clear()
    this.#waiting = []
    this.#head = 0
    this.#bytes = 0
    await this.#storage.close()
  }

  #hasRoom(bytes: number): boolean {
    return this.size < this.#bounds.outboxMaxMessages && this.#bytes + bytes <= this.#bounds.outboxMaxBytes
  }

  #enter(entry: Entry): void {
    this.#entries.set(entry.message.packetId, entry)
    this.#waiting.push(entry)
    this.#bytes += entry.bytes
  }

  #advance(): void {
    this.#head++
    if (this.#head < 1024 || this.#head * 2 < this.#waiting.length) return
    this.#waiting = this.#waiting.slice(this.#head)
    this.#head = 0
  }

  #forget({ sequence }: OutboxMessage, ...kinds: string[]): void {
    this.#storage.delete(...kinds.map(kind => keyOf(kind, sequence))).catch(this.#handlers.trouble)
  }
}

/** What is left of the Message Expiry Interval, whole seconds, as it goes on the wire. */
export const remainingSec = ({ properties, at }: OutboxMessage, wallClock: number): number =>
  Math.ceil((properties.messageExpiryInterval ?? 0) - Math.max(0, wallClock - at) / 1000)
