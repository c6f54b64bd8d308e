/** The traffic scenarios (p2p, fanout, fanin, share): starts the workers, marks the measured seconds, adds up what they report. */
import { Worker } from 'node:worker_threads'
import { nowMs, sleep } from './clock.ts'
import { Histogram } from './histogram.ts'
import { ledgerBits, lostOf } from './ledger.ts'
import { fanOf, type LoadOptions, messagesPerPublisher, streamsOf } from './options.ts'
import { machineCpuSecs, type Usage, usageOf } from './process.ts'
import { type LoadReport, round } from './report.ts'
import { LIVE, liveBytes, type WorkerReport } from './tally.ts'
import type { FromWorker, ToWorker, WorkerData } from './worker.ts'

/** Before the first message, so that every worker has its orders, and after the last, so that it is out. */
const LEAD_MS = 200
const POLL_MS = 20

/** What was true at one moment. */
interface Sample extends Usage {
  readonly ms: number
  readonly delivered: number
  /** CPU of the generator itself. */
  readonly ownSecs: number
  /** CPU of everything on the machine. */
  readonly machineSecs: number
}

export const runTraffic = async (o: LoadOptions): Promise<LoadReport> => {
  const bits = ledgerBits(streamsOf(o), messagesPerPublisher(o))
  const live = new Int32Array(new SharedArrayBuffer(liveBytes(o.workers)))
  const total = (field: number): number => {
    let sum = 0
    for (let i = field; i < live.length; i += LIVE.fields) sum += live[i]!
    return sum
  }
  const sample = (): Sample => ({
    ...usageOf(o.pids),
    ms: nowMs(),
    delivered: total(LIVE.delivered),
    ownSecs: ownCpuSecs(),
    machineSecs: machineCpuSecs(),
  })
  const workers = Array.from({ length: o.workers }, (_, worker) => {
    const workerData: WorkerData = { options: o, worker, bits, live: live.buffer as SharedArrayBuffer }
    return new Worker(new URL('./worker.ts', import.meta.url), { workerData })
  })
  try {
    await Promise.all(workers.map(worker => answer(worker, 'ready')))
    const beginMs = nowMs() + LEAD_MS
    tell(workers, { is: 'go', beginMs })
    await sleep(beginMs + o.warm * 1000 - nowMs())
    const first = sample()
    await sleep(o.secs * 1000)
    const last = sample()
    await sleep(LEAD_MS)
    const stopped = workers.map(worker => answer(worker, 'stopped'))
    tell(workers, { is: 'stop' })
    await Promise.all(stopped)
    const deadline = nowMs() + o.drain * 1000
    while (nowMs() < deadline && total(LIVE.delivered) < total(LIVE.sent) * fanOf(o)) await sleep(POLL_MS)
    const reports = workers.map(worker => answer(worker, 'report'))
    tell(workers, { is: 'report' })
    return summary(o, await Promise.all(reports), first, last)
  } finally {
    await Promise.all(workers.map(worker => worker.terminate()))
  }
}

const ownCpuSecs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

const tell = (workers: readonly Worker[], message: ToWorker): void => {
  for (const worker of workers) worker.postMessage(message)
}

/** Waits for a message of one kind; rejects when the worker fails instead. */
const answer = <K extends FromWorker['is']>(worker: Worker, kind: K): Promise<Extract<FromWorker, { is: K }>> =>
  new Promise((done, failed) => {
    const onMessage = (message: FromWorker): void => {
      if (message.is === 'failed') failed(new Error(message.why))
      if (message.is !== kind) return
      worker.off('message', onMessage)
      worker.off('error', failed)
      done(message as Extract<FromWorker, { is: K }>)
    }
    worker.on('message', onMessage)
    worker.on('error', failed)
  })

const summary = (
  o: LoadOptions,
  answers: readonly { readonly report: WorkerReport }[],
  first: Sample,
  last: Sample,
): LoadReport => {
  const reports = answers.map(a => a.report)
  const sum = (of: (r: WorkerReport) => number): number => reports.reduce((s, r) => s + of(r), 0)
  const merged = (of: (r: WorkerReport) => Float64Array): Histogram => {
    const all = new Histogram()
    for (const r of reports) all.merge(of(r))
    return all
  }
  const [latency, ack, late] = [merged(r => r.latency), merged(r => r.ack), merged(r => r.late)]
  const sent = sum(r => r.sent)
  const secs = (last.ms - first.ms) / 1000
  const delivered = last.delivered - first.delivered
  const cpuSecs = last.cpuSecs - first.cpuSecs
  const ownSecs = last.ownSecs - first.ownSecs
  const counts = reports.map(r => r.counts)
  return {
    scenario: o.scenario,
    qos: o.qos,
    v: o.version,
    size: o.size,
    pubs: o.pubs,
    subs: o.subs,
    rate: o.rate,
    sent_per_s: Math.round(sum(r => r.sentMeasured) / o.secs),
    delivered_per_s: Math.round(delivered / secs),
    lost: lostOf(sent * fanOf(o), counts),
    dup: sum(r => r.counts.dup),
    out_of_order: sum(r => r.counts.outOfOrder),
    stray: sum(r => r.counts.stray),
    closed: sum(r => r.closed),
    unsent: Math.floor(o.rate * (o.warm + o.secs)) - sent,
    ...(latency.total > 0 && {
      p50_ms: latency.quantileMs(0.5),
      p99_ms: latency.quantileMs(0.99),
      p999_ms: latency.quantileMs(0.999),
    }),
    late_p99_ms: late.quantileMs(0.99),
    load_cores: round(ownSecs / secs, 2),
    ...(o.qos > 0 && {
      ...(ack.total > 0 && { ack_p50_ms: ack.quantileMs(0.5), ack_p99_ms: ack.quantileMs(0.99) }),
      unacked: sent - sum(r => r.acked),
    }),
    ...(o.pids.length > 0 && {
      cpu_cores: round(cpuSecs / secs, 2),
      other_cores: round(Math.max(0, last.machineSecs - first.machineSecs - ownSecs - cpuSecs) / secs, 2),
      rss_mb: Math.round(last.rssBytes / 1e6),
      ...(delivered > 0 && { cpu_us_per_delivery: round((cpuSecs / delivered) * 1e6, 2) }),
    }),
  }
}
