/** `meridian start`, `edge` and `core`: loads the configuration, starts the process, stops it on a signal. Knows nothing of what runs inside. */
import type { Logger } from 'pino'
import type { Command } from '../config/commands.ts'
import { describe } from '../config/describe.ts'
import { type Loaded, load } from '../config/load.ts'
import { makeLog } from '../log.ts'
import { VERSION } from '../version.ts'
import { type Env, FAILED, FINE, type Io, type Running, type Start, type StopSignal } from './ports.ts'

const SIGNAL_STATUS: Readonly<Record<StopSignal, number>> = { SIGINT: 130, SIGTERM: 143 }

/** What every such command's configuration has. */
interface Common {
  readonly logLevel: Parameters<typeof makeLog>[0]
  readonly limits: { readonly shutdownMs: number }
}

/** Resolves with the exit status once the process has stopped. Throws a ConfigError before anything is started. */
export async function start<S, C extends Common>(
  command: Command<S, C>,
  program: Start<C>,
  argv: readonly string[],
  env: Env,
  io: Io,
): Promise<number> {
  const loaded = load(command, { argv, env, readFile: io.readFile })
  const { config } = loaded
  const log = makeLog(config.logLevel, io.logTo)
  io.onFatal(error => {
    log.fatal({ err: error }, 'The process ends because of an error that nothing handled')
    io.exit(FAILED)
  })
  const firstSignal = watchSignals(log, io)
  let running: Running
  try {
    running = await program(config, log)
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    log.error({ detail }, 'Meridian could not start')
    log.debug({ err: error }, 'Where the start failed')
    io.err(`meridian: ${detail}`)
    return FAILED
  }
  announce(running, loaded, log)
  if (io.terminal) io.err(greeting(running))
  const why = await Promise.race([firstSignal(), ...(running.ended === undefined ? [] : [running.ended])])
  if (typeof why === 'number') return why
  log.info({ signal: why }, 'Stopping')
  await running.drain?.()
  return stop(running, config.limits.shutdownMs, log)
}

/** The boot line. It is printed at every level but `silent`: with port 0 it is the only place to learn the port. */
function announce(running: Running, { config, warnings }: Loaded<Common>, log: Logger): void {
  for (const warning of warnings) log.warn(warning)
  const loud = config.logLevel === 'silent' ? log : log.child({}, { level: 'info' })
  loud.info(
    { version: VERSION, listeners: running.listeners, ...running.facts, settings: describe(config) },
    'Meridian is ready',
  )
}

const SCHEMES: Readonly<Record<string, string>> = {
  tcp: 'mqtt',
  tls: 'mqtts',
  ws: 'http',
  wss: 'https',
  http: 'http',
  https: 'https',
}

/** Where it listens, for somebody at a terminal. */
function greeting({ listeners, does }: Running): string {
  const places = listeners.map(({ kind, host, port }) => {
    const scheme = SCHEMES[kind]
    return scheme === undefined ? host : `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`
  })
  return `\nMeridian ${VERSION} listens on ${places.join(', ')} and ${does}. Ctrl-C stops it.\n`
}

/** The first signal is waited for; one that comes before the start has finished, or a second one, ends the process at once. */
function watchSignals(log: Logger, io: Io): () => Promise<StopSignal> {
  let take: ((signal: StopSignal) => void) | undefined
  io.onSignal(signal => {
    if (take) {
      take(signal)
      take = undefined
    } else {
      log.warn({ signal }, 'Ending at once')
      io.exit(SIGNAL_STATUS[signal])
    }
  })
  return () =>
    new Promise(done => {
      take = done
    })
}

async function stop(running: Running, withinMs: number, log: Logger): Promise<number> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<'late'>(done => {
    timer = setTimeout(done, withinMs, 'late')
  })
  try {
    const result = await Promise.race([running.stop(), late])
    if (result === 'late') {
      log.error({ withinMs }, 'Not everything was closed within limits.shutdownMs')
      return FAILED
    }
    log.info('Stopped')
    return FINE
  } catch (error) {
    log.error({ err: error }, 'Stopping failed')
    return FAILED
  } finally {
    clearTimeout(timer)
  }
}
