/** A device: messages in and out, whatever region it is connected to. Ties outbox, subscriptions and duplicates to the one connection, which the pilot leads. */
import { checkMessage, checkPayload, checkSubscription } from './checks.ts'
import { type BrokerLimits, Connection } from './connection.ts'
import { Discovery } from './discovery.ts'
import { DeviceError } from './error.ts'
import { type DeviceEvents, Events, type Incoming, type Listener } from './events.ts'
import { Feeder } from './feeder.ts'
import { Halfway } from './halfway.ts'
import { knock } from './knock.ts'
import { ID_PROPERTY, type MessageProperties, type QoS, withId } from './message.ts'
import { type ConnectOptions, type Settings, settingsFrom } from './options.ts'
import { Outbox } from './outbox.ts'
import { PacketIds } from './packet-ids.ts'
import { Pilot } from './pilot.ts'
import type { Runtime } from './runtime.ts'
import { Seen } from './seen.ts'
import { forgetful, type Storage } from './storage.ts'
import { Subscriber } from './subscriber.ts'
import type { SubscribeOptions } from './subscriptions.ts'

export interface PublishOptions {
  /** Default 1. */
  readonly qos?: QoS
  readonly retain?: boolean
  /** MQTT 5 only. */
  readonly properties?: MessageProperties
}

export interface DeviceStats {
  readonly isOnline: boolean
  readonly region: string | undefined
  /** Of the last PINGREQ. */
  readonly rttMs: number | undefined
  readonly outboxMessages: number
  readonly outboxBytes: number
  readonly inFlight: number
  readonly subscriptions: number
  readonly seenIds: number
  /** Since the start of the process. */
  readonly published: number
  readonly acknowledged: number
  readonly refused: number
  readonly received: number
  readonly duplicates: number
  readonly connects: number
}

/** An open storage, what was in it, and what of it could not be read. */
interface Kept {
  readonly storage: Storage
  readonly records: ReadonlyMap<string, string>
  readonly damage: readonly string[]
}

/** What the storage has besides messages. */
const DOCUMENT_KEY = 'regions'

/**
 * Opens the outbox and begins to look for a region; does not wait for a connection. Listeners added right after it miss nothing.
 * Rejects with a DeviceError: 'invalid' for options that make no sense, 'storage-failed' if the outbox cannot be opened.
 */
export async function connectOn(runtime: Runtime, options: ConnectOptions): Promise<Device> {
  const settings = settingsFrom(options, runtime)
  const storage = settings.outbox === undefined ? forgetful() : runtime.storage(settings.outbox)
  const damage: string[] = []
  let records: ReadonlyMap<string, string>
  try {
    records = await storage.open(text => damage.push(text))
  } catch (error) {
    throw new DeviceError('storage-failed', `Outbox '${settings.outbox}' cannot be opened: ${String(error)}`)
  }
  return new Device(settings, runtime, { storage, records, damage })
}

export class Device {
  readonly #settings: Settings
  readonly #events = new Events()
  readonly #ids: PacketIds
  readonly #outbox: Outbox
  readonly #connection: Connection
  readonly #feeder: Feeder
  readonly #subscriber: Subscriber
  readonly #pilot: Pilot
  readonly #discovery: Discovery | undefined
  readonly #seen: Seen
  /** Begins the message ids of this run. */
  readonly #idPrefix = hex(crypto.getRandomValues(new Uint8Array(8)))
  readonly #counts = { published: 0, acknowledged: 0, refused: 0, received: 0, duplicates: 0, connects: 0 }
  #lastUrl: string | undefined
  #closed: Promise<void> | undefined
  /** What `close` found unacknowledged. */
  #left = 0
  #watchers: (() => boolean)[] = []

  /** Applications use `connect`. */
  constructor(settings: Settings, runtime: Runtime, { storage, records, damage }: Kept) {
    const { limits, random, preferRegion, clientId, mqtt } = settings
    this.#settings = settings
    this.#ids = new PacketIds(Math.floor(random() * 0xffff))
    this.#seen = new Seen(limits.seenMaxIds)
    const onTrouble = (error: Error): void => {
      setTimeout(() => this.#events.warn('storage-failed', error.message))
    }
    this.#outbox = new Outbox(storage, limits, this.#ids, {
      changed: () => this.#changed(),
      dropped: error => {
        this.#counts.refused++
        this.#events.warn('message-lost', error.message)
      },
      trouble: onTrouble,
    })
    const incoming = new Halfway(storage, records, onTrouble)
    this.#connection = new Connection(
      { clientId, connectTimeoutMs: limits.connectTimeoutMs, mqtt, incoming },
      this.#ids,
      {
        connected: (sessionPresent, allows) => this.#connected(sessionPresent, allows),
        dismissed: (code, reference) => this.#pilot.dismissed(code, reference),
        closed: reason => this.#pilot.closed(reason),
        heard: () => this.#pilot.heard(),
        pong: () => this.#pilot.pong(),
        message: message => this.#received(message),
        released: packetId => this.#outbox.released(packetId),
        acknowledged: (packetId, error) => this.#acknowledged(packetId, error),
      },
    )
    this.#feeder = new Feeder(this.#outbox, this.#connection, limits.maxInflight)
    this.#subscriber = new Subscriber(this.#connection, limits.maxSubscriptions, this.#events)
    this.#pilot = new Pilot(
      { limits, random, preferred: preferRegion, probe: runtime.probe, onLost: () => void this.#discovery?.refresh() },
      {
        dial: endpoint => {
          const { sessions } = this.#settings
          const isStale = sessions === 'separate' && this.#lastUrl !== undefined && this.#lastUrl !== endpoint.url
          this.#lastUrl = endpoint.url
          this.#connection.dial(endpoint, isStale)
        },
        drop: () => this.#connection.drop(),
        leave: () => this.#connection.leave(),
        ping: () => this.#connection.ping(),
        knock: endpoint => knock(endpoint, clientId, mqtt, limits.knockTimeoutMs),
        quiesce: withinMs => this.#quiesce(withinMs),
        bytesOnTheirWay: () => this.#outbox.bytesInFlight,
      },
      this.#events,
    )
    this.#discovery = this.#discover(runtime, storage, records.get(DOCUMENT_KEY))
    this.#outbox.restore(records)
    for (const text of damage) onTrouble(new Error(text))
    // Listeners come first.
    setTimeout(() => this.#start())
  }

  get isOnline(): boolean {
    return this.#connection.isUp
  }

  /** Name of the region the device is connected to. */
  get region(): string | undefined {
    return this.#pilot.region
  }

  /** Returns what ends the listening. */
  on<Name extends keyof DeviceEvents>(name: Name, listener: Listener<Name>): () => void {
    return this.#events.on(name, listener)
  }

  /**
   * QoS 1 (default) and 2: kept in the outbox until a broker acknowledged it, through lost connections, regions and, with an `outbox`,
   * restarts; resolves then. QoS 0: resolves when it is written. Rejects with a DeviceError that says why.
   */
  publish(topic: string, payload: string | Uint8Array, options: PublishOptions = {}): Promise<void> {
    return unforced(this.#publish(topic, payload, options))
  }

  /** Resolves with the QoS granted, which may take until there is a connection. It is asked for again wherever the session is new. Rejects with a DeviceError 'invalid', 'refused' or 'closed'. */
  subscribe(filter: string, options: SubscribeOptions = {}): Promise<QoS> {
    return unforced(this.#subscribe(filter, options))
  }

  /** Resolves when the broker confirmed it, and at once without connection: then the next one is told. Rejects with a DeviceError 'invalid', 'refused' or 'closed'. */
  unsubscribe(filter: string): Promise<void> {
    return unforced(this.#unsubscribe(filter))
  }

  /** Resolves when the outbox is empty. Rejects with a DeviceError 'closed' if `close` comes first. */
  flush(): Promise<void> {
    return unforced(this.#flush())
  }

  stats(): DeviceStats {
    return {
      isOnline: this.isOnline,
      region: this.region,
      rttMs: this.#pilot.rttMs,
      outboxMessages: this.#outbox.size,
      outboxBytes: this.#outbox.bytes,
      inFlight: this.#outbox.inFlight,
      subscriptions: this.#subscriber.size,
      seenIds: this.#seen.size,
      ...this.#counts,
    }
  }

  /** Says DISCONNECT and frees everything. What was not acknowledged stays in the storage, and its `publish` rejects with 'closed'. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#discovery?.stop()
    this.#pilot.stop()
    this.#subscriber.close()
    await this.#connection.end()
    this.#left = this.#outbox.size
    await this.#outbox.close()
    this.#changed()
  }

  async #publish(topic: string, payload: string | Uint8Array, options: PublishOptions): Promise<void> {
    const { qos = 1, retain = false, properties = {} } = options
    this.#check()
    checkMessage(topic, qos, properties)
    checkPayload(payload)
    // A copy: it may be sent again long after the application has used its buffer for something else.
    const bytes = typeof payload === 'string' ? new TextEncoder().encode(payload) : Uint8Array.from(payload)
    this.#counts.published++
    const id = this.#settings.messageIds ? `${this.#idPrefix}-${this.#counts.published}` : undefined
    const marked = id === undefined ? properties : withId(properties, id)
    if (qos === 0) {
      if (!this.#connection.isUp)
        throw new DeviceError('offline', `Message to '${topic}' with QoS 0 was dropped: no connection`)
      return this.#connection.publishAtMostOnce(topic, bytes, retain, marked)
    }
    try {
      await this.#outbox.add({ topic, payload: bytes, qos, retain, properties: marked, id, at: Date.now() })
    } catch (error) {
      if (error instanceof DeviceError && error.code === 'outbox-full')
        this.#events.emit('outbox-full', { messages: this.#outbox.size, bytes: this.#outbox.bytes })
      throw error
    }
  }

  async #flush(): Promise<void> {
    this.#check()
    await this.#once(() => this.#outbox.size === 0)
    if (this.#left > 0) throw new DeviceError('closed', `Messages not acknowledged before close: ${this.#left}`)
  }

  async #subscribe(filter: string, options: SubscribeOptions): Promise<QoS> {
    this.#check()
    checkSubscription(filter, options)
    return this.#subscriber.subscribe(filter, options)
  }

  async #unsubscribe(filter: string): Promise<void> {
    this.#check()
    checkSubscription(filter, {})
    await this.#subscriber.unsubscribe(filter)
  }

  #start(): void {
    if (this.#closed !== undefined) return
    for (const text of this.#settings.skipped) this.#events.warn('endpoint-skipped', text)
    if (this.#settings.regions.length > 0) this.#pilot.update(this.#settings.regions)
    this.#discovery?.start()
    void this.#pilot.run()
  }

  #discover({ schemes }: Runtime, storage: Storage, kept: string | undefined): Discovery | undefined {
    const { discovery: urls, limits, random } = this.#settings
    if (urls.length === 0) return undefined
    return new Discovery(
      {
        ...{ urls, schemes, limits, random, kept },
        found: (regions, text) => {
          this.#pilot.update(regions)
          storage.put(DOCUMENT_KEY, text).catch(error => this.#events.warn('storage-failed', String(error)))
        },
      },
      this.#events,
    )
  }

  #connected(sessionPresent: boolean, allows: BrokerLimits): void {
    this.#counts.connects++
    this.#feeder.connected(sessionPresent, allows)
    this.#subscriber.connected(sessionPresent)
    this.#pilot.connected(sessionPresent)
    this.#feeder.feed()
  }

  #received(message: Incoming): void {
    const id = message.properties.userProperties?.[ID_PROPERTY]
    // A retained message may be asked for again: that is no duplicate.
    const mayRepeat = !this.#settings.suppressDuplicates || message.retain || typeof id !== 'string'
    if (!mayRepeat && !this.#seen.isNew(`${id} ${message.topic}`)) {
      this.#counts.duplicates++
      return
    }
    this.#counts.received++
    this.#events.emit('message', message)
  }

  #acknowledged(packetId: number, error: DeviceError | undefined): void {
    const message = this.#outbox.settle(packetId, error)
    if (message === undefined || error !== undefined) return
    this.#counts.acknowledged++
    this.#events.emit('acknowledged', { topic: message.topic, id: message.id })
  }

  #changed(): void {
    this.#watchers = this.#watchers.filter(isDone => !isDone())
    this.#feeder.feed()
  }

  async #quiesce(withinMs: number): Promise<void> {
    this.#feeder.hold()
    let timer: ReturnType<typeof setTimeout> | undefined
    const timeout = new Promise<void>(resolve => {
      timer = setTimeout(resolve, withinMs)
    })
    await Promise.race([this.#once(() => this.#outbox.inFlight === 0), timeout])
    clearTimeout(timer)
  }

  #once(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve()
    return new Promise(resolve => {
      this.#watchers.push(() => {
        if (!holds()) return false
        resolve()
        return true
      })
    })
  }

  #check(): void {
    if (this.#closed !== undefined) throw new DeviceError('closed', 'The device is closed')
  }
}

/** A promise whose rejection nobody needs to wait for: what is lost is an event too, and does not end the process. */
function unforced<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
