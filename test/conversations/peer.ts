/** One test client's connection: bytes out, packets in, over TCP or WebSocket. Decodes with mqtt-packet, so independently of the gateway's codec. */
import { connect as connectTcp } from 'node:net'
import mqtt from 'mqtt-packet'
import WebSocket from 'ws'
import type { Fields, TransportKind, Version } from './row.ts'

export interface Target {
  readonly transport: TransportKind
  readonly host: string
  readonly tcpPort: number
  readonly wsUrl: string
}

/** The two transports, as little as a row needs of them. */
interface Wire {
  write(bytes: Buffer): void
  text(text: string): void
  drop(): void
}

export type Packet = Readonly<Record<string, unknown>>

export type Lane = 'message' | 'acknowledgement'

/** The lane of a packet; undefined for those whose place among the others matters. */
export function laneOf(cmd: unknown): Lane | undefined {
  if (cmd === 'publish') return 'message'
  return ['puback', 'pubrec', 'pubrel', 'pubcomp'].includes(String(cmd)) ? 'acknowledgement' : undefined
}

export class Peer {
  version: Version
  /** Set once the transport has ended, by either side. */
  ended = false
  readonly #queue: Packet[] = []
  readonly #wire: Wire
  readonly #parser: ReturnType<typeof mqtt.parser>
  #failure: Error | undefined
  #wake: () => void = () => undefined

  private constructor(version: Version, wire: (peer: Peer) => Wire) {
    this.version = version
    this.#parser = mqtt.parser({ protocolVersion: version })
    this.#parser.on('packet', packet => {
      this.#queue.push({ ...packet, code: codeOf(packet) })
      this.#wake()
    })
    this.#parser.on('error', (error: Error) => {
      this.#failure ??= error
      this.#wake()
    })
    this.#wire = wire(this)
  }

  /** Opens a connection; resolves when it is up. */
  static async open(target: Target, version: Version): Promise<Peer> {
    return target.transport === 'tcp' ? await Peer.#tcp(target, version) : await Peer.#ws(target, version)
  }

  static #tcp(target: Target, version: Version): Promise<Peer> {
    return new Promise((resolve, reject) => {
      const socket = connectTcp({ host: target.host, port: target.tcpPort, noDelay: true })
      socket.once('error', reject)
      socket.once('connect', () => {
        const peer = new Peer(version, () => ({
          write: bytes => void socket.write(bytes),
          text: () => {
            throw new Error('TCP has no text frames')
          },
          drop: () => void socket.destroy(),
        }))
        socket.on('data', chunk => peer.#take(chunk))
        socket.on('error', () => peer.#end())
        socket.on('close', () => peer.#end())
        resolve(peer)
      })
    })
  }

  static #ws(target: Target, version: Version): Promise<Peer> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(target.wsUrl, version === 3 ? 'mqttv3.1' : 'mqtt', { perMessageDeflate: false })
      socket.once('error', reject)
      socket.once('open', () => {
        const peer = new Peer(version, () => ({
          write: bytes => socket.send(bytes, { binary: true }, () => undefined),
          text: text => socket.send(text, { binary: false }, () => undefined),
          drop: () => socket.terminate(),
        }))
        socket.on('message', (data: Buffer) => peer.#take(data))
        socket.on('error', () => peer.#end())
        socket.on('close', () => peer.#end())
        resolve(peer)
      })
    })
  }

  send(packet: Fields): void {
    // The row says what is sent, mqtt-packet checks it; its types know only correct packets.
    this.#wire.write(mqtt.generate(packet as unknown as Parameters<typeof mqtt.generate>[0], this.#options()))
  }

  raw(bytes: Buffer): void {
    this.#wire.write(bytes)
  }

  textFrame(text: string): void {
    this.#wire.text(text)
  }

  drop(): void {
    this.#wire.drop()
    this.#end()
  }

  /**
   * The next packet; undefined if the connection ends or nothing comes within the time. Throws on bytes that are no packet.
   * `lane` passes over packets of the other lane that came before: messages and acknowledgements overtake each other freely.
   */
  async next(withinMs: number, lane?: Lane): Promise<Packet | undefined> {
    const end = Date.now() + withinMs
    for (;;) {
      const other = lane === 'message' ? 'acknowledgement' : lane === 'acknowledgement' ? 'message' : undefined
      const at = this.#queue.findIndex(one => other === undefined || laneOf(one.cmd) !== other)
      const [packet] = at < 0 ? [] : this.#queue.splice(at, 1)
      if (packet !== undefined) return packet
      if (this.#failure !== undefined) throw this.#failure
      const left = end - Date.now()
      if (this.ended || left <= 0) return undefined
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, left)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  #options(): { protocolVersion: Version } {
    return { protocolVersion: this.version }
  }

  #take(chunk: Buffer): void {
    try {
      this.#parser.parse(chunk)
    } catch (error) {
      this.#failure ??= error instanceof Error ? error : new Error(String(error))
    }
    this.#wake()
  }

  #end(): void {
    this.ended = true
    this.#wake()
  }
}

/** Reason or return code whatever the version calls it; 0 where 3.1.1 has none. */
function codeOf(packet: object): number {
  const code: unknown = Reflect.get(packet, 'reasonCode') ?? Reflect.get(packet, 'returnCode')
  return typeof code === 'number' ? code : 0
}
