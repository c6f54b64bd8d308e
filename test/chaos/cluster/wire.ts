/** One TCP connection that speaks MQTT packets, encoded and decoded by mqtt-packet, so independently of the gateway's codec. */
import { connect, type Socket } from 'node:net'
import mqtt from 'mqtt-packet'
import type { Place } from './rig.ts'

export type Version = 4 | 5
export type Packet = { readonly [field: string]: unknown }

export interface WireEvents {
  packet(packet: Packet): void
  /** Once, whichever side ended it. */
  closed(): void
}

const CONNECT_MS = 3_000

export class Wire {
  readonly #socket: Socket
  readonly #version: Version
  ended = false

  private constructor(socket: Socket, version: Version) {
    this.#socket = socket
    this.#version = version
  }

  /** Rejects if nobody listens there. */
  static open(
    { host = '127.0.0.1', port }: Pick<Place, 'host' | 'port'>,
    version: Version,
    events: WireEvents,
  ): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, noDelay: true })
      const wire = new Wire(socket, version)
      const late = setTimeout(() => socket.destroy(new Error(`Port ${port} did not accept`)), CONNECT_MS)
      const parser = mqtt.parser({ protocolVersion: version })
      parser.on('packet', packet => events.packet({ ...packet }))
      parser.on('error', (error: Error) => socket.destroy(error))
      socket.on('data', chunk => void parser.parse(chunk))
      socket.on('error', reject)
      socket.once('connect', () => {
        clearTimeout(late)
        resolve(wire)
      })
      socket.once('close', () => {
        clearTimeout(late)
        wire.ended = true
        events.closed()
      })
    })
  }

  send(packet: Packet): void {
    if (this.ended) return
    const bytes = mqtt.generate(packet as unknown as Parameters<typeof mqtt.generate>[0], {
      protocolVersion: this.#version,
    })
    this.#socket.write(bytes)
  }

  /** Ends it without DISCONNECT. */
  drop(): void {
    this.#socket.destroy()
  }
}
