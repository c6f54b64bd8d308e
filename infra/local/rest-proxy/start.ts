/** Starts the REST proxy in front of a Redis server. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { freePorts } from '../ports.ts'
import { type Lifetime, ManagedProcess } from '../process.ts'

export interface RestProxyOptions extends Lifetime {
  /** Its log is kept in it. */
  readonly dir: string
  /** `redis://host:port` */
  readonly redisUrl: string
  /** Default: a random one. */
  readonly token?: string
  /** Default: a free one. */
  readonly port?: number
  /** Default 'redis-rest'. */
  readonly name?: string
}

export interface RestProxy {
  readonly server: ManagedProcess
  /** For `@upstash/redis`: `http://127.0.0.1:port` */
  readonly url: string
  readonly token: string
  stop(graceMs?: number): Promise<void>
}

/** @throws Error with the end of its log if it does not start or Redis does not answer it. */
export async function startRestProxy(options: RestProxyOptions): Promise<RestProxy> {
  const token = options.token ?? randomBytes(16).toString('hex')
  const proxy = describeRestProxy({ ...options, token, port: options.port ?? (await freePorts(1)) })
  await proxy.server.start()
  return proxy
}

/** The same without starting it. */
export function describeRestProxy(
  options: RestProxyOptions & { readonly port: number; readonly token: string },
): RestProxy {
  const { dir, redisUrl, port, token, name = 'redis-rest' } = options
  const url = `http://127.0.0.1:${port}`
  const server = new ManagedProcess(
    {
      name,
      kind: 'redis-rest',
      command: process.execPath,
      args: [new URL('main.node.ts', import.meta.url).pathname, '--redis', redisUrl, '--port', String(port)],
      env: { REDIS_REST_TOKEN: token },
      ports: { http: port },
      logFile: join(dir, 'output.log'),
      isReady: async () => (await fetch(`${url}/ping`, { headers: { authorization: `Bearer ${token}` } })).ok,
    },
    options,
  )
  return { server, url, token, stop: graceMs => server.stop(graceMs) }
}
