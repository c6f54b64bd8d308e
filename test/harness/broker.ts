/** A broker as a child process: Meridian (Node or Deno build) or Mosquitto, which the suites are checked against. Loopback only. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { freePort, type Running, run, until } from './process.ts'

export type Runtime = 'node' | 'deno'

export interface Broker {
  readonly name: 'meridian' | 'mosquitto' | 'target'
  readonly host: string
  readonly tcpPort: number
  /** HTTP port with `/mqtt`; 0 if the broker has none. */
  readonly httpPort: number
  readonly wsUrl: string
  readonly pid: number
  output(): string
  /** Undefined while it runs, then its exit code or signal. */
  ended(): number | string | undefined
  /** SIGTERM, and waits for the end. */
  stop(): Promise<void>
  /** kill -9. */
  kill(): Promise<void>
}

export interface MeridianOptions {
  readonly runtime?: Runtime
  /** Default `:memory:`. */
  readonly dataDir?: string
  /** The configuration file's content, as `meridian config reference` names its keys. */
  readonly config?: Readonly<Record<string, unknown>>
  readonly args?: readonly string[]
  /** Program and its arguments up to `start`, instead of the built bundle. */
  readonly command?: readonly string[]
}

const ROOT = resolve(import.meta.dirname, '../..')
const BOOT_MS = 20_000

interface Listening {
  readonly kind: string
  readonly host: string
  readonly port: number | string
}

/** Where the bundles are: `MERIDIAN_TEST_DIST` names another folder, so that a build under test stays as it is while others build. */
const DIST = resolve(ROOT, process.env.MERIDIAN_TEST_DIST ?? 'dist')

/** The command of the build for this runtime, up to and without `start`. */
export function meridianCommand(runtime: Runtime): readonly string[] {
  const bin = (name: string) => join(ROOT, 'node_modules/.bin', name)
  return runtime === 'node'
    ? [bin('node'), join(DIST, 'meridian.mjs')]
    : [bin('deno'), 'run', '-A', join(DIST, 'meridian.deno.mjs')]
}

/** The listeners of the boot line: the first JSON line on stdout that has them. */
function listenersIn(output: string): readonly Listening[] | undefined {
  for (const line of output.split('\n')) {
    if (!line.includes('"listeners"')) continue
    try {
      const parsed: unknown = JSON.parse(line)
      if (typeof parsed === 'object' && parsed !== null && 'listeners' in parsed) {
        return parsed.listeners as readonly Listening[]
      }
    } catch {
      // A line cut in two by the pipe: the next look has all of it.
    }
  }
  return undefined
}

const portOf = (listeners: readonly Listening[], ...kinds: readonly string[]): number =>
  Number(listeners.find(l => kinds.includes(l.kind) && typeof l.port === 'number')?.port ?? 0)

/** Starts Meridian on free ports and waits for its boot line. Throws with its output if it ends or stays silent. */
export async function startMeridian(options: MeridianOptions = {}): Promise<Broker> {
  const scratch = mkdtempSync(join(tmpdir(), 'meridian-test-'))
  const [program = 'node', ...before] = options.command ?? meridianCommand(options.runtime ?? 'node')
  const args = [...before, 'start', '--host', '127.0.0.1', '--mqtt-port', '0', '--http-port', '0']
  args.push('--data-dir', options.dataDir ?? ':memory:', '--log-level', 'info', ...(options.args ?? []))
  if (options.config !== undefined) {
    const file = join(scratch, 'meridian.yaml')
    writeFileSync(file, JSON.stringify(options.config, undefined, 2))
    args.push('--config', file)
  }
  const running = run(program, args, { cwd: scratch, env: { ...process.env, NO_COLOR: '1' } })
  const listeners = await until('the boot line of Meridian', BOOT_MS, () => {
    if (running.ended() !== undefined) throw new Error(`Meridian ended with ${running.ended()}:\n${running.output()}`)
    return listenersIn(running.output())
  }).catch(async (error: unknown) => {
    await running.end('SIGKILL')
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${running.output()}`)
  })
  return broker('meridian', running, scratch, portOf(listeners, 'tcp'), portOf(listeners, 'http', 'ws'))
}

/** Starts Mosquitto with these configuration lines (without listener) on a free port. Only for checking the tests themselves. */
export async function startMosquitto(lines: readonly string[] = ['allow_anonymous true']): Promise<Broker> {
  const scratch = mkdtempSync(join(tmpdir(), 'mosquitto-test-'))
  const port = await freePort()
  const file = join(scratch, 'mosquitto.conf')
  writeFileSync(file, [`listener ${port} 127.0.0.1`, 'log_type all', ...lines, ''].join('\n'))
  const running = run('/usr/sbin/mosquitto', ['-c', file], { cwd: scratch })
  await until('Mosquitto to listen', BOOT_MS, async () => {
    if (running.ended() !== undefined) throw new Error(`Mosquitto ended with ${running.ended()}:\n${running.output()}`)
    return (await answers(port)) ? true : undefined
  })
  return broker('mosquitto', running, scratch, port, 0)
}

/** A broker that runs already, e.g. `127.0.0.1:1883` or `127.0.0.1:1883/8080` with its HTTP port. Never stopped by the tests. */
export function runningBroker(target: string): Broker {
  const match = /^([^:]+):(\d+)(?:\/(\d+))?$/.exec(target)
  if (match === null) throw new Error(`Target '${target}' is not host:port or host:port/httpPort`)
  const [, host = '', tcp = '0', http = '0'] = match
  const nothing = () => Promise.resolve()
  return {
    name: 'target',
    host,
    tcpPort: Number(tcp),
    httpPort: Number(http),
    wsUrl: `ws://${host}:${http}/mqtt`,
    pid: -1,
    output: () => '',
    ended: () => undefined,
    stop: nothing,
    kill: nothing,
  }
}

function broker(name: Broker['name'], running: Running, scratch: string, tcpPort: number, httpPort: number): Broker {
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    await running.end(signal)
    rmSync(scratch, { recursive: true, force: true })
  }
  return {
    name,
    host: '127.0.0.1',
    tcpPort,
    httpPort,
    wsUrl: `ws://127.0.0.1:${httpPort}/mqtt`,
    pid: running.pid,
    output: running.output,
    ended: running.ended,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = createConnection({ port, host: '127.0.0.1' })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
