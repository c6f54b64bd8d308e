/** Starts and ends the processes of the benchmark, pinned to cores where the machine allows it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { availableParallelism } from 'node:os'
import { sleep } from './load/clock.ts'

const STOP_MS = 10_000
const LISTEN_MS = 30_000
const LOG_TAIL_CHARS = 400

/** Broker and generator get a core each, so that neither takes the other's time. */
export const CORE = { broker: 0, load: 1 } as const
export const canPin = availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0

const pinned = (core: number, command: readonly string[]): string[] =>
  canPin ? ['taskset', '-c', String(core), ...command] : [...command]

/** A broker under test. `taskset` becomes the broker, so the pid is the broker's. */
export interface Running {
  readonly pid: number
  readonly port: number
  stop(): Promise<void>
}

/** Resolves once the port answers; rejects with the end of the log if the process ends before. */
export const startBroker = async (command: readonly string[], port: number, logFile: string): Promise<Running> => {
  const log = openSync(logFile, 'w')
  const [program = '', ...args] = pinned(CORE.broker, command)
  const child = spawn(program, args, { stdio: ['ignore', log, log] })
  closeSync(log)
  let failed: string | undefined
  child.on('error', error => (failed = error.message))
  const deadline = Date.now() + LISTEN_MS
  while (!(await answers(port))) {
    const over = failed ?? (child.exitCode === null ? undefined : `Exited with ${child.exitCode}: ${tail(logFile)}`)
    if (over !== undefined || Date.now() > deadline) {
      await end(child)
      throw new Error(over ?? `Port ${port} did not answer within ${LISTEN_MS} ms: ${tail(logFile)}`)
    }
    await sleep(50)
  }
  return { pid: child.pid!, port, stop: () => end(child) }
}

const tail = (file: string): string => readFileSync(file, 'utf8').trim().slice(-LOG_TAIL_CHARS)

const end = async (child: ChildProcess): Promise<void> => {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise<void>(done => child.once('exit', () => done()))
  child.kill('SIGTERM')
  const hard = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await gone
  clearTimeout(hard)
}

const answers = (port: number): Promise<boolean> =>
  new Promise(done => {
    const socket = connect({ host: '127.0.0.1', port })
    const tell = (yes: boolean): void => {
      socket.destroy()
      done(yes)
    }
    socket.once('connect', () => tell(true))
    socket.once('error', () => tell(false))
  })

export const freePort = (): Promise<number> =>
  new Promise((done, failed) => {
    const server = createServer()
    server.once('error', failed)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => done(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })

/** Runs a command to its end on the generator's core and returns what it printed. Rejects with its errors if it fails. */
export const runPinned = (command: readonly string[], timeoutMs: number): Promise<string> =>
  runCommand(pinned(CORE.load, command), timeoutMs)

/** The same on any core. */
export const runCommand = (command: readonly string[], timeoutMs: number): Promise<string> =>
  new Promise((done, failed) => {
    const [program = '', ...args] = command
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs })
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (err = (err + chunk.toString()).slice(-LOG_TAIL_CHARS)))
    child.once('error', failed)
    child.once('close', (code, signal) => {
      if (code === 0) done(out)
      else failed(new Error(err.trim() || `${program} ended with ${signal ?? code}`))
    })
  })
