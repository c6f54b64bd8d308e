/** A member on MQTT.js as an application without the SDK would use it: a list of servers that it goes through by itself. */
import mqtt, { type MqttClient } from 'mqtt'
import type { Record } from '../history/recorder.ts'
import {
  type Endpoint,
  type Member,
  type MemberOptions,
  nextConnection,
  type Outgoing,
  SESSION_EXPIRY_SEC,
  WILL_DELAY_SEC,
  WINDOW,
  willOf,
} from './member.ts'

/** Seconds; MQTT.js notices a silent server after one to one and a half of it. */
const KEEP_ALIVE_SEC = 5
const RECONNECT_MS = 1_000
const CONNECT_TIMEOUT_MS = 5_000

interface Server {
  host: string
  port: number
  protocol: 'mqtt'
}

export class PlainMember implements Member {
  readonly kind = 'plain'
  readonly name: string
  readonly home: string
  readonly will: string | undefined
  readonly #options: MemberOptions
  readonly #version: 4 | 5
  readonly #record: Record
  readonly #servers: Server[]
  #client: MqttClient | undefined
  #line: Member['line']
  #known = false
  #subscribed = false
  #ending = false
  unacknowledged = 0

  /** A will without delay, as MQTT 3.1.1 has it, could be due and not due with every loss: only MQTT 5 members have one. */
  constructor(options: MemberOptions, version: 4 | 5, record: Record) {
    this.name = options.name
    this.home = options.home
    this.will = version === 5 ? willOf(options.name).payload : undefined
    this.#options = options
    this.#version = version
    this.#record = record
    this.#servers = options.endpoints.map(serverOf)
  }

  get line(): Member['line'] {
    return this.#line
  }

  get isUp(): boolean {
    return this.#line !== undefined && this.#subscribed
  }

  async start(): Promise<void> {
    const { name } = this.#options
    const v5 = {
      properties: { sessionExpiryInterval: SESSION_EXPIRY_SEC },
      will: { ...willOf(name), properties: { willDelayInterval: WILL_DELAY_SEC } },
    }
    const client = mqtt.connect({
      clientId: name,
      servers: this.#servers,
      protocolVersion: this.#version,
      ...(this.#version === 5 && v5),
      clean: false,
      resubscribe: false,
      keepalive: KEEP_ALIVE_SEC,
      reconnectPeriod: RECONNECT_MS,
      connectTimeout: CONNECT_TIMEOUT_MS,
      reconnectOnConnackError: true,
    })
    this.#client = client
    // MQTT.js says `connect` only when all that was in flight has been acknowledged.
    client.on('packetreceive', packet => {
      if (packet.cmd === 'connack' && (packet.reasonCode ?? packet.returnCode ?? 0) === 0)
        this.#connacked(client, packet.sessionPresent)
    })
    client.on('connect', ({ sessionPresent }) => this.#subscribe(client, sessionPresent))
    client.on('close', () => this.#offline())
    // Refusals and resets: it comes again by itself.
    client.on('error', () => {})
    client.on('message', (topic, bytes, { qos, dup }) => {
      const [connection, payload] = [this.#line?.connection ?? 0, bytes.toString()]
      this.#record({ is: 'received', client: name, connection, topic, payload, qos, dup, packetId: 0, taken: true })
    })
  }

  publish({ topic, payload, qos, retain }: Outgoing): boolean {
    const client = this.#client
    if (client === undefined || this.unacknowledged >= WINDOW || (qos === 0 && this.#line === undefined)) return false
    this.unacknowledged++
    this.#record({ is: 'sent', client: this.name, topic, payload, qos, retain, dup: false })
    client.publish(topic, payload, { qos, retain }, error => {
      this.unacknowledged--
      if (qos === 0 || this.#ending || isGivenUp(error)) return
      if (error && !isKnownNoMore(error)) this.#wrong(`publish of ${payload} failed: ${error.message}`)
      else this.#record({ is: 'acknowledged', client: this.name, payload })
    })
    return true
  }

  /** MQTT.js takes the next of the list with every connection: for one connection all of the list is home. */
  goHome(): void {
    if (this.#line === undefined || this.#line.edge === this.home) return
    this.#servers.fill(serverOf(this.#options.endpoints[0]!))
    this.#client?.stream.destroy()
  }

  async end(): Promise<void> {
    this.#ending = true
    await this.#client?.endAsync(true)
  }

  #connacked(client: MqttClient, present: boolean): void {
    const { endpoints } = this.#options
    const { host, port } = client.options
    const edge = endpoints.find(one => serverOf(one).host === host && serverOf(one).port === Number(port))?.region ?? ''
    const connection = nextConnection()
    this.#line = { connection, edge }
    this.#record({ is: 'connack', client: this.name, connection, edge })
    if (this.#known && !present) this.#wrong(`its session was lost at ${edge}`)
    this.#known = true
    for (const [i, one] of endpoints.entries()) this.#servers[i] = serverOf(one)
  }

  #subscribe(client: MqttClient, present: boolean): void {
    const { subscribe } = this.#options
    if (this.#subscribed && present) return
    client.subscribe(subscribe.filter, { qos: subscribe.qos }, (error, granted) => {
      const qos = granted?.[0]?.qos
      if (qos === subscribe.qos) this.#subscribed = true
      // If the connection has ended it subscribes again at the next one.
      else if (!error) this.#wrong(`SUBACK with ${qos}`)
    })
  }

  #offline(): void {
    if (this.#line === undefined) return
    const { connection } = this.#line
    this.#line = undefined
    this.#record({ is: 'closed', client: this.name, connection, by: this.#ending ? 'client' : 'server' })
  }

  #wrong(what: string): void {
    this.#record({ is: 'wrong', client: this.name, what })
  }
}

/** MQTT.js gives up what it was asked to publish while it sent its store again, if that connection ends meanwhile: never sent, and its application knows. */
const isGivenUp = (error: Error | null | undefined): boolean => error?.message === 'Connection closed'

/** PUBCOMP with 'Packet Identifier not found': its PUBREC came from a place that is gone. No error while a session is gone on with [MQTT 5, 3.7.2.1]. */
const isKnownNoMore = (error: Error): boolean => 'code' in error && error.code === 0x92

function serverOf({ url }: Endpoint): Server {
  const { hostname, port } = new URL(url)
  return { host: hostname, port: Number(port), protocol: 'mqtt' }
}
