/** The log on RocketMQ for the contract suite. Reopening it is what another core does after a crash: the first is left as it is. */
import { randomUUID } from 'node:crypto'
import { MemoryWalRegistry } from '../../core/log/rocketmq/registry.ts'
import { openRocketmqLog, type RocketmqLog, type WalLimits } from '../../core/log/rocketmq/wal.node.ts'
import { sharedRocketmq } from '../harness/rocketmq.ts'

export class RocketmqLogBox {
  readonly registry = new MemoryWalRegistry()
  readonly warnings: string[] = []
  log!: RocketmqLog
  readonly #coreId = randomUUID().slice(0, 8)
  readonly #limits: Partial<WalLimits>
  readonly #opened: RocketmqLog[] = []

  private constructor(limits: Partial<WalLimits>) {
    this.#limits = limits
  }

  static async open(limits: Partial<WalLimits> = {}): Promise<RocketmqLogBox> {
    const box = new RocketmqLogBox(limits)
    await box.reopen()
    return box
  }

  async reopen(limits: Partial<WalLimits> = this.#limits): Promise<void> {
    this.log = await openRocketmqLog({
      rocketmq: await sharedRocketmq(text => this.warnings.push(text)),
      registry: this.registry,
      coreId: this.#coreId,
      incarnation: `i${this.#opened.length}`,
      limits,
    })
    this.#opened.push(this.log)
  }

  async dispose(): Promise<void> {
    for (const log of this.#opened) {
      log.commits.close()
      await log.closed
    }
  }
}
