/** Starts a Redis server in one folder. Knows its command line and its PING, none of its data. */
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { freePorts } from './ports.ts'
import { type Lifetime, ManagedProcess } from './process.ts'
import { requirePrograms } from './programs.ts'

export interface RedisOptions extends Lifetime {
  /** Everything is kept in it. A start in a folder with an append-only file continues with that. */
  readonly dir: string
  /** Default: a free one. */
  readonly port?: number
  /** Writes an append-only file, to the disk once a second. Default true; false: a restart begins empty. */
  readonly appendonly?: boolean
  /** Default 'redis'; several in one installation want several names. */
  readonly name?: string
  /** More of the command line of `redis-server`. */
  readonly args?: readonly string[]
}

export interface Redis {
  readonly server: ManagedProcess
  readonly port: number
  /** `redis://127.0.0.1:port` */
  readonly url: string
  stop(graceMs?: number): Promise<void>
}

/** @throws Error that names the Debian package if there is no Redis, or with the end of its log if it does not start. */
export async function startRedis(options: RedisOptions): Promise<Redis> {
  const redis = describeRedis({ ...options, port: options.port ?? (await freePorts(1)) })
  requirePrograms('redis-server')
  await redis.server.start()
  return redis
}

/** The same without starting it. */
export function describeRedis(options: RedisOptions & { readonly port: number }): Redis {
  const { port, appendonly = true, name = 'redis', args = [] } = options
  const dir = resolve(options.dir)
  const server = new ManagedProcess(
    {
      name,
      kind: 'redis',
      command: 'redis-server',
      args: ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', ''].concat(
        appendonly ? ['--appendonly', 'yes', '--appendfsync', 'everysec'] : ['--appendonly', 'no'],
        args,
      ),
      ports: { redis: port },
      logFile: join(dir, 'output.log'),
      isReady: () => answersPing(port),
    },
    options,
  )
  return { server, port, url: `redis://127.0.0.1:${port}`, stop: graceMs => server.stop(graceMs) }
}

/** False while it still loads its append-only file. */
function answersPing(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host: '127.0.0.1', port })
    const end = (result: boolean): void => {
      socket.destroy()
      resolve(result)
    }
    socket.on('connect', () => socket.write('PING\r\n'))
    socket.on('data', chunk => end(chunk.toString('latin1').startsWith('+PONG')))
    socket.on('error', () => end(false))
    socket.setTimeout(2_000, () => end(false))
  })
}
