/** The site under test: RocketMQ, Redis, one core and two edges, pinned beside the generator. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ManagedProcess } from '../../../infra/local/process.ts'
import { type Site, startSite } from '../../harness/site.ts'
import { usageOf } from '../load/process.ts'
import { canPin } from '../processes.ts'

/** Which core of the machine each program runs on. */
export const LAYOUTS = {
  /** The kernel decides, as it did for the reference system. */
  free: 'nothing is pinned',
  /** Edges and generator share a core, core and its stores the other one. */
  split: 'edges and generator on core 0; core, RocketMQ and Redis on core 1',
} as const
export type Layout = keyof typeof LAYOUTS

export interface BenchSite {
  readonly site: Site
  /** Command words that put a program beside the edges. */
  readonly generator: readonly string[]
  /** CPU seconds used so far, by name of the process. */
  cpu(): ReadonlyMap<string, number>
  /** What keeps a site from being used further: a process that ended, a line in RocketMQ's logs. */
  trouble(): string[]
  stop(): Promise<void>
}

export async function startBenchSite(layout: Layout, onStep: (text: string) => void): Promise<BenchSite> {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-bench-'))
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  try {
    const site = await startSite({ folder, cores: 1, edges: 2, jvmFlags: [], onStep })
    const isSplit = layout === 'split' && canPin
    if (isSplit) for (const one of site.processes) pin(one, one.kind === 'edge' ? 0 : 1)
    return {
      site,
      generator: isSplit ? ['taskset', '-c', '0'] : [],
      cpu: () =>
        new Map(site.processes.map(one => [one.name, usageOf(one.pid === undefined ? [] : [one.pid]).cpuSecs])),
      trouble: () => [
        ...site.processes.filter(one => one.pid === undefined).map(one => `${one.name} ended: ${one.logTail()}`),
        ...(site.servers?.rocketmq.faults() ?? []),
      ],
      stop: () => site.stop().finally(remove),
    }
  } catch (error) {
    remove()
    throw error
  }
}

/** All its threads; new ones inherit it. */
function pin({ pid, name }: ManagedProcess, core: number): void {
  const { status, stderr } = spawnSync('taskset', ['-acp', String(core), String(pid)], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${name} cannot be pinned to core ${core}: ${stderr}`)
}
