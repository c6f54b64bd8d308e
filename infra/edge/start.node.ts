/** `meridian edge` on Node: in this process, or as several workers. */
import type { Start } from '../cli/ports.ts'
import type { EdgeConfig } from '../config/edge.ts'
import { linkConnector } from '../link/connector.node.ts'
import { together } from './orders.node.ts'
import { node } from './runtime.node.ts'
import { edgeOn } from './start.ts'
import { startWorkers, tellParent } from './workers.node.ts'

const startOne = edgeOn({ ...node, connector: linkConnector, together })

export const startEdge: Start<EdgeConfig> = async (config, log) => {
  if (config.workers > 1) return startWorkers(config, log)
  const running = await startOne(config, log)
  tellParent(running.listeners)
  return running
}
