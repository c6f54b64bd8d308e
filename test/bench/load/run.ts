/** Runs one scenario of the generator against one broker. */
import { runConnections } from './connections.ts'
import { runOffline } from './offline.ts'
import type { LoadOptions } from './options.ts'
import type { LoadReport } from './report.ts'
import { runRetained } from './retained.ts'
import { runTakeover } from './takeover.ts'
import { runTraffic } from './traffic.ts'

export const runLoad = (options: LoadOptions): Promise<LoadReport> => {
  if (options.scenario === 'retained') return runRetained(options)
  if (options.scenario === 'connect' || options.scenario === 'idle') return runConnections(options)
  if (options.scenario === 'takeover') return runTakeover(options)
  if (options.scenario === 'offline') return runOffline(options)
  return runTraffic(options)
}
