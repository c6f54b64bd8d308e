/**
 * Under load turns are kept a little apart, so that each finds more sockets ready: what a turn costs by itself, and what a
 * wake-up costs, is then shared by more packets. Only with many connections and many messages: then another device's packet is
 * always on its way, and nobody waits for an answer alone. Measured at 20,000 messages a second between 1,000 pairs: a fifth of
 * the CPU less, and a median latency of 2.7 ms instead of 0.2.
 */
import type { EdgeStats } from '../../edge/stats.ts'

const LEAST_CONNECTIONS = 200
const LEAST_MESSAGES_PER_SECOND = 10_000
/** The load is looked at once in so many turns. */
const WINDOW_TURNS = 64

/** Call the result at the end of each turn; `gapMs` 0 does nothing. */
export function pace(gapMs: number): ((stats: EdgeStats) => void) | undefined {
  if (gapMs === 0) return undefined
  const cell = new Int32Array(new SharedArrayBuffer(4))
  let busy = false
  let turns = 0
  let accepted = 0
  let windowAt = performance.now()
  let windowMessages = 0
  let endedAt = 0
  return stats => {
    if (++turns % WINDOW_TURNS === 0) {
      const now = performance.now()
      const messages = messagesOf(stats)
      busy =
        stats.nowConnections >= LEAST_CONNECTIONS &&
        messages - windowMessages >= (LEAST_MESSAGES_PER_SECOND / 1000) * (now - windowAt)
      windowAt = now
      windowMessages = messages
    }
    if (!busy) return
    // A turn takes one new connection of those that wait: who comes is not kept waiting.
    const arrivals = stats.accepted !== accepted
    accepted = stats.accepted
    const now = performance.now()
    const rest = arrivals ? 0 : endedAt + gapMs - now
    endedAt = rest > 0 ? now + rest : now
    // Sleeping is the point: the sockets fill meanwhile, and no timer or wake-up of the loop is paid.
    if (rest > 0) Atomics.wait(cell, 0, 0, rest)
  }
}

const messagesOf = (s: EdgeStats): number =>
  s.publishesIn0 + s.publishesIn1 + s.publishesIn2 + s.deliveries0 + s.deliveries1 + s.deliveries2
