/** The scenario `takeover`: live sessions with messages waiting are taken over at another port, one after the other; times CONNACK and the last message. */
import { nowMs, sleep } from './clock.ts'
import { Histogram } from './histogram.ts'
import { keptFrame, openKept, resumeKept } from './kept.ts'
import { Ledger, ledgerBits, lostOf } from './ledger.ts'
import type { LoadOptions } from './options.ts'
import { pour } from './pour.ts'
import type { LoadReport } from './report.ts'
import { dial } from './socket.ts'

/** In flight at the old connection, un-acknowledged; the rest waits behind them. */
const IN_FLIGHT = 10
const TIMEOUT_MS = 30_000
const AFTER_MS = 500

/** `p50_ms`, `p99_ms`: from before CONNECT until the last message; `ack_…`: until CONNACK. */
export const runTakeover = async (o: LoadOptions): Promise<LoadReport> => {
  const ledger = new Ledger(ledgerBits(o.subs, o.messages), o.subs, o.messages, true)
  const [connacks, all] = [new Histogram(), new Histogram()]
  const publisher = await dial(o.host, o.port, 5, `${o.prefix}-fill`)
  let fails = 0
  for (let session = 0; session < o.subs; session++) {
    const old = await openKept(o, session, IN_FLIGHT)
    const before = session * o.messages
    await pour(publisher, o.messages, o.messages, seq => keptFrame(o, session, seq, before + seq))
    let got = 0
    let lastMs = 0
    const beginMs = nowMs()
    const fresh = await resumeKept(o, o.otherPort, session, (of, seq) => {
      ledger.record(of, seq)
      if (++got === o.messages) lastMs = nowMs()
    })
    connacks.add((nowMs() - beginMs) * 1000)
    while (lastMs === 0 && nowMs() - beginMs < TIMEOUT_MS && !fresh.closed) await sleep(1)
    if (lastMs === 0) fails++
    all.add(((lastMs || nowMs()) - beginMs) * 1000)
    old.destroy()
    fresh.destroy()
  }
  await sleep(AFTER_MS)
  const counts = ledger.counts()
  return {
    scenario: o.scenario,
    qos: 1,
    v: 5,
    size: o.size,
    connections: o.subs,
    fails,
    delivered: counts.seen,
    lost: lostOf(o.subs * o.messages, [counts]),
    dup: counts.dup,
    out_of_order: counts.outOfOrder,
    p50_ms: all.quantileMs(0.5),
    p99_ms: all.quantileMs(0.99),
    ack_p50_ms: connacks.quantileMs(0.5),
    ack_p99_ms: connacks.quantileMs(0.99),
  }
}
