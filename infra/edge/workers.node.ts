/**
 * `meridian edge --workers N`: N processes on the same ports, of which Linux gives each new connection to one. This one starts
 * them, starts again what dies, ends them, and gives to all what one of them is ordered; it listens on nothing and sums no metrics.
 * Worker n is an edge of its own, ID-n, and serves its own pages and metrics on `httpPort` + n.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import process from 'node:process'
import type { Logger } from 'pino'
import type { DrainOrder, DrainState, Obey } from '../../edge/http/drain.ts'
import type { Running, Start } from '../cli/ports.ts'
import type { EdgeConfig } from '../config/edge.ts'
import { Orders, sumOf } from './orders.node.ts'

/** How long a worker that died is waited with: doubled each time, from the beginning again once it has lived for a while. */
const BACK_OFF_FIRST_MS = 100
const BACK_OFF_MAX_MS = 10_000
const LIVED_MS = 30_000

type Listeners = Running['listeners']

/** What a worker tells its parent, once. */
export interface Ready {
  readonly ready: true
  readonly listeners: Listeners
}

/** In a worker: says that it listens. In any other process nothing. */
export function tellParent(listeners: Listeners): void {
  const ready: Ready = { ready: true, listeners }
  process.send?.(ready)
}

/** Resolves when all of them listen; rejects if one ends before, and then the others are ended too. */
export const startWorkers: Start<EdgeConfig> = async (config, log) => {
  const { host, workers } = config
  const [mqttPort, httpPort] = [await chosen(config.mqttPort, host), await chosen(config.httpPort, host)]
  const flags = ['--workers', '1', '--reuse-port', '--mqtt-port', String(mqttPort), '--http-port', String(httpPort)]
  const pace = ['--limits-drain-clients-per-sec', String(Math.ceil(config.limits.drainClientsPerSec / workers))]
  let standing: DrainOrder = { do: 'look' }
  const obey: Obey = async order => {
    if (order.do !== 'look') standing = order
    return sumOf(await Promise.all(all.map(worker => worker.ask(order))))
  }
  const all = Array.from({ length: workers }, (_, i) => {
    const id = `${config.id}-${i + 1}`
    const status = httpPort === 'off' ? 'off' : config.httpPort === 0 ? '0' : String(httpPort + i + 1)
    return new Worker(id, [...flags, ...pace, '--id', id, '--status-port', status], log, obey, () => standing)
  })
  const stop = async (): Promise<void> => {
    await Promise.all(all.map(worker => worker.stop()))
  }
  let listeners: Listeners
  try {
    listeners = (await Promise.all(all.map(worker => worker.start())))[0] ?? []
  } catch (error) {
    await stop()
    throw error
  }
  const { id, region } = config
  const pids = all.map(worker => worker.pid)
  return { listeners, facts: { id, region, workers: pids }, does: `runs ${workers} workers`, drain: stop, stop }
}

/** A port that all workers can be told; 0 becomes one that was free a moment ago. */
async function chosen(port: number | 'off', host: string): Promise<number | 'off'> {
  if (port !== 0) return port
  const server = createServer()
  await new Promise<void>((done, failed) => {
    server.once('error', failed)
    server.listen({ host, port: 0, reusePort: true }, done)
  })
  const bound = server.address()
  await new Promise(done => server.close(done))
  return typeof bound === 'object' && bound !== null ? bound.port : 0
}

class Worker {
  readonly #id: string
  readonly #flags: readonly string[]
  readonly #log: Logger
  readonly #obey: Obey
  readonly #standing: () => DrainOrder
  #orders: Orders | undefined
  #child: ChildProcess | undefined
  #backOffMs = BACK_OFF_FIRST_MS
  #startedAt = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #stopping = false

  /** `obey`: what this worker is ordered; `standing`: what it is ordered when it is started again. */
  constructor(id: string, flags: readonly string[], log: Logger, obey: Obey, standing: () => DrainOrder) {
    this.#id = id
    this.#flags = flags
    this.#log = log
    this.#obey = obey
    this.#standing = standing
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Rejects if the first process ends before it listens. */
  start(): Promise<Listeners> {
    return new Promise((done, failed) => {
      let listens = false
      this.#spawn(
        ready => {
          listens = true
          done(ready.listeners)
        },
        why => {
          if (listens) this.#later(why)
          else failed(new Error(`Worker ${this.#id} ended before it listened: ${why}`))
        },
      )
    })
  }

  /** Undefined: it does not answer. */
  async ask(order: DrainOrder): Promise<DrainState | undefined> {
    return this.#orders?.ask(order)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#timer)
    const child = this.#child
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise(done => child.once('exit', done))
    child.kill('SIGTERM')
    await gone
  }

  /** `ended` is called once, with why. */
  #spawn(ready: (ready: Ready) => void, ended: (why: string) => void): void {
    this.#startedAt = Date.now()
    const [, script, ...words] = process.argv as [string, string, ...string[]]
    // Its own group: Ctrl-C in a terminal is for this process, which ends its workers in order. If it dies, they notice.
    const child = spawn(process.execPath, [...process.execArgv, script, ...words, ...this.#flags], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      detached: true,
    })
    this.#child = child
    child.on('message', message => {
      if ((message as Partial<Ready>).ready) ready(message as Ready)
    })
    this.#orders = new Orders(child, this.#obey)
    child.once('exit', (code, signal) => ended(signal ?? `exit status ${code}`))
    child.once('error', error => {
      if (child.pid === undefined) ended(error.message)
    })
  }

  #later(why: string): void {
    if (this.#stopping) return
    if (Date.now() - this.#startedAt > LIVED_MS) this.#backOffMs = BACK_OFF_FIRST_MS
    const inMs = this.#backOffMs
    this.#backOffMs = Math.min(inMs * 2, BACK_OFF_MAX_MS)
    this.#log.error({ worker: this.#id, why, inMs }, 'A worker died and is started again')
    this.#timer = setTimeout(
      () =>
        this.#spawn(
          () => void this.ask(this.#standing()),
          again => this.#later(again),
        ),
      inMs,
    )
  }
}
