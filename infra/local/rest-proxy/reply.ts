/** Replies of Redis as the JSON that Upstash's REST API gives. */

/** As ioredis gives them when it is asked for buffers. */
export type Reply = Buffer | string | number | bigint | null | readonly Reply[]

export type JsonReply = string | number | null | readonly JsonReply[]

/** What `Upstash-Encoding: base64` asks for: every string is base64, but for an `OK` that is the whole reply. */
export function jsonReply(reply: Reply, base64: boolean): JsonReply {
  const encoding = base64 ? 'base64' : 'utf8'
  const plain = text(reply)
  return plain === 'OK' ? 'OK' : encode(reply, encoding)
}

const text = (reply: Reply): string | undefined =>
  Buffer.isBuffer(reply) && reply.length === 2 ? reply.toString('latin1') : undefined

function encode(reply: Reply, encoding: 'base64' | 'utf8'): JsonReply {
  if (reply === null || typeof reply === 'number') return reply
  if (typeof reply === 'bigint') return Number(reply)
  if (typeof reply === 'string') return Buffer.from(reply).toString(encoding)
  if (Buffer.isBuffer(reply)) return reply.toString(encoding)
  return (reply as readonly Reply[]).map(one => encode(one, encoding))
}
