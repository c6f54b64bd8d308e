/** The scenarios `connect` (how many connections per second) and `idle` (what a silent, subscribed one costs in memory). */
import { nowMs, sleep } from './clock.ts'
import { Histogram } from './histogram.ts'
import type { LoadOptions } from './options.ts'
import { usageOf } from './process.ts'
import { type LoadReport, round } from './report.ts'
import { type Connection, dial, inParallel, subscribe } from './socket.ts'

/** Kept sessions of a run are gone before they matter to another one. */
const KEPT_SECS = 30

export const runConnections = async (o: LoadOptions): Promise<LoadReport> => {
  const idle = o.scenario === 'idle'
  const kept = o.kept ? { expirySecs: KEPT_SECS } : undefined
  const open: Connection[] = []
  const time = new Histogram()
  let fails = 0
  const before = usageOf(o.pids)
  const beginMs = nowMs()
  await inParallel(o.subs, o.conc, async i => {
    const startMs = nowMs()
    try {
      const connection = await dial(o.host, o.port, kept === undefined ? o.version : 5, `${o.prefix}-c${i}`, kept)
      time.add((nowMs() - startMs) * 1000)
      if (idle) await subscribe(connection, o.version, `${o.prefix}/idle/${i}`, 0, (_buffer, _from, to) => to)
      open.push(connection)
    } catch {
      fails++
    }
  })
  const secs = (nowMs() - beginMs) / 1000
  const after = usageOf(o.pids)
  if (idle) await sleep(o.secs * 1000)
  const rssBytes = usageOf(o.pids).rssBytes - before.rssBytes
  const closed = open.filter(connection => connection.closed).length
  for (const connection of open) connection.destroy()
  return {
    scenario: o.scenario,
    qos: o.qos,
    v: o.version,
    size: o.size,
    connections: o.subs,
    fails: fails + closed,
    per_s: Math.round(o.subs / secs),
    p50_ms: time.quantileMs(0.5),
    p99_ms: time.quantileMs(0.99),
    ...(o.pids.length > 0 && {
      cpu_us_per_connect: Math.round(((after.cpuSecs - before.cpuSecs) / o.subs) * 1e6),
      ...(idle && { rss_kib_per_conn: round(rssBytes / 1024 / o.subs, 2) }),
    }),
  }
}
