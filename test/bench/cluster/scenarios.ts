/** The table of the cluster benchmark: what is run, and what must hold. Data only. */
import type { LoadReport, Measure } from '../load/report.ts'

export interface ClusterBar {
  readonly text: string
  readonly measure: Measure
  readonly sense: 'at most' | 'at least'
  readonly limit: number
}

export interface ClusterScenario {
  readonly name: string
  readonly title: string
  /** Flags of the load generator. */
  readonly load: string
  /** Measured seconds, and seconds before them; the usual ones otherwise. */
  readonly secs?: number
  /** Rates of which the highest that is held is looked for, in messages per second. */
  readonly rates?: readonly number[]
  readonly bars: readonly ClusterBar[]
  /** The same load on rocketmq-mqtt, where it was measured. */
  readonly reference?: string
}

const atMost = (measure: Measure, limit: number, text: string): ClusterBar => ({
  text,
  measure,
  sense: 'at most',
  limit,
})
const atLeast = (measure: Measure, limit: number, text: string): ClusterBar => ({
  ...atMost(measure, limit, text),
  sense: 'at least',
})
const lossless = atMost('lost', 0, 'nothing lost')
const noneTwice = atMost('dup', 0, 'none twice')

export const SCENARIOS: readonly ClusterScenario[] = [
  {
    name: 'p2p-500-q1',
    title: 'p2p 100:100, 500 msg/s, QoS 1',
    load: '--scenario p2p --pubs 100 --rate 500 --qos 1',
    bars: [lossless, atMost('p50_ms', 8, 'p50 ≤ 8 ms'), atMost('p99_ms', 40, 'p99 ≤ 40 ms')],
    reference: '0 lost, p50 14–17 ms, p99 34–72 ms',
  },
  {
    name: 'p2p-5k-q1',
    title: 'p2p 100:100, 5,000 msg/s, QoS 1',
    load: '--scenario p2p --pubs 100 --rate 5000 --qos 1 --window 200',
    bars: [lossless, atMost('p99_ms', 60, 'p99 ≤ 60 ms')],
    reference: '3–10 % lost, p50 102–348 ms, p99 430–1,010 ms',
  },
  {
    name: 'p2p-most-q1',
    title: 'p2p 1000:1000, QoS 1, highest rate held for 30 s',
    load: '--scenario p2p --pubs 1000 --qos 1 --window 200',
    secs: 30,
    rates: [10_000, 12_500, 15_000, 17_500, 20_000, 22_500, 25_000, 30_000, 35_000, 40_000],
    bars: [lossless, atLeast('rate', 15_000, '≥ 15,000 msg/s')],
  },
  {
    name: 'fanout-50k-q1',
    title: 'Fan-out 1→1000, 50 msg/s, QoS 1',
    load: '--scenario fanout --pubs 1 --subs 1000 --rate 50 --qos 1 --window 200',
    bars: [lossless, atLeast('delivered_per_s', 49_500, '50,000 deliveries/s'), atMost('p99_ms', 100, 'p99 ≤ 100 ms')],
    reference: '1→500: 11.9–24.9 k/s, up to half of them lost, p50 37–72 ms, p99 157–519 ms',
  },
  {
    name: 'p2p-20k-q0',
    title: 'p2p 1000:1000, 20,000 msg/s, QoS 0',
    load: '--scenario p2p --pubs 1000 --rate 20000 --qos 0',
    bars: [lossless, atMost('p99_ms', 50, 'p99 ≤ 50 ms')],
  },
  {
    name: 'connect',
    title: 'Connect with claim in Redis: 5,000 kept sessions, 64 at once',
    load: '--scenario connect --subs 5000 --kept 1',
    bars: [
      atMost('fails', 0, 'no failures'),
      atLeast('per_s', 2_500, '≥ 2,500 connections/s'),
      atMost('p99_ms', 100, 'p99 ≤ 100 ms'),
    ],
    reference: '1,000 connects: 444–1,259/s',
  },
  {
    name: 'takeover',
    title:
      'Takeover of a live kept session with 100 messages queued, from CONNECT at the other edge to the last message',
    load: '--scenario takeover --subs 200 --messages 100',
    bars: [lossless, atMost('fails', 0, 'no failures'), atMost('p99_ms', 500, 'p99 ≤ 500 ms')],
  },
  {
    name: 'offline',
    title: '5,000 absent sessions, 10 messages each, all come back at once',
    load: '--scenario offline --subs 5000 --messages 10 --pubs 8 --window 100',
    bars: [
      atMost('fails', 0, 'no failures'),
      lossless,
      noneTwice,
      atMost('out_of_order', 0, 'in order'),
      atMost('all_ms', 60_000, 'all of them ≤ 60 s'),
    ],
  },
]

/** Held: all of it was sent in time, all of it came, and no queue was growing. */
export const isHeld = (report: LoadReport): boolean =>
  report.lost === 0 &&
  (report.unsent ?? 0) <= (report.rate ?? 0) / 10 &&
  (report.delivered_per_s ?? 0) >= 0.98 * (report.rate ?? 0) &&
  (report.p99_ms ?? 0) < 1_000
