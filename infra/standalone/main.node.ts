/** Entry of `dist/meridian.mjs`: the command line on Node. */
import process from 'node:process'
import { processIo } from '../cli/io.ts'
import { runCli } from '../cli/main.ts'
import type { Programs } from '../cli/ports.ts'
import { node } from '../edge/runtime.node.ts'
import { startEdge } from '../edge/start.node.ts'
import { standalone } from './start.ts'

const programs: Programs = {
  start: standalone(node),
  edge: startEdge,
  core: async (config, log) => (await import('../core/start.node.ts')).startCore(config, log),
}

process.exit(await runCli(process.argv.slice(2), process.env, processIo(programs)))
