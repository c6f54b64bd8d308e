/** One worker thread: its share of subscribers and publishers, on one event loop. Speaks with `traffic.ts` only. */
import { parentPort, workerData } from 'node:worker_threads'
import { publishTemplate } from './frames.ts'
import { Ledger } from './ledger.ts'
import { filterOf, type LoadOptions, messagesPerPublisher, streamsOf, topicOf } from './options.ts'
import { Pacer } from './pacer.ts'
import { Publisher } from './publisher.ts'
import { type Connection, dial, inParallel, subscribe } from './socket.ts'
import { subscriberReader } from './subscriber.ts'
import { reportOf, Tally, type WorkerReport } from './tally.ts'

export interface WorkerData {
  readonly options: LoadOptions
  readonly worker: number
  readonly bits: SharedArrayBuffer
  readonly live: SharedArrayBuffer
}

export type ToWorker =
  | { readonly is: 'go'; readonly beginMs: number }
  | { readonly is: 'stop' }
  | { readonly is: 'report' }
export type FromWorker =
  | { readonly is: 'ready' }
  | { readonly is: 'stopped' }
  | { readonly is: 'failed'; readonly why: string }
  | { readonly is: 'report'; readonly report: WorkerReport }

const { options: o, worker, bits, live } = workerData as WorkerData
const ledger = new Ledger(bits, streamsOf(o), messagesPerPublisher(o), o.scenario !== 'share')
const tally = new Tally(ledger, new Int32Array(live), worker)
const post = (message: FromWorker): void => parentPort?.postMessage(message)

/** The numbers below `count` that are this worker's. */
const mine = (count: number): number[] =>
  Array.from({ length: count }, (_, i) => i).filter(i => i % o.workers === worker)
const lanes = Math.max(1, Math.floor(o.conc / o.workers))
const publishing: (Connection | undefined)[] = Array.from({ length: o.pubs })

const open = async (): Promise<void> => {
  const subs = mine(o.subs)
  await inParallel(subs.length, lanes, async k => {
    const i = subs[k]!
    const connection = await dial(o.host, o.port, o.version, `${o.prefix}-s${i}`)
    await subscribe(connection, o.version, filterOf(o, i), o.qos, subscriberReader(connection, o, i, tally))
    connection.onClose = () => tally.closed++
  })
  const pubs = mine(o.pubs)
  await inParallel(pubs.length, lanes, async k => {
    const i = pubs[k]!
    const connection = await dial(o.host, o.port, o.version, `${o.prefix}-p${i}`)
    connection.onClose = () => tally.closed++
    publishing[i] = connection
  })
}

const go = (beginMs: number): Pacer => {
  const stepMs = 1000 / o.rate
  tally.startUs = (beginMs + o.warm * 1000) * 1000
  tally.endUs = tally.startUs + o.secs * 1e6
  const publishers = publishing.map((connection, index) => {
    if (connection === undefined) return undefined
    const template = publishTemplate(o.version, topicOf(o, index), o.qos, o.size)
    const timeUs = (seq: number): number => Math.floor((beginMs + (seq * o.pubs + index) * stepMs) * 1000)
    return new Publisher(connection, { index, qos: o.qos, window: o.window, template, timeUs }, tally)
  })
  const pacer = new Pacer({ beginMs, stepMs, total: Math.floor(o.rate * (o.warm + o.secs)) }, publishers)
  tally.onChunk = pacer.wake
  return pacer
}

let pacer: Pacer | undefined
parentPort?.on('message', (message: ToWorker) => {
  if (message.is === 'go') pacer = go(message.beginMs)
  if (message.is === 'stop') {
    pacer?.stop()
    tally.endChunk()
    post({ is: 'stopped' })
  }
  if (message.is === 'report') post({ is: 'report', report: reportOf(tally) })
})

open().then(
  () => post({ is: 'ready' }),
  (error: unknown) => post({ is: 'failed', why: error instanceof Error ? error.message : String(error) }),
)
