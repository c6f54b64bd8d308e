/** A client that reads only when it is told to, and writes as much as the broker takes. Uses mqtt-packet; keeps no session. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import mqtt, { type IPublishPacket, type Packet } from 'mqtt-packet'

const VERSION = { protocolVersion: 5 } as const

export class Sluggish {
  readonly #socket: Socket
  readonly #parser = mqtt.parser(VERSION)
  /** Packets read and not taken. */
  readonly packets: Packet[] = []
  closed = false
  /** Called for each packet instead of keeping it. */
  onPacket: ((packet: Packet) => void) | undefined
  #wake: () => void = () => {}

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#parser.on('packet', packet => {
      if (this.onPacket === undefined) this.packets.push(packet)
      else this.onPacket(packet)
      this.#wake()
    })
    socket.on('data', chunk => void this.#parser.parse(chunk))
    socket.on('error', () => {})
    socket.on('close', () => {
      this.closed = true
      this.#wake()
    })
  }

  /** Connects; resolves to the client once CONNACK came, still reading. */
  static async join(port: number, clientId: string, expirySec: number): Promise<Sluggish> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    const client = new Sluggish(socket)
    const properties = { sessionExpiryInterval: expirySec }
    client.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 5,
      clientId,
      clean: expirySec === 0,
      keepalive: 0,
      properties,
    })
    await client.until('CONNACK', () => client.packets.shift()?.cmd === 'connack')
    return client
  }

  send(packet: Packet): boolean {
    return this.raw(mqtt.generate(packet, VERSION))
  }

  /** False: more would wait in this process. */
  raw(bytes: Buffer): boolean {
    return this.#socket.write(bytes)
  }

  async subscribe(topic: string, qos: 0 | 1 | 2): Promise<void> {
    this.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos }] })
    await this.until('SUBACK', () => this.packets.shift()?.cmd === 'suback')
  }

  stopReading(): void {
    this.#socket.pause()
  }

  read(): void {
    this.#socket.resume()
  }

  leave(): void {
    this.#socket.destroy()
  }

  /** Waits until the broker took what was written; false if that takes longer than `withinMs`. */
  async taken(withinMs: number): Promise<boolean> {
    if (this.#socket.writableLength === 0) return true
    const drained = once(this.#socket, 'drain', { signal: AbortSignal.timeout(withinMs) })
    return await drained.then(
      () => true,
      () => false,
    )
  }

  /** Waits for `is` to be true; it is asked again at each packet. */
  async until(what: string, is: () => boolean, withinMs = 10_000): Promise<void> {
    const end = Date.now() + withinMs
    while (!is()) {
      if (this.closed) throw new Error(`The connection ended before ${what}`)
      if (Date.now() > end) throw new Error(`No ${what} within ${withinMs} ms`)
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, 100)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  /** Publishes `count` messages of `size` bytes that begin with their number, as fast as they are taken, and waits for all answers. */
  async pump(topic: string, qos: 0 | 1, count: number, size: number): Promise<void> {
    let acked = 0
    this.onPacket = packet => {
      if (packet.cmd === 'puback') acked++
      else if (packet.cmd === 'pingresp') acked = count
    }
    const payload = Buffer.alloc(size, '.')
    for (let n = 0; n < count; n++) {
      payload.write(`${String(n).padStart(8, '0')} `)
      const packet: IPublishPacket = { cmd: 'publish', topic, payload, qos, retain: false, dup: false }
      if (qos > 0) packet.messageId = (n % 60_000) + 1
      if (!this.send(packet)) await this.taken(10_000)
      if (qos > 0) await this.until('PUBACK', () => n - acked < 500)
    }
    if (qos === 0) this.send({ cmd: 'pingreq' })
    await this.until('the last answer', () => acked === count)
    this.onPacket = undefined
  }
}

/** The number a pumped message begins with. */
export const numberOf = (packet: IPublishPacket): number => Number(packet.payload.toString().slice(0, 8))
