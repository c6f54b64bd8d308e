/** What one worker counts while it runs, and the numbers the main thread may look at meanwhile; decides nothing. */
import { Histogram } from './histogram.ts'
import type { Ledger, LedgerCounts } from './ledger.ts'

/** Numbers shared with the main thread, one row per worker. */
export const LIVE = { delivered: 0, sent: 1, fields: 2 } as const
export const liveBytes = (workers: number): number => workers * LIVE.fields * 4

export class Tally {
  readonly ledger: Ledger
  /** From the scheduled time to the delivery, and to PUBACK or PUBCOMP. */
  readonly latency = new Histogram()
  readonly ack = new Histogram()
  /** How late a publish was handed to its socket: large values mean that the generator, or its window, was the limit. */
  readonly late = new Histogram()
  sent = 0
  sentMeasured = 0
  acked = 0
  closed = 0
  /** The scheduled times that count, in microseconds. */
  startUs = Number.POSITIVE_INFINITY
  endUs = Number.POSITIVE_INFINITY
  onChunk: () => void = () => undefined
  readonly #live: Int32Array
  readonly #row: number

  constructor(ledger: Ledger, live: Int32Array, worker: number) {
    this.ledger = ledger
    this.#live = live
    this.#row = worker * LIVE.fields
  }

  measures(timeUs: number): boolean {
    return timeUs >= this.startUs && timeUs < this.endUs
  }

  /** Every reader calls it at the end of a chunk. */
  endChunk(): void {
    this.#live[this.#row + LIVE.delivered] = this.ledger.seen
    this.#live[this.#row + LIVE.sent] = this.sent
    this.onChunk()
  }
}

/** A worker's result as it crosses threads. */
export interface WorkerReport {
  readonly counts: LedgerCounts
  readonly latency: Float64Array
  readonly ack: Float64Array
  readonly late: Float64Array
  readonly sent: number
  readonly sentMeasured: number
  readonly acked: number
  readonly closed: number
}

export const reportOf = (t: Tally): WorkerReport => ({
  counts: t.ledger.counts(),
  latency: t.latency.counts,
  ack: t.ack.counts,
  late: t.late.counts,
  sent: t.sent,
  sentMeasured: t.sentMeasured,
  acked: t.acked,
  closed: t.closed,
})
