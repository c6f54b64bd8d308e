/**
 * Messages with QoS 2 that came and are not released yet: MQTT.js gives them out at PUBREL, so a process that ends between the two would
 * lose them (PUBREC said that we have them). Kept by the Storage until PUBREL; MQTT.js uses it as its incoming store.
 */
import mqtt from 'mqtt'
import { decode, encode } from './message.ts'
import type { Storage } from './storage.ts'

type Store = InstanceType<typeof mqtt.Store>
type Packet = Parameters<Store['put']>[0]

const HALFWAY = 'q'
const keyOf = (packetId: number): string => `${HALFWAY}${packetId}`

export class Halfway {
  readonly store: Store = new mqtt.Store({ clean: false })
  /** From an earlier run: worth something only if the broker has the session too. */
  readonly #restored = new Set<number>()
  readonly #storage: Storage
  readonly #onTrouble: (error: Error) => void

  constructor(storage: Storage, records: ReadonlyMap<string, string>, onTrouble: (error: Error) => void) {
    this.#storage = storage
    this.#onTrouble = onTrouble
    const { put, del } = this.store
    for (const [key, text] of records) {
      const message = key.startsWith(HALFWAY) ? decode(text) : undefined
      if (message === undefined) continue
      const { packetId: messageId, topic, payload, retain, properties } = message
      const packet = { cmd: 'publish', qos: 2, dup: false, messageId, topic, payload, retain, properties } as Packet
      put.call(this.store, packet, () => undefined)
      this.#restored.add(messageId)
    }
    this.store.put = (packet, done) => {
      put.call(this.store, packet, () => undefined)
      // Without `done` there is no PUBREC: the broker sends it again.
      this.#keep(packet).then(() => done(), onTrouble)
      return this.store
    }
    this.store.del = (packet, done) => {
      del.call(this.store, packet, done)
      this.#forget(packet.messageId ?? 0)
      return this.store
    }
  }

  /** The broker knows no session: it will use the packet ids for other messages. MQTT.js sees to those of this run. */
  sessionLost(): void {
    for (const messageId of this.#restored) this.store.del({ messageId }, () => undefined)
    this.#restored.clear()
  }

  #keep(packet: Packet): Promise<void> {
    if (packet.cmd !== 'publish') return Promise.resolve()
    const { topic, retain, properties = {}, messageId: packetId = 0 } = packet
    const payload = typeof packet.payload === 'string' ? new TextEncoder().encode(packet.payload) : packet.payload
    const message = { sequence: 0, packetId, topic, payload, qos: 2 as const, retain, properties, id: undefined, at: 0 }
    return this.#storage.put(keyOf(packetId), encode(message))
  }

  #forget(packetId: number): void {
    this.#restored.delete(packetId)
    this.#storage.delete(keyOf(packetId)).catch(this.#onTrouble)
  }
}
