/** Entry of `dist/meridian.deno.mjs`: the command line on Deno. */
import process from 'node:process'
import { processIo } from '../cli/io.ts'
import { runCli } from '../cli/main.ts'
import { startStandalone } from './start.deno.ts'

process.exit(await runCli(process.argv.slice(2), process.env, processIo(startStandalone)))
