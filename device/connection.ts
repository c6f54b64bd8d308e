/**
 * One MQTT.js client for the whole life of a device; only where its stream leads changes. Sends, and says what came back.
 * Decides neither where to connect nor what to send.
 *
 * MQTT.js has stores of its own for what is in flight, and goes through them one message per round trip before it says `connect`.
 * Here the outbox has them: MQTT.js is given a store that is always empty, and packet ids that the outbox chose.
 */
import mqtt, { type IConnackPacket, type MqttClient } from 'mqtt'
import type { Endpoint } from './endpoint.ts'
import { DeviceError } from './error.ts'
import type { Incoming } from './events.ts'
import type { Halfway } from './halfway.ts'
import type { MessageProperties, OutboxMessage, QoS } from './message.ts'
import { forMqttJs, leadingTo, type MqttOptions } from './mqtt-options.ts'
import type { PacketIds } from './packet-ids.ts'
import type { SubscribeOptions } from './subscriptions.ts'

/** What CONNACK says the broker takes; without limits for 3.1.1. */
export interface BrokerLimits {
  readonly receiveMaximum: number
  readonly maximumQos: number
  readonly maximumPacketBytes: number
}

export interface ConnectionHandlers {
  connected(sessionPresent: boolean, allows: BrokerLimits): void
  /** CONNACK or DISCONNECT of the broker said why it ends: an MQTT 5 reason code, or a return code of 3.1.1 (1 to 5). `closed` follows. */
  dismissed(code: number, reference: string | undefined): void
  closed(reason: string): void
  heard(): void
  pong(): void
  message(message: Incoming): void
  /** PUBREC came: PUBREL goes out when the promise resolves. */
  released(packetId: number): Promise<void>
  /** The end of a message with QoS 1 or 2. */
  acknowledged(packetId: number, error: DeviceError | undefined): void
}

export interface ConnectionOptions {
  readonly clientId: string
  readonly connectTimeoutMs: number
  readonly mqtt: MqttOptions
  readonly incoming: Halfway
}

/** A broker that does not end the connection after DISCONNECT is not waited for any longer. */
const LEAVE_MS = 500
const PACKET_ID_NOT_FOUND = 0x92

export class Connection {
  readonly #client: MqttClient
  readonly #ids: PacketIds
  readonly #handlers: ConnectionHandlers
  readonly #servername: string | undefined
  readonly #isV5: boolean
  readonly #incoming: Halfway
  /** Counts connections, so that what belonged to an old one is not sent on a new one. */
  #generation = 0
  /** From `dial` to `closed`. */
  #isOpen = false
  /** From CONNACK on, until it is known to end. */
  #isUp = false
  #lastError = ''

  constructor(options: ConnectionOptions, ids: PacketIds, handlers: ConnectionHandlers) {
    this.#ids = ids
    this.#handlers = handlers
    this.#servername = options.mqtt.servername
    this.#incoming = options.incoming
    this.#isV5 = (options.mqtt.protocolVersion ?? 5) === 5
    this.#client = mqtt.connect({
      keepalive: 30,
      protocolVersion: 5,
      ...forMqttJs(options.mqtt),
      clientId: options.clientId,
      clean: false,
      connectTimeout: options.connectTimeoutMs,
      protocol: 'ws',
      manualConnect: true,
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      messageIdProvider: ids,
      outgoingStore: this.#releases(),
      incomingStore: options.incoming.store,
    })
    this.#listen()
  }

  get isUp(): boolean {
    return this.#isUp
  }

  /** Opens a connection; only after `closed` of the one before. With `clean` the broker forgets an older session. */
  dial(endpoint: Endpoint, clean: boolean): void {
    this.#generation++
    this.#lastError = ''
    Object.assign(this.#client.options, leadingTo(endpoint, this.#servername), { clean })
    try {
      this.#client.connect()
      this.#isOpen = true
      const { stream } = this.#client
      stream.on('data', () => this.#handlers.heard())
      // MQTT.js tells some of them only, and not what a server answered in place of a WebSocket.
      stream.on('error', error => {
        this.#lastError = error.message
      })
      // Otherwise a small packet waits until the one before has arrived.
      if ('setNoDelay' in stream && typeof stream.setNoDelay === 'function') stream.setNoDelay(true)
    } catch (error) {
      queueMicrotask(() => this.#handlers.closed(error instanceof Error ? error.message : String(error)))
    }
  }

  /** Ends the connection at once; `closed` follows. */
  drop(): void {
    this.#isUp = false
    if (this.#isOpen) this.#client.stream.destroy()
  }

  /** Says DISCONNECT, so that the will stays unsent and the session is kept, and ends the connection; `closed` follows. */
  leave(): void {
    if (!this.#isUp) return this.drop()
    this.#isUp = false
    const { stream } = this.#client
    stream.write(Uint8Array.of(0xe0, 0x00))
    stream.end()
    setTimeout(() => stream.destroy(), LEAVE_MS)
  }

  /** Leaves, and frees what MQTT.js holds. Nothing works afterwards. */
  async end(): Promise<void> {
    this.leave()
    if (this.#isOpen) await new Promise<void>(resolve => this.#client.once('close', () => resolve()))
    // MQTT.js cannot end what never had a stream.
    if (this.#client.stream !== undefined) this.#client.end(true)
  }

  ping(): void {
    this.#client.sendPing()
  }

  /** QoS 0. Resolves when it is written. */
  publishAtMostOnce(topic: string, payload: Uint8Array, retain: boolean, properties: MessageProperties): Promise<void> {
    return new Promise((resolve, reject) => {
      const options = { qos: 0 as const, retain, ...this.#withProperties(properties) }
      this.#client.publish(topic, payload as Payload, options, error =>
        error ? reject(new DeviceError('offline', `Message to '${topic}' was not sent: ${error.message}`)) : resolve(),
      )
    })
  }

  /** Sends a message of the outbox. `acknowledged` follows, or the end of the connection. */
  publish(message: OutboxMessage, properties: MessageProperties, dup: boolean): void {
    const { topic, payload, qos, retain, packetId } = message
    const options = { qos, retain, dup, ...this.#withProperties(properties) }
    this.#ids.dictate(packetId, () =>
      this.#client.publish(topic, payload as Payload, options, error => this.#ended(packetId, topic, error)),
    )
  }

  /** Goes on with a message whose PUBREC came on an earlier connection. MQTT.js can only do so by itself, so the packet is written here. */
  release({ packetId, topic }: OutboxMessage): void {
    this.#client.outgoing[packetId] = {
      volatile: false,
      cmd: 'pubrel',
      cb: (error: Error | null | undefined) => this.#ended(packetId, topic, error),
    }
    this.#client.stream.write(Uint8Array.of(0x62, 0x02, packetId >> 8, packetId & 0xff))
  }

  /** The QoS granted. Rejects with a DeviceError: 'refused', or 'offline' if the connection ends before SUBACK. */
  async subscribe(filter: string, options: SubscribeOptions): Promise<QoS> {
    const { subscriptionIdentifier } = options
    try {
      const [grant] = await this.#client.subscribeAsync(filter, {
        qos: options.qos ?? 1,
        ...(this.#isV5 && {
          nl: options.noLocal ?? false,
          rap: options.retainAsPublished ?? false,
          rh: options.retainHandling ?? 0,
          ...(subscriptionIdentifier !== undefined && { properties: { subscriptionIdentifier } }),
        }),
      })
      const qos = grant?.qos ?? 0
      if (qos > 2) throw new DeviceError('refused', `Filter '${filter}' was refused`, qos)
      return qos as QoS
    } catch (error) {
      throw asDeviceError(error, `Filter '${filter}' was refused`)
    }
  }

  /** Rejects with a DeviceError like `subscribe`. */
  async unsubscribe(filter: string): Promise<void> {
    try {
      await this.#client.unsubscribeAsync(filter)
    } catch (error) {
      throw asDeviceError(error, `Filter '${filter}' was not unsubscribed`)
    }
  }

  #listen(): void {
    const handlers = this.#handlers
    this.#client.on('connect', ({ sessionPresent, properties }) => {
      this.#isUp = true
      handlers.connected(sessionPresent, {
        receiveMaximum: properties?.receiveMaximum ?? 0xffff,
        maximumQos: properties?.maximumQoS ?? 2,
        maximumPacketBytes: properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY,
      })
    })
    this.#client.on('packetreceive', packet => {
      if (packet.cmd === 'pingresp') handlers.pong()
      else if (packet.cmd === 'connack') this.#judge(packet)
      else if (packet.cmd === 'disconnect') {
        const { reasonCode = 0, properties } = packet
        this.#isUp = false
        handlers.dismissed(reasonCode, properties?.serverReference)
        this.#lastError = `The broker said DISCONNECT with reason code 0x${reasonCode.toString(16)}`
        this.#client.stream.end()
      }
    })
    this.#client.on('message', (topic, payload, { qos, retain, dup, properties }) => {
      const text = (): string => new TextDecoder().decode(payload)
      handlers.message({ topic, payload, qos, retain, dup, properties: properties ?? {}, text })
    })
    this.#client.on('error', error => {
      this.#lastError = error.message
      // What cannot be read as MQTT is followed by nothing that can.
      this.drop()
    })
    this.#client.on('close', () => {
      this.#isUp = false
      this.#isOpen = false
      handlers.closed(this.#lastError === '' ? 'The connection ended' : this.#lastError)
    })
  }

  #judge({ reasonCode, returnCode, properties, sessionPresent }: IConnackPacket): void {
    const code = (this.#isV5 ? reasonCode : returnCode) ?? 0
    if (code !== 0) this.#handlers.dismissed(code, properties?.serverReference)
    else if (!sessionPresent) this.#incoming.sessionLost()
  }

  #ended(packetId: number, topic: string, error: unknown): void {
    if (!error) return this.#handlers.acknowledged(packetId, undefined)
    const code = reasonCodeOf(error)
    // The answer to a PUBREL sent again whose PUBCOMP was lost: no error during recovery [MQTT 5, 3.7.2.1].
    if (code === PACKET_ID_NOT_FOUND) return this.#handlers.acknowledged(packetId, undefined)
    // Anything else is the end of a connection: the message stays in the outbox.
    if (code === undefined) return
    const text = `Message to '${topic}' was refused with reason code 0x${code.toString(16)}`
    this.#handlers.acknowledged(packetId, new DeviceError('refused', text, code))
  }

  #withProperties(properties: MessageProperties): { properties?: Properties } {
    return this.#isV5 && Object.keys(properties).length > 0 ? { properties: properties as Properties } : {}
  }

  /** A store that keeps nothing, and through which MQTT.js says that PUBREC came. */
  #releases(): InstanceType<typeof mqtt.Store> {
    const store = new mqtt.Store({ clean: false })
    store.put = (packet, stored) => {
      if (packet.cmd !== 'pubrel') stored()
      else {
        const generation = this.#generation
        this.#handlers.released(packet.messageId ?? 0).then(() => {
          if (generation === this.#generation) stored()
        })
      }
      return store
    }
    store.del = (packet, removed) => {
      removed(undefined, packet as Parameters<typeof removed>[1])
      return store
    }
    return store
  }
}

type Payload = Parameters<MqttClient['publish']>[1]
type Properties = NonNullable<Parameters<MqttClient['publishAsync']>[2]>['properties'] & object

function reasonCodeOf(error: unknown): number | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'number' ? code : undefined
}

function asDeviceError(error: unknown, what: string): DeviceError {
  if (error instanceof DeviceError) return error
  const code = reasonCodeOf(error) ?? subackCodeOf(error)
  const text = error instanceof Error ? error.message : String(error)
  if (code !== undefined) return new DeviceError('refused', `${what} with reason code 0x${code.toString(16)}`, code)
  return new DeviceError(/^(?:Invalid|Protocol)/.test(text) ? 'invalid' : 'offline', `${what}: ${text}`)
}

/** MQTT.js rejects with the SUBACK packet beside the error. */
function subackCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error && 'packet' in error)) return undefined
  const { packet } = error
  if (typeof packet !== 'object' || packet === null || !('granted' in packet) || !Array.isArray(packet.granted))
    return undefined
  return packet.granted.find((code: unknown) => typeof code === 'number' && code > 2)
}
