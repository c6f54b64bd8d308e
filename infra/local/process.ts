/** A server process of a local installation: starts it, waits until it answers, signals it and ends it. Knows processes and files, nothing of what they serve. */
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export type ProcessKind =
  | 'rocketmq-namesrv'
  | 'rocketmq-broker'
  | 'rocketmq-proxy'
  | 'redis'
  | 'redis-rest'
  | 'core'
  | 'edge'
  | 'relay'

export interface ProcessSpec {
  /** Unique within one installation. */
  readonly name: string
  readonly kind: ProcessKind
  readonly command: string
  readonly args: readonly string[]
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>
  readonly ports: Readonly<Record<string, number>>
  /** Gets stdout and stderr, appended. */
  readonly logFile: string
  /** Asked again and again after the start; an error counts as no. */
  readonly isReady: () => Promise<boolean>
  /** Default 30 000. */
  readonly readyWithinMs?: number
  /** A process that ends before it is ready is started again until `readyWithinMs` is over. */
  readonly startsAgain?: boolean
  /** Called before it is started: writes what it reads. */
  readonly prepare?: () => void
}

export interface Lifetime {
  /** True: it outlives this process. False (default): it is killed when this process ends, however that happens. */
  readonly outlives?: boolean
  /** Processes of an earlier run by name: one that still lives is taken over, not started a second time. */
  readonly adopt?: ReadonlyMap<string, Identity>
  /** Called each time one was started, before it is ready. */
  readonly onSpawn?: (started: ManagedProcess) => void
}

/** What finds a process again from another process: a pid alone may belong to somebody else by then. */
export interface Identity {
  readonly pid: number
  /** When it was started, in words that only this machine since its last boot understands. */
  readonly started: string
}

const POLL_MS = 25
const STOP_GRACE_MS = 10_000
const LOG_TAIL_CHARS = 3_000
/** Linux kills the child with the thread that started it, also when that was killed itself. */
const TETHER = ['/usr/bin/setpriv', '--pdeathsig', 'KILL', '--'] as const
const tethered = existsSync(TETHER[0])

const untilExit = new Set<ManagedProcess>()
process.on('exit', () => {
  for (const child of untilExit) child.signal('SIGKILL')
})

export class ManagedProcess {
  readonly spec: ProcessSpec
  readonly #lifetime: Lifetime
  #identity: Identity | undefined

  constructor(spec: ProcessSpec, lifetime: Lifetime = {}) {
    this.spec = spec
    this.#lifetime = lifetime
    this.#identity = lifetime.adopt?.get(spec.name)
  }

  get name(): string {
    return this.spec.name
  }

  get kind(): ProcessKind {
    return this.spec.kind
  }

  get ports(): Readonly<Record<string, number>> {
    return this.spec.ports
  }

  get logFile(): string {
    return this.spec.logFile
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.identity?.pid
  }

  get identity(): Identity | undefined {
    return this.#identity !== undefined && isAlive(this.#identity) ? this.#identity : undefined
  }

  /** Resolves when it answers. @throws Error with the end of its log if it ends or does not answer in time; then nothing is left running. */
  async start(): Promise<void> {
    const { readyWithinMs = 30_000, startsAgain = false } = this.spec
    const end = Date.now() + readyWithinMs
    if (this.identity === undefined) this.#spawn()
    while (!(await this.isReady())) {
      const late = Date.now() > end
      if (late || (this.identity === undefined && !startsAgain)) {
        const what = late ? `does not answer after ${readyWithinMs} ms` : 'ended before it was ready'
        await this.kill9()
        throw new Error(`${this.name} ${what}; ${this.logFile} ends with:\n${this.logTail()}`)
      }
      if (this.identity === undefined) {
        await sleep(250)
        this.#spawn()
      }
      await sleep(POLL_MS)
    }
  }

  /** True if it runs and answers. */
  async isReady(): Promise<boolean> {
    if (this.identity === undefined) return false
    return (await this.spec.isReady().catch(() => false)) && this.identity !== undefined
  }

  /** SIGTERM, then SIGKILL after `graceMs`. Resolves when it is gone. */
  async stop(graceMs = STOP_GRACE_MS): Promise<void> {
    if (this.#identity !== undefined) await endProcess(this.#identity, graceMs)
    this.#gone()
  }

  /** SIGKILL; resolves when it is gone. */
  async kill9(): Promise<void> {
    await this.stop(0)
  }

  /** SIGSTOP. */
  pause(): void {
    this.signal('SIGSTOP')
  }

  /** SIGCONT. */
  resume(): void {
    this.signal('SIGCONT')
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  /** Sends it if the process still runs. */
  signal(signal: NodeJS.Signals): void {
    if (this.#identity !== undefined) send(this.#identity, signal)
  }

  logTail(): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8').slice(-LOG_TAIL_CHARS).trim() : '(no log)'
  }

  #spawn(): void {
    const { command, args, env, logFile, prepare } = this.spec
    const { outlives = false, onSpawn } = this.#lifetime
    prepare?.()
    mkdirSync(dirname(logFile), { recursive: true })
    const log = openSync(logFile, 'a')
    const words = outlives || !tethered ? [command, ...args] : [...TETHER, command, ...args]
    const child = spawn(words[0]!, words.slice(1), {
      cwd: dirname(logFile),
      env: { ...process.env, ...env },
      // Its own group either way: Ctrl-C in a terminal is for the parent, which ends its children in order.
      detached: true,
      stdio: ['ignore', log, log],
    })
    closeSync(log)
    // Without a pid it could not be started, and the line below says so.
    child.on('error', () => {})
    child.unref()
    if (child.pid === undefined) throw new Error(`${this.name} cannot be started: no program '${command}'`)
    this.#identity = { pid: child.pid, started: startOf(child.pid) ?? '' }
    if (!outlives) untilExit.add(this)
    onSpawn?.(this)
  }

  #gone(): void {
    this.#identity = undefined
    untilExit.delete(this)
  }
}

/** True while exactly this process runs; one that ended and was not yet collected does not. */
export function isAlive({ pid, started }: Identity): boolean {
  return started !== '' && startOf(pid) === started
}

/** SIGTERM, after `graceMs` SIGKILL; resolves when it is gone. A pid that belongs to another process by now is left alone. */
export async function endProcess(identity: Identity, graceMs = STOP_GRACE_MS): Promise<void> {
  if (graceMs > 0) {
    send(identity, 'SIGTERM')
    // A stopped process takes the signal only when it goes on.
    send(identity, 'SIGCONT')
  }
  const end = Date.now() + graceMs
  while (isAlive(identity)) {
    if (Date.now() >= end) send(identity, 'SIGKILL')
    await sleep(POLL_MS)
  }
}

function send(identity: Identity, signal: NodeJS.Signals): void {
  if (!isAlive(identity)) return
  try {
    process.kill(identity.pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Undefined if no such process runs. Linux tells it as ticks since boot [proc(5), stat, field 22], others through ps. */
function startOf(pid: number): string | undefined {
  if (existsSync('/proc/self/stat')) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      // The second field is the program's name in brackets and may hold spaces.
      const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      // The first thread of a killed program may be gone while others still hold its sockets and locks.
      const threads = Number(fields[16])
      return state === 'X' || (state === 'Z' && threads <= 1) ? undefined : `${bootId()}/${fields[18]}`
    } catch {
      return undefined
    }
  }
  const [state, ...when] = spawnSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' })
    .stdout.trim()
    .split(/\s+/)
  return state === undefined || state === '' || state.startsWith('Z') ? undefined : when.join(' ')
}

let boot: string | undefined
function bootId(): string {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  return boot
}
