/**
 * A core on RocketMQ and Redis: waits for the lease of its site, then opens log, state and inboxes. Nothing is written before the
 * lease is ours.
 */
import type { Logger } from 'pino'
import type { Incarnation } from '../../core/contract/ids.ts'
import type { Limits } from '../../core/contract/limits.ts'
import type { RocketmqOptions } from '../../core/log/rocketmq/client.node.ts'
import { type OpenInboxes, openInboxes } from '../../core/log/rocketmq/inbox.node.ts'
import type { InboxLimits } from '../../core/log/rocketmq/inbox-stats.ts'
import { preflight } from '../../core/log/rocketmq/preflight.node.ts'
import { openRocketmqLog, type RocketmqLog } from '../../core/log/rocketmq/wal.node.ts'
import { RedisDirectory } from '../../core/state/redis/directory.ts'
import type { Driver } from '../../core/state/redis/driver.ts'
import { Fence } from '../../core/state/redis/fence.ts'
import { Keys } from '../../core/state/redis/keys.ts'
import { Lease, type LeaseEvent } from '../../core/state/redis/lease.ts'
import { openRedis } from '../../core/state/redis/open.node.ts'
import { RedisWatch } from '../../core/state/redis/site-watch.ts'
import { RedisState } from '../../core/state/redis/state.ts'
import { RedisWalRegistry } from '../../core/state/redis/wal-registry.ts'
import type { CoreConfig, RocketmqAddress, Stores as StoresSettings } from '../config/core.ts'
import { readPem } from '../pem.node.ts'
import { bridgeOf } from './bridge.node.ts'
import { quietly } from './quiet.ts'
import { ApartStats } from './store-metrics.ts'
import type { LeadOptions, Seat, Stores } from './stores.ts'

export interface ApartOptions {
  readonly config: CoreConfig
  readonly stores: Extract<StoresSettings, { are: 'apart' }>
  readonly incarnation: Incarnation
  readonly log: Logger
}

/** Resolves when RocketMQ has been looked at. Rejects with a text that says what is missing, and the command that creates it. */
export async function apart({ config, stores, incarnation, log }: ApartOptions): Promise<Stores> {
  const rocketmq = await rocketmqOptions(stores.rocketmq, log)
  const ca = await readPem('redisCaFile', stores.redisCaFile)
  const stats = new ApartStats()
  await preflight(rocketmq)
  const driver = await openRedis({ url: stores.state, stats: stats.redis, ...(ca === undefined ? {} : { ca }) })
  return new Apart(config, incarnation, log, rocketmq, driver, stats)
}

async function rocketmqOptions({ endpoint, tls, credentials }: RocketmqAddress, log: Logger): Promise<RocketmqOptions> {
  const ca = await readPem('rocketmqCaFile', tls?.caFile)
  return {
    endpoint,
    log: quietly(log),
    ...(tls === undefined ? {} : { tls: ca === undefined ? {} : { ca } }),
    ...(credentials === undefined ? {} : { credentials }),
  }
}

type CoreOfStores = Parameters<Seat['opened']>[0]

const REWRITE_MS = 1_000

/** A core that cannot open its stores by then ends, and so gives its turn to another. */
const OPEN_MS = 60_000
const OPEN_AGAIN_MS = 500

class Apart implements Stores {
  readonly facts: Stores['facts']
  readonly bridge: Stores['bridge']
  readonly #config: CoreConfig
  readonly #incarnation: Incarnation
  readonly #log: Logger
  readonly #rocketmq: RocketmqOptions
  readonly #driver: Driver
  readonly #stats: ApartStats
  readonly #keys: Keys
  readonly #fence: Fence
  readonly #lease: Lease
  readonly #lost = Promise.withResolvers<string>()
  readonly #core = Promise.withResolvers<CoreOfStores>()
  #waiting: (why: string) => void = () => {}
  #wal: RocketmqLog | undefined
  #closing = false
  #inboxes: OpenInboxes | undefined
  /** With other sites. */
  #directory: RedisDirectory | undefined

  constructor(
    config: CoreConfig,
    incarnation: Incarnation,
    log: Logger,
    rocketmq: RocketmqOptions,
    driver: Driver,
    stats: ApartStats,
  ) {
    this.facts = { rocketmq: rocketmq.endpoint, state: driver.address }
    this.#config = config
    this.#incarnation = incarnation
    this.#log = log
    this.#rocketmq = rocketmq
    this.#driver = driver
    this.#stats = stats
    this.bridge = bridgeOf(config, rocketmq, stats.bridge)
    this.#keys = new Keys(config.site)
    this.#fence = new Fence({
      driver,
      key: this.#keys.lease,
      onRollback: () => void this.#rewrite(),
    })
    this.#lease = new Lease({
      fence: this.#fence,
      holder: `${config.id}/${incarnation}`,
      now: Date.now,
      onLost: by => this.#lost.resolve(by),
      onEvent: event => this.#heard(event),
    })
  }

  async lead({ waiting, pressed }: LeadOptions): Promise<Seat> {
    this.#waiting = waiting
    await this.#lease.start()
    this.#inboxes = await this.#insist(() =>
      openInboxes(this.#rocketmq, {
        life: Date.now(),
        limits: inboxLimits(this.#config.limits),
        stats: this.#stats.inboxes,
        onFull: pressed,
        onStale: client => void this.#core.promise.then(core => core.stale(client)),
      }),
    )
    const wal = await this.#insist(() =>
      openRocketmqLog({
        rocketmq: this.#rocketmq,
        registry: new RedisWalRegistry(this.#fence, this.#keys),
        coreId: this.#config.id,
        incarnation: this.#incarnation,
        limits: this.#config.limits,
        stats: this.#stats.wal,
        mayAppend: () => !this.#lease.mayBeStale(Date.now()),
      }),
    )
    this.#waiting = () => {}
    this.#wal = wal
    if (this.#config.peers.size > 0) this.#directory = this.#openDirectory()
    return {
      log: wal,
      state: new RedisState({ fence: this.#fence, keys: this.#keys }),
      inboxes: this.#inboxes.store,
      globe: this.#directory && { directory: this.#directory, watch: this.#watch(), term: this.#fence.token },
      lost: this.#lost.promise,
      opened: core => {
        this.#core.resolve(core)
        wal.strays((position, _, envelope) => core.adopt(position, envelope))
      },
      troubles: () => this.#troubles(),
    }
  }

  #openDirectory(): RedisDirectory {
    const { site, limits } = this.#config
    return new RedisDirectory({ fence: this.#fence, keys: this.#keys, site, limits })
  }

  #watch(): RedisWatch {
    const sites = [...this.#config.peers.keys()]
    return new RedisWatch({ driver: this.#driver, keys: this.#keys, sites, now: Date.now })
  }

  mayBeStale(now: number): boolean {
    return this.#lease.mayBeStale(now)
  }

  register(registry: Parameters<Stores['register']>[0]): void {
    this.#stats.register(registry)
  }

  /** RocketMQ was well when this core began to wait; a broker that has just been started may refuse anything for a while. */
  async #insist<T>(open: () => Promise<T>): Promise<T> {
    for (const until = Date.now() + OPEN_MS; ; ) {
      try {
        return await open()
      } catch (error) {
        if (this.#closing || !this.#lease.held || Date.now() > until) throw error
        this.#waiting((error as Error).message)
        this.#log.warn({ err: error }, 'RocketMQ is not ready; it is tried again')
        await new Promise(done => setTimeout(done, OPEN_AGAIN_MS))
      }
    }
  }

  async close(): Promise<void> {
    this.#closing = true
    this.#directory?.close()
    await this.#inboxes?.close()
    await this.#wal?.closed
    await this.#lease.release().catch((error: unknown) => {
      this.#log.warn({ err: error }, 'The lease could not be given back; it expires')
    })
    this.#driver.close()
  }

  /** What Redis has lost is there again soon. */
  async #rewrite(): Promise<void> {
    const redis = this.#driver.address
    this.#log.error(
      { redis },
      'Redis has lost writes that it had acknowledged; sessions and retained messages are written again',
    )
    const core = await this.#core.promise
    while (this.#lease.held) {
      try {
        this.#wal?.remark()
        await core.rewrite()
        this.#log.warn({ redis }, 'Sessions and retained messages were written again')
        return
      } catch (error) {
        this.#log.warn(
          { err: error },
          'Sessions and retained messages could not be written again; it is tried once more',
        )
        await new Promise(done => setTimeout(done, REWRITE_MS))
      }
    }
  }

  #heard(event: LeaseEvent): void {
    switch (event.is) {
      case 'standby':
        return this.#waiting(`Core ${event.holder.split('/')[0]} is the active one of site ${this.#config.site}`)
      case 'unreachable':
        this.#log.warn({ detail: event.detail }, 'Redis does not answer')
        return this.#waiting(`Redis does not answer: ${event.detail}`)
      case 'reachable':
        return this.#log.warn('Redis answers again')
    }
  }

  #troubles(): string[] {
    return [
      ...(this.#lease.reachable ? [] : ['Redis does not answer: sessions cannot be claimed']),
      ...(this.#inboxes?.store.full ? ['RocketMQ is behind with messages for offline sessions'] : []),
    ]
  }
}

const inboxLimits = (limits: Limits): InboxLimits => ({
  appends: limits.inboxAppends,
  chunkBytes: limits.inboxChunkBytes,
  waitingBytes: limits.inboxWaitingBytes,
  indexedEntries: limits.inboxIndexedMessages,
  cacheBytes: limits.inboxCacheBytes,
  cacheBytesPerInbox: limits.inboxCacheBytesEach,
  drains: limits.inboxDrains,
})
