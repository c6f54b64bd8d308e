/** A broker that answers as a test says, to see what the SDK sends. Knows packets, keeps no sessions. Loopback only. */
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { generate, type Packet, parser } from 'mqtt-packet'

export interface Scripted {
  readonly port: number
  /** What came, as short texts like `publish 1 qos2 dup`, of all connections in order. */
  readonly came: string[]
  /** To the newest connection. */
  send(packet: Packet): void
  /** Ends every connection. */
  drop(): void
  close(): Promise<void>
}

export type Script = (packet: Packet, send: (packet: Packet) => void, end: () => void) => void

export async function scripted(script: Script): Promise<Scripted> {
  const came: string[] = []
  const sockets = new Set<Socket>()
  let newest: Socket | undefined
  const write = (socket: Socket, packet: Packet) => socket.write(generate(packet, { protocolVersion: 5 }))
  const server = createServer(socket => {
    sockets.add(socket)
    newest = socket
    const reader = parser({ protocolVersion: 5 })
    reader.on('packet', packet => {
      came.push(shown(packet))
      script(
        packet,
        answer => write(socket, answer),
        () => socket.end(),
      )
    })
    socket.on('data', chunk => reader.parse(chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const drop = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    came,
    send: packet => {
      if (newest !== undefined) write(newest, packet)
    },
    drop,
    async close() {
      drop()
      server.close()
      await once(server, 'close')
    },
  }
}

function shown(packet: Packet): string {
  const words: (string | number)[] = [packet.cmd]
  if (packet.messageId !== undefined) words.push(packet.messageId)
  if (packet.cmd === 'publish') words.push(`qos${packet.qos}`, ...(packet.dup ? ['dup'] : []))
  if (packet.cmd === 'connect') words.push(packet.clean ? 'clean' : 'kept')
  return words.join(' ')
}

/** Accepts everything; `answers` may replace an answer by its own, or by none. */
export const friendly =
  (
    connack: Partial<Extract<Packet, { cmd: 'connack' }>>,
    answers: (packet: Packet) => Packet | 'none' | undefined = () => undefined,
  ): Script =>
  (packet, send) => {
    const own = answers(packet)
    if (own === 'none') return
    if (own !== undefined) return send(own)
    const { messageId = 0 } = packet
    if (packet.cmd === 'connect') send({ cmd: 'connack', sessionPresent: false, reasonCode: 0, ...connack })
    else if (packet.cmd === 'pingreq') send({ cmd: 'pingresp' })
    else if (packet.cmd === 'publish' && packet.qos === 1) send({ cmd: 'puback', messageId })
    else if (packet.cmd === 'publish' && packet.qos === 2) send({ cmd: 'pubrec', messageId })
    else if (packet.cmd === 'pubrel') send({ cmd: 'pubcomp', messageId })
    else if (packet.cmd === 'subscribe')
      send({ cmd: 'suback', messageId, granted: packet.subscriptions.map(({ qos }) => qos) })
  }
