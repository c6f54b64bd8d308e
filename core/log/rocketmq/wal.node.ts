/**
 * The log as a lite topic of RocketMQ, one for each incarnation of a core. Opening it takes over the logs of earlier ones.
 *
 *     append … commit ─▶ messages of RocketMQ, one at a time ─▶ done        trim ─▶ mark in the register
 *     open: each unfinished log ─▶ seal appended ─▶ read from its mark to the seal ─▶ replay … trim ─▶ finished
 */
import { DEFAULT_LIMITS, type Limits } from '../../contract/limits.ts'
import type { Log } from '../port.ts'
import { type LiteProducer, openLiteConsumer, openProducer, type RocketmqOptions } from './client.node.ts'
import { WAL_GROUP, WAL_TOPIC } from './names.ts'
import type { Wal, WalRegistry } from './registry.ts'
import { Appender } from './wal-appender.ts'
import { Marks } from './wal-marks.ts'
import { Offsets } from './wal-offsets.ts'
import { Recovery, type Visit } from './wal-recovery.ts'
import { WalStats } from './wal-stats.ts'

export type WalLimits = Pick<Limits, 'walBodyBytes' | 'walRetryMs' | 'walRecoveryBytes' | 'walStrayMs' | 'walTimeoutMs'>

export interface RocketmqLogOptions {
  readonly rocketmq: RocketmqOptions
  readonly registry: WalRegistry
  readonly coreId: string
  /** Of this process, never used before. */
  readonly incarnation: string
  readonly limits?: Partial<WalLimits>
  readonly stats?: WalStats
  /** False while another core may have taken over without this one knowing. Default: never. */
  readonly mayAppend?: () => boolean
  /** Default: the ones that Meridian creates. */
  readonly topic?: string
  readonly group?: string
}

/** What RocketMQ takes [GrpcValidator of rocketmq-proxy: 64 characters]. */
const MAX_NAME = 64

/** @throws Error if RocketMQ or the register cannot be reached, or an earlier log cannot be read. */
export async function openRocketmqLog(options: RocketmqLogOptions): Promise<RocketmqLog> {
  const { rocketmq, registry, topic = WAL_TOPIC, group = WAL_GROUP } = options
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const stats = options.stats ?? new WalStats()
  const warn = (text: string) => rocketmq.log.warn(text)
  const name = walName(options.coreId, options.incarnation)
  const producer = await openProducer(rocketmq, topic)
  const marks = new Marks(registry, stats, warn)
  let recovery: Recovery | undefined
  try {
    recovery = new Recovery({
      wals: (await registry.list()).filter(wal => wal.name !== name),
      name,
      send: (liteTopic, body) => producer.send(liteTopic, body),
      openConsumer: onMessage => openLiteConsumer(rocketmq, { topic, group, onMessage }),
      marks,
      stats,
      warn,
      recoveryBytes: limits.walRecoveryBytes,
      strayMs: limits.walStrayMs,
      timeoutMs: limits.walTimeoutMs,
    })
    await recovery.open()
    await registry.mark({ name, position: recovery.next, offset: 0, sealed: false })
  } catch (error) {
    producer.close()
    await recovery?.close()
    throw error
  }
  return new RocketmqLog(name, producer, recovery, marks, limits, stats, warn, options.mayAppend ?? (() => true))
}

export class RocketmqLog implements Log {
  readonly commits: Appender
  readonly keeps = true
  readonly next: number
  readonly name: string
  readonly stats: WalStats
  readonly #recovery: Recovery
  readonly #marks: Marks
  readonly #offsets = new Offsets()
  readonly #closing = Promise.withResolvers<void>()
  #mark: Wal
  #end: number

  constructor(
    name: string,
    producer: LiteProducer,
    recovery: Recovery,
    marks: Marks,
    limits: WalLimits,
    stats: WalStats,
    warn: (text: string) => void,
    may: () => boolean,
  ) {
    this.name = name
    this.next = recovery.next
    this.stats = stats
    this.#recovery = recovery
    this.#marks = marks
    this.#mark = { name, position: recovery.next, offset: 0, sealed: false }
    this.#end = recovery.next
    this.commits = new Appender({
      send: body => producer.send(name, body),
      may,
      bodyBytes: limits.walBodyBytes,
      retryMs: limits.walRetryMs,
      stats,
      warn,
      appended: (position, count) => this.#offsets.add(position, count),
      close: () => this.#close(producer),
    })
  }

  append(position: number, records: number, envelope: Uint8Array): void {
    this.#end = position + records
    this.commits.add({ position, records, envelope })
  }

  /** The register is told soon; nobody waits for it. */
  trim(position: number): void {
    this.#recovery.trim(position)
    if (position <= this.#mark.position) return
    const known = this.#offsets.trim(position, 0)
    const all = position >= this.#end && !this.commits.dirty
    this.#mark = { name: this.name, position, offset: all ? this.commits.count : known, sealed: false }
    this.#marks.mark(this.#mark)
  }

  /** Says it all again to a register that has lost something. */
  remark(): void {
    this.#marks.mark(this.#mark)
    this.#recovery.remark()
  }

  replay(visit: Visit): Promise<void> | undefined {
    return this.#recovery.replay(visit)
  }

  /**
   * What cores that were taken over appended after that (`walStrayMs`): to be published anew, because their positions may be in
   * use. What came before the call is handed over in it: so after the core is open.
   */
  strays(visit: Visit): void {
    this.#recovery.strays(visit)
  }

  /** Resolves when everything is closed, after `commits.close()`. */
  get closed(): Promise<void> {
    return this.#closing.promise
  }

  /** With nothing in it that is needed, there is nothing to take over. */
  #close(producer: LiteProducer): void {
    if (this.#mark.position >= this.#end && !this.commits.dirty) this.#marks.finished(this.name)
    producer.close()
    void Promise.all([this.#marks.close(), this.#recovery.close()]).then(() => this.#closing.resolve())
  }
}

function walName(coreId: string, incarnation: string): string {
  const name = `wal-${coreId}-${incarnation.replaceAll('-', '')}`
  if (name.length > MAX_NAME || !/^[A-Za-z0-9_-]+$/.test(name))
    throw new RangeError(
      `Log of core '${coreId}' cannot be named '${name}': at most ${MAX_NAME} letters, digits, - and _`,
    )
  return name
}
