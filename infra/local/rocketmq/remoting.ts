/** The few requests of RocketMQ's remoting protocol that set up a local cluster: one connection per request, JSON headers. Sends no messages. */
import { connect } from 'node:net'

/** org.apache.rocketmq.remoting.protocol.RequestCode */
export const RequestCode = {
  updateTopic: 17,
  routeOfTopic: 105,
  clusterInfo: 106,
  updateGroup: 200,
  topicConfig: 351,
  groupConfig: 352,
} as const

export interface Answer {
  /** 0 is success: org.apache.rocketmq.remoting.protocol.ResponseCode */
  readonly code: number
  readonly remark: string
  /** JSON as RocketMQ writes it: keys that are numbers have no quotes. */
  readonly body: string
}

const TIMEOUT_MS = 5_000
const MAX_FRAME_BYTES = 16 * 1024 * 1024

/** @throws Error if nobody listens on the loopback port or nothing comes back within 5 s. */
export function ask(
  port: number,
  code: number,
  fields: Readonly<Record<string, string>> = {},
  body = '',
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const socket = connect({ host: '127.0.0.1', port })
  let received = Buffer.alloc(0)
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`No answer to request ${code} on port ${port}`)))
  socket.on('connect', () => socket.write(frame(code, fields, body)))
  socket.on('data', chunk => {
    received = Buffer.concat([received, chunk])
    if (received.length < 4) return
    const length = received.readUInt32BE(0)
    if (length > MAX_FRAME_BYTES) return socket.destroy(new Error(`Port ${port} does not speak RocketMQ's protocol`))
    if (received.length < 4 + length) return
    resolve(answer(received))
    socket.destroy()
  })
  socket.on('error', reject)
  socket.on('close', () => reject(new Error(`Port ${port} closed the connection on request ${code}`)))
  return promise
}

/** Total length, length of the header (its high byte 0: JSON), header, body. */
function frame(code: number, extFields: Readonly<Record<string, string>>, body: string): Buffer {
  const header = JSON.stringify({ code, language: 'OTHER', version: 0, opaque: 1, flag: 0, extFields })
  const headerBytes = Buffer.byteLength(header)
  const bodyBytes = Buffer.byteLength(body)
  const out = Buffer.alloc(8 + headerBytes + bodyBytes)
  out.writeUInt32BE(4 + headerBytes + bodyBytes, 0)
  out.writeUInt32BE(headerBytes, 4)
  out.write(header, 8)
  out.write(body, 8 + headerBytes)
  return out
}

function answer(received: Buffer): Answer {
  const headerEnd = 8 + (received.readUInt32BE(4) & 0xff_ffff)
  const header = JSON.parse(received.toString('utf8', 8, headerEnd)) as { code: number; remark?: string }
  return {
    code: header.code,
    remark: header.remark ?? '',
    body: received.toString('utf8', headerEnd, 4 + received.readUInt32BE(0)),
  }
}
