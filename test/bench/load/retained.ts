/** The scenario `retained`: fills the broker with retained topics, then subscribes with a wildcard and times the first and the last of them. */
import { acknowledge, flushAcks } from './acks.ts'
import { nowMs, sleep } from './clock.ts'
import { FrameCursor, PACKET, publishTemplate, skipCounted } from './frames.ts'
import { Ledger, ledgerBits, lostOf } from './ledger.ts'
import type { LoadOptions } from './options.ts'
import { readSeq, writeStamp } from './payload.ts'
import { pour } from './pour.ts'
import { usageOf } from './process.ts'
import { type LoadReport, round } from './report.ts'
import { type Connection, dial, type Reader, subscribe } from './socket.ts'

const TIMEOUT_MS = 30_000
/** After the last one that was due: time in which a duplicate would show. */
const AFTER_MS = 200
const cursor = new FrameCursor()

export const runRetained = async (o: LoadOptions): Promise<LoadReport> => {
  const before = usageOf(o.pids)
  const fillMs = await fill(o)
  const rssBytes = usageOf(o.pids).rssBytes - before.rssBytes
  const got = await fetchMatching(o)
  const counts = got.ledger.counts()
  return {
    scenario: o.scenario,
    qos: o.qos,
    v: o.version,
    size: o.size,
    retained_per_s: Math.round((o.topics / fillMs) * 1000),
    delivered: counts.seen,
    lost: lostOf(o.matching, [counts]),
    dup: counts.dup,
    stray: counts.stray,
    first_ms: round(got.firstMs, 2),
    all_ms: round(got.allMs, 2),
    ...(o.pids.length > 0 && { rss_mb: Math.round(rssBytes / 1e6) }),
  }
}

/** Topic number `i`: the first `matching` of them, and no others, match `{prefix}/r/+/0`, each on a branch of its own. */
const retainedTopic = (o: LoadOptions, i: number): string =>
  `${o.prefix}/r/${i % o.matching}/${Math.floor(i / o.matching)}`

/** Publishes all topics with QoS 1; returns the milliseconds until the last acknowledgement. */
const fill = async (o: LoadOptions): Promise<number> => {
  const connection = await dial(o.host, o.port, o.version, `${o.prefix}-fill`)
  const beginMs = nowMs()
  await pour(connection, o.topics, o.window, i => retainedFrame(o, i))
  const tookMs = nowMs() - beginMs
  connection.destroy()
  return tookMs
}

const retainedFrame = (o: LoadOptions, i: number): Buffer => {
  const { bytes, packetIdAt, payloadAt } = publishTemplate(o.version, retainedTopic(o, i), 1, o.size, true)
  bytes.writeUInt16BE(1 + (i % 65_535), packetIdAt)
  writeStamp(bytes, payloadAt, 0, 0, i)
  return bytes
}

/** Times count from the moment before SUBSCRIBE is written. */
const fetchMatching = async (o: LoadOptions): Promise<{ ledger: Ledger; firstMs: number; allMs: number }> => {
  const ledger = new Ledger(ledgerBits(1, o.matching), 1, o.matching, false)
  const connection = await dial(o.host, o.port, o.version, `${o.prefix}-fetch`)
  const beginMs = nowMs()
  let firstMs = 0
  let allMs = 0
  const reader = retainedReader(connection, o, seq => {
    ledger.record(0, seq)
    if (firstMs === 0) firstMs = nowMs() - beginMs
    if (ledger.seen === o.matching) allMs = nowMs() - beginMs
  })
  await subscribe(connection, o.version, `${o.prefix}/r/+/0`, o.qos, reader)
  while (ledger.seen < o.matching && nowMs() - beginMs < TIMEOUT_MS && !connection.closed) await sleep(5)
  await sleep(AFTER_MS)
  connection.destroy()
  return { ledger, firstMs, allMs: allMs === 0 ? TIMEOUT_MS : allMs }
}

const retainedReader = (connection: Connection, o: LoadOptions, record: (seq: number) => void): Reader => {
  return (buffer, from, to) => {
    let at = from
    for (; cursor.next(buffer, at, to); at = cursor.end) {
      const { head, body } = cursor
      if (head >> 4 === PACKET.pubrel) acknowledge(0x70, buffer, body)
      if (head >> 4 !== PACKET.publish) continue
      const qos = (head >> 1) & 3
      let payload = body + 2 + ((buffer[body]! << 8) | buffer[body + 1]!)
      if (qos > 0) {
        acknowledge(qos === 1 ? 0x40 : 0x50, buffer, payload)
        payload += 2
      }
      if (o.version === 5) payload = skipCounted(buffer, payload)
      record(readSeq(buffer, payload))
    }
    flushAcks(connection)
    return at
  }
}
