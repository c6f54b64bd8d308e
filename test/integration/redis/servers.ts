/** A Redis server and its REST proxy for the tests of one file, and what a core makes of them. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis as Client } from 'ioredis'
import type { Driver } from '../../../core/state/redis/driver.ts'
import { Fence } from '../../../core/state/redis/fence.ts'
import { Keys } from '../../../core/state/redis/keys.ts'
import { openRedis } from '../../../core/state/redis/open.node.ts'
import { RedisState } from '../../../core/state/redis/state.ts'
import { type Redis, startRedis } from '../../../infra/local/redis.ts'
import { type RestProxy, startRestProxy } from '../../../infra/local/rest-proxy/start.ts'

export type DriverName = 'tcp' | 'rest'
export const DRIVERS: readonly DriverName[] = ['tcp', 'rest']

export class Servers {
  readonly redis: Redis
  readonly proxy: RestProxy
  /** For looking at what is stored. */
  readonly look: Client
  readonly #dir: string

  static async start(): Promise<Servers> {
    const dir = mkdtempSync(join(tmpdir(), 'meridian-redis-'))
    for (const name of ['redis', 'proxy']) mkdirSync(join(dir, name))
    const redis = await startRedis({ dir: join(dir, 'redis') })
    const proxy = await startRestProxy({ dir: join(dir, 'proxy'), redisUrl: redis.url })
    return new Servers(dir, redis, proxy)
  }

  private constructor(dir: string, redis: Redis, proxy: RestProxy) {
    this.#dir = dir
    this.redis = redis
    this.proxy = proxy
    this.look = new Client(redis.url)
    this.look.on('error', () => {})
  }

  url(driver: DriverName): string {
    const { url, token } = this.proxy
    return driver === 'tcp' ? this.redis.url : `upstash+${url}?token=${token}`
  }

  open(driver: DriverName, timeoutMs?: number): Promise<Driver> {
    return openRedis({ url: this.url(driver), ...(timeoutMs === undefined ? {} : { timeoutMs }) })
  }

  async stop(): Promise<void> {
    this.look.disconnect()
    await this.proxy.stop(0)
    await this.redis.stop(0)
    rmSync(this.#dir, { recursive: true, force: true })
  }
}

/** A core as far as its state goes: lease taken from whoever has it. */
export class Holder {
  readonly keys: Keys
  readonly fence: Fence
  readonly state: RedisState
  rollbacks = 0

  static async take(
    driver: Driver,
    site: string,
    { name = 'a', prefix, lifeMs = 0 }: { name?: string; prefix?: string; lifeMs?: number } = {},
  ): Promise<Holder> {
    const holder = new Holder(driver, new Keys(site, prefix))
    const [writes, token] = await driver.run('lease', [holder.keys.lease], ['take', name, lifeMs, 0, '1', Date.now()])
    if (writes === 0 || token === undefined) throw new Error(`The lease of '${site}' is held`)
    holder.fence.token = Number(new TextDecoder().decode(token as Uint8Array))
    return holder
  }

  private constructor(driver: Driver, keys: Keys) {
    this.keys = keys
    this.fence = new Fence({ driver, key: this.keys.lease, onRollback: () => this.rollbacks++ })
    this.state = new RedisState({ fence: this.fence, keys: this.keys })
  }

  commit(): Promise<void> {
    return new Promise((resolve, reject) =>
      this.state.commits.commit(error => (error === undefined ? resolve() : reject(error))),
    )
  }
}
