/** MQTT.js clients for tests with several edges: who connects where, and what has come. */
import mqtt, { type IClientOptions, type IDisconnectPacket, type IPublishPacket, type MqttClient } from 'mqtt'
import { until } from '../harness/process.ts'

export interface Arrival {
  readonly topic: string
  readonly payload: string
  readonly packet: IPublishPacket
}

export class Client {
  readonly mqtt: MqttClient
  readonly arrived: Arrival[] = []
  /** Of the CONNACK. */
  present = false
  /** Reason code of the server's DISCONNECT. */
  disconnected: number | undefined

  /** Connects to an edge by its port, without reconnecting. */
  static async at(port: number, options: IClientOptions = {}): Promise<Client> {
    const made = mqtt.connect(`mqtt://127.0.0.1:${port}`, {
      protocolVersion: 5,
      reconnectPeriod: 0,
      connectTimeout: 15_000,
      ...options,
    })
    const client = new Client(made)
    await new Promise<void>((done, fail) => {
      made.once('connect', ({ sessionPresent }) => {
        client.present = sessionPresent
        done()
      })
      made.once('error', fail)
    })
    made.on('error', () => {})
    return client
  }

  /** A session that is kept for five minutes. */
  static kept(port: number, clientId: string, more: IClientOptions = {}): Promise<Client> {
    return Client.at(port, { clientId, clean: false, properties: { sessionExpiryInterval: 300 }, ...more })
  }

  private constructor(made: MqttClient) {
    this.mqtt = made
    made.on('message', (topic, payload, packet) => this.arrived.push({ topic, payload: payload.toString(), packet }))
    made.on('disconnect', (packet: IDisconnectPacket) => {
      this.disconnected = packet.reasonCode
    })
  }

  get payloads(): string[] {
    return this.arrived.map(one => one.payload)
  }

  async subscribe(filter: string, qos: 0 | 1 | 2): Promise<void> {
    await this.mqtt.subscribeAsync(filter, { qos })
  }

  async publish(topic: string, payload: string, qos: 0 | 1 | 2, retain = false): Promise<void> {
    await this.mqtt.publishAsync(topic, payload, { qos, retain })
  }

  /** The payloads, once there are so many. */
  async received(count: number, withinMs = 15_000): Promise<string[]> {
    await until(`${count} messages (${this.payloads})`, withinMs, () => this.arrived.length >= count || undefined)
    return this.payloads
  }

  closed(withinMs = 15_000): Promise<unknown> {
    return until('the connection to end', withinMs, () => !this.mqtt.connected || undefined)
  }

  /** DISCONNECT. */
  async leave(): Promise<void> {
    await this.mqtt.endAsync()
  }

  /** Without a word. */
  async vanish(): Promise<void> {
    this.mqtt.stream.destroy()
    await this.mqtt.endAsync(true)
  }
}

/** Connects again and again until a core answers: what a device does while an edge has none. */
export async function persistently<T>(what: string, withinMs: number, connect: () => Promise<T>): Promise<T> {
  return until(what, withinMs, () => connect().catch(() => undefined))
}
