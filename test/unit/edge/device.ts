/** A device that answers nothing by itself: sends what a test says and shows what the gateway wrote. Uses mqtt-packet, not the broker's codec. */
import { generate, type Packet, parser } from 'mqtt-packet'
import { clientKey, DEFAULT_TENANT } from '../../../core/contract/ids.ts'
import type { Connection } from '../../../edge/session/connection.ts'
import { Session } from '../../../edge/session/session.ts'
import { type Pipe, World } from '../../simulation/world.ts'

/** A packet as it came, with the payload as text. */
export interface Got {
  readonly cmd: string
  readonly messageId?: number
  readonly topic?: string
  readonly payload?: string
  readonly qos?: number
  readonly dup?: boolean
  readonly retain?: boolean
  readonly returnCode?: number
  readonly reasonCode?: number
  readonly sessionPresent?: boolean
  readonly granted?: readonly number[]
  readonly properties?: Readonly<Record<string, unknown>>
}

interface PublishMore {
  readonly qos?: 0 | 1 | 2
  readonly id?: number
  readonly dup?: boolean
  readonly retain?: boolean
  readonly properties?: object
}

interface SubscribeMore {
  readonly nl?: boolean
  readonly rap?: boolean
  readonly rh?: 0 | 1 | 2
  readonly id?: number
}

export class Device {
  readonly world: World
  readonly pipe: Pipe
  readonly version: 4 | 5
  readonly #parser
  #got: Got[] = []
  #id = 1000

  constructor(world: World, version: 4 | 5 = 5) {
    this.world = world
    this.version = version
    this.pipe = world.open().pipe
    this.#parser = parser({ protocolVersion: version })
    this.#parser.on('packet', packet => {
      const got = packet as Got & { payload?: Buffer }
      this.#got.push(got.payload === undefined ? got : { ...got, payload: String(got.payload) })
    })
  }

  /** All in one chunk. */
  send(...packets: readonly object[]): this {
    const chunks = packets.map(p => generate(p as Packet, { protocolVersion: this.version }))
    this.pipe.events!.data(Buffer.concat(chunks))
    return this
  }

  /** What was written up to the end of the turn. */
  take(): Got[] {
    this.world.settle()
    return this.now()
  }

  /** What was written up to now. */
  now(): Got[] {
    const bytes = this.pipe.take()
    if (bytes.length > 0) this.#parser.parse(Buffer.from(bytes))
    const got = this.#got
    this.#got = []
    return got
  }

  connect(clientId: string, options: object = {}): this {
    return this.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: this.version,
      clean: true,
      keepalive: 0,
      clientId,
      ...options,
    })
  }

  /** CONNECT, with its CONNACK taken. */
  join(clientId: string, options: object = {}): this {
    const [connack] = this.connect(clientId, options).take()
    if (connack?.cmd !== 'connack' || (connack.reasonCode ?? connack.returnCode) !== 0)
      throw new Error(`CONNECT of ${clientId} was answered with ${JSON.stringify(connack)}`)
    return this
  }

  /** SUBSCRIBE, with its SUBACK taken. */
  sub(topic: string, qos: 0 | 1 | 2, more: SubscribeMore = {}): Got[] {
    this.send(this.subscribe(topic, qos, more))
    return this.take().filter(p => p.cmd !== 'suback')
  }

  subscribe(topic: string, qos: 0 | 1 | 2, { id, ...options }: SubscribeMore = {}): object {
    const properties = id === undefined ? {} : { properties: { subscriptionIdentifier: id } }
    return { cmd: 'subscribe', messageId: ++this.#id, subscriptions: [{ topic, qos, ...options }], ...properties }
  }

  pub(topic: string, payload: string, { qos = 0, id, ...more }: PublishMore = {}): this {
    return this.send({
      cmd: 'publish',
      topic,
      payload,
      qos,
      messageId: qos > 0 ? (id ?? ++this.#id) : undefined,
      ...more,
    })
  }

  ack(cmd: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', messageId: number, reasonCode = 0): this {
    return this.send({ cmd, messageId, ...(this.version === 5 ? { reasonCode } : {}) })
  }

  /** The connection breaks. */
  drop(): void {
    this.pipe.ended = true
    this.pipe.events!.closed()
    this.world.settle()
  }

  get ended(): boolean {
    return this.pipe.ended
  }
}

/** CONNECT options of a session that is kept. */
export const kept = (version: 4 | 5 = 5, clean = false): object =>
  version === 5 ? { clean, properties: { sessionExpiryInterval: 3600 } } : { clean }

export const publishes = (got: readonly Got[]): Got[] => got.filter(p => p.cmd === 'publish')
export const payloads = (got: readonly Got[]): string[] => publishes(got).map(p => p.payload ?? '')

/** The gauges that are not zero. */
export const gauges = (stats: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(stats).filter(([name, value]) => name.startsWith('now') && value !== 0))

/** A session that nothing is sent to: for its packet ids. */
export const bareSession = (epoch: number): Session =>
  new Session({
    key: clientKey(DEFAULT_TENANT, 'to'),
    identity: { tenant: DEFAULT_TENANT, clientId: 'to', username: undefined },
    version: 5,
    epoch,
    connection: new World().open().events as Connection,
    expirySec: 0,
    quota: 10,
    maxPacketBytes: 100,
    aliasMaximum: 0,
    problemInformation: true,
    queueMessages: 10,
    queueBytes: 10,
  })
