/**
 * Entry of `dist/meridian.fetch.deno.mjs`, for hosts that listen themselves (`deno serve`, serverless): MQTT over WebSocket
 * and the pages as `default { fetch }`. Configured by MERIDIAN_… variables; opens no listener. One instance is one gateway.
 */
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { destination } from 'pino'
import { createFetch } from '../../edge/http/fetch.deno.ts'
import { describe } from '../config/describe.ts'
import { loadHosted } from '../config/load.ts'
import { makeLog } from '../log.ts'
import { VERSION } from '../version.ts'
import { Gateway } from './gateway.ts'

const { config, warnings } = loadHosted(process.env, path => readFileSync(path, 'utf8'))
const log = makeLog(config.logLevel, destination({ dest: 1, sync: true }))
for (const warning of warnings) log.warn(warning)
const gateway = await Gateway.open(config, log)
let accepting = true

/** A host that ends the instance with a signal: devices are told, then the process ends. */
function end(signal: 'SIGTERM' | 'SIGINT', status: number): void {
  process.once(signal, () => {
    log.info({ signal }, 'Stopping')
    accepting = false
    setTimeout(() => process.exit(status), config.limits.shutdownMs)
    void gateway.stop().finally(() => process.exit(status))
  })
}
end('SIGTERM', 0)
end('SIGINT', 0)

log.info({ version: VERSION, dataDir: config.dataDir, settings: describe(config) }, 'Meridian is ready')

export default createFetch(
  gateway.http(() => []),
  () => accepting,
)
