/** `meridian start`: a gateway with the listeners of its configuration. The runtime gives HTTP. */
import type { Start } from '../cli/ports.ts'
import type { Config } from '../config/schema.ts'
import { type Runtime, serveDevices } from '../edge/serve.ts'
import { Gateway } from './gateway.ts'

export const standalone =
  (runtime: Runtime): Start<Config> =>
  async (config, log) => {
    const gateway = await Gateway.open(config, log, runtime.hooks?.(config))
    const served = await serveDevices(gateway, config, runtime)
    const { dataDir } = config
    return { ...served, facts: { dataDir }, does: `keeps its data in ${dataDir}` }
  }
