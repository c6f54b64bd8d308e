/** Entry of `dist/meridian.deno.mjs`: the command line on Deno. */
import process from 'node:process'
import { processIo } from '../cli/io.ts'
import { runCli } from '../cli/main.ts'
import { deno } from '../edge/runtime.deno.ts'
import { standalone } from './start.ts'

const programs = {
  start: standalone(deno),
  edge: () => Promise.reject(new Error('This build has no edge of its own yet')),
  core: () => Promise.reject(new Error('This build has no core of its own yet')),
}

process.exit(await runCli(process.argv.slice(2), process.env, processIo(programs)))
