/** Entry of `dist/meridian.mjs`: the command line on Node. */
import process from 'node:process'
import { processIo } from '../cli/io.ts'
import { runCli } from '../cli/main.ts'
import { startStandalone } from './start.node.ts'

process.exit(await runCli(process.argv.slice(2), process.env, processIo(startStandalone)))
