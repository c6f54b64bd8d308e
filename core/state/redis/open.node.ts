/** Opens Redis from the URL of the settings: picks the transport and hands it the scripts. */
import { addressOf } from './address.ts'
import { Driver } from './driver.ts'
import { RestTransport } from './rest.ts'
import { LUA } from './scripts.node.ts'
import { prepare } from './scripts.ts'
import { newRedisStats, type RedisStats } from './stats.ts'
import { TcpTransport } from './tcp.node.ts'

export interface RedisOptions {
  /** `redis://…`, `rediss://…` or `upstash+http(s)://host:port?token=…`. */
  readonly url: string
  /** With `rediss://`: authorities of its certificate, PEM; the usual ones if not given. */
  readonly ca?: string
  /** Default 3,000. */
  readonly timeoutMs?: number
  readonly stats?: RedisStats
}

const TIMEOUT_MS = 3_000

/** Throws on a URL that is none. Redis need not be there yet: calls fail until it is, and it is looked for again and again. */
export async function openRedis({
  url,
  ca,
  timeoutMs = TIMEOUT_MS,
  stats = newRedisStats(),
}: RedisOptions): Promise<Driver> {
  const scripts = await prepare(LUA)
  const address = addressOf(url)
  if (address.is === 'rest') return new Driver(new RestTransport({ ...address, timeoutMs }), scripts, stats)
  const tcp = new TcpTransport({ ...address, timeoutMs, ...(ca === undefined ? {} : { ca }) })
  await tcp.settled(timeoutMs)
  return new Driver(tcp, scripts, stats)
}
