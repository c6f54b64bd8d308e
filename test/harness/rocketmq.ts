/** RocketMQ for tests: one that all share, for tests that only use it, and one of its own for tests that break it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject } from 'vitest'
import type { RocketmqOptions } from '../../core/log/rocketmq/client.node.ts'
import { type Rocketmq, type RocketmqOptions as StartOptions, startRocketmq } from '../../infra/local/rocketmq/start.ts'

/** The first start takes some 15 s. Give `beforeAll` so long. */
export const ROCKETMQ_START_MS = 120_000

/** Options for clients of the one RocketMQ of this run, with Meridian's topics and groups. Use names of lite topics that nobody else uses; do not stop it. */
export async function sharedRocketmq(warn: (text: string) => void = () => {}): Promise<RocketmqOptions> {
  const response = await fetch(`http://127.0.0.1:${inject('rocketmqPort')}/`)
  const endpoint = await response.text()
  if (!response.ok) throw new Error(endpoint)
  return { endpoint, log: { warn } }
}

/** One that may be killed. `dispose` stops it and fails if its broker may have lost messages. */
export async function ownRocketmq(
  options: Omit<StartOptions, 'dir'> = {},
): Promise<{ readonly rocketmq: Rocketmq; dispose(): Promise<void> }> {
  const dir = mkdtempSync(join(tmpdir(), 'meridian-rocketmq-'))
  const rocketmq = await startRocketmq({ ...options, dir })
  return {
    rocketmq,
    async dispose() {
      const faults = rocketmq.faults()
      await rocketmq.stop(0)
      rmSync(dir, { recursive: true, force: true })
      if (faults.length > 0) throw new Error(`The broker may have lost messages:\n${faults.join('\n')}`)
    },
  }
}
