/**
 * Entry of `dist/meridian.fetch.deno.mjs`, for hosts that listen themselves (`deno serve`, serverless): MQTT over WebSocket
 * and the pages as `default { fetch }`. Configured by MERIDIAN_… variables; opens no listener. With MERIDIAN_CORE an instance
 * is an edge that links to cores, without it a gateway of its own.
 */
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { destination } from 'pino'
import { createFetch } from '../../edge/http/fetch.deno.ts'
import { describe } from '../config/describe.ts'
import { type Hosted, loadHosted } from '../config/load.ts'
import { denoConnector } from '../edge/start.deno.ts'
import { EdgeProcess } from '../edge/start.ts'
import { makeLog } from '../log.ts'
import { VERSION } from '../version.ts'
import { Gateway } from './gateway.ts'

const hosted = loadHosted(process.env, path => readFileSync(path, 'utf8'))
const { config, warnings } = hosted
const log = makeLog(config.logLevel, destination({ dest: 1, sync: true }))
for (const warning of warnings) log.warn(warning)
const served = await open(hosted)
let accepting = true

function open(what: Hosted): Promise<Gateway | EdgeProcess> {
  if (what.is === 'gateway') return Gateway.open(what.config, log)
  return denoConnector(what.config).then(connect => EdgeProcess.open(what.config, log, connect))
}

/** A host that ends the instance with a signal: an edge drains, devices are told, then the process ends. */
async function end(signal: string): Promise<void> {
  log.info({ signal }, 'Stopping')
  accepting = false
  if ('drain' in served) await served.drain()
  setTimeout(() => process.exit(), config.limits.shutdownMs)
  await served.stop().finally(() => process.exit())
}
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void end(signal))

log.info({ version: VERSION, settings: describe(config) }, 'Meridian is ready')

export default createFetch(
  served.http(() => []),
  () => accepting,
  config.httpPages,
)
