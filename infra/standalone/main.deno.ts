/** Entry of `dist/meridian.deno.mjs`: the command line on Deno. */
import process from 'node:process'
import { processIo } from '../cli/io.ts'
import { runCli } from '../cli/main.ts'
import type { Programs } from '../cli/ports.ts'
import { deno } from '../edge/runtime.deno.ts'
import { startEdge } from '../edge/start.deno.ts'
import { standalone } from './start.ts'

const programs: Programs = {
  start: standalone(deno),
  edge: startEdge,
  core: async (config, log) => (await import('../core/start.node.ts')).startCore(config, log),
}

process.exit(await runCli(process.argv.slice(2), process.env, processIo(programs)))
