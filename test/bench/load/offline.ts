/** The scenario `offline`: messages wait for many absent sessions, then all of them come back at once; times until the last message. */
import { nowMs, sleep } from './clock.ts'
import { Histogram } from './histogram.ts'
import { closeKept, keptFrame, openKept, resumeKept } from './kept.ts'
import { Ledger, ledgerBits, lostOf } from './ledger.ts'
import type { LoadOptions } from './options.ts'
import { pour } from './pour.ts'
import type { LoadReport } from './report.ts'
import { type Connection, dial, inParallel } from './socket.ts'

const TIMEOUT_MS = 120_000
const AFTER_MS = 2_000
/** Connects under way while sessions are made; coming back, all are. */
const LANES = 64

/** `p50_ms`, `p99_ms`: CONNECT to CONNACK; `all_ms`: first CONNECT to last message. */
export const runOffline = async (o: LoadOptions): Promise<LoadReport> => {
  const expected = o.subs * o.messages
  await inParallel(o.subs, LANES, async session => closeKept(await openKept(o, session)))
  const fillMs = await fill(o)
  const ledger = new Ledger(ledgerBits(o.subs, o.messages), o.subs, o.messages, true)
  const open: Connection[] = []
  const time = new Histogram()
  let fails = 0
  let firstMs = 0
  let lastMs = 0
  const beginMs = nowMs()
  await inParallel(o.subs, o.subs, async session => {
    try {
      open.push(
        await resumeKept(o, o.port, session, (of, seq) => {
          ledger.record(of, seq)
          lastMs = nowMs() - beginMs
          firstMs ||= lastMs
        }),
      )
      time.add((nowMs() - beginMs) * 1000)
    } catch {
      fails++
    }
  })
  const connectSecs = (nowMs() - beginMs) / 1000
  while (lostOf(expected, [ledger.counts()]) > 0 && nowMs() - beginMs < TIMEOUT_MS) await sleep(20)
  const allMs = lastMs
  await sleep(AFTER_MS)
  for (const connection of open) connection.destroy()
  const counts = ledger.counts()
  return {
    scenario: o.scenario,
    qos: 1,
    v: 5,
    size: o.size,
    connections: o.subs,
    fails,
    per_s: Math.round(o.subs / connectSecs),
    sent_per_s: Math.round((expected / fillMs) * 1000),
    delivered: counts.seen,
    lost: lostOf(expected, [counts]),
    dup: counts.dup,
    out_of_order: counts.outOfOrder,
    first_ms: Math.round(firstMs),
    all_ms: Math.round(allMs),
    p50_ms: time.quantileMs(0.5),
    p99_ms: time.quantileMs(0.99),
  }
}

/** Publishes all messages, first one to everybody, then the next; returns the milliseconds until the last acknowledgement. */
const fill = async (o: LoadOptions): Promise<number> => {
  const publishers = Array.from({ length: o.pubs }, (_, i) => i)
  const beginMs = nowMs()
  await Promise.all(
    publishers.map(async publisher => {
      const connection = await dial(o.host, o.port, 5, `${o.prefix}-fill${publisher}`)
      const sessions = Array.from({ length: o.subs }, (_, i) => i).filter(i => i % o.pubs === publisher)
      const frame = (i: number): Buffer =>
        keptFrame(o, sessions[i % sessions.length]!, Math.floor(i / sessions.length), i)
      await pour(connection, sessions.length * o.messages, o.window, frame)
      connection.destroy()
    }),
  )
  return nowMs() - beginMs
}
