/** `meridian core`: picks the stores of the configuration and starts the process. */
import type { Start } from '../cli/ports.ts'
import type { CoreConfig } from '../config/core.ts'
import { linkConnector } from '../link/connector.node.ts'
import { apart } from './apart.node.ts'
import { embedded } from './embedded.node.ts'
import { CoreProcess, newIncarnation } from './process.ts'

export const startCore: Start<CoreConfig> = async (config, log) => {
  const { id, site, stores: where, synchronous } = config
  const incarnation = newIncarnation()
  const stores =
    where.are === 'embedded'
      ? embedded(where.dataDir, synchronous)
      : await apart({ config, stores: where, incarnation, log })
  const core = await CoreProcess.start(config, log, incarnation, stores, await linkConnector(config))
  return {
    listeners: core.listeners,
    facts: { id, site, ...stores.facts },
    does: `is core ${id} of site ${site}`,
    ended: core.ended,
    stop: () => core.stop(),
  }
}
