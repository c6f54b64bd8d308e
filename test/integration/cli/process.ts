/** The command line as a process of its own, over a gateway that only opens one TCP port: what a signal does needs a real process. */
import { createServer } from 'node:net'
import process from 'node:process'
import { processIo } from '../../../infra/cli/io.ts'
import { runCli } from '../../../infra/cli/main.ts'
import type { StartStandalone } from '../../../infra/cli/ports.ts'

const stopAfterMs = Number(process.env.STOP_AFTER_MS ?? 0)

const startFake: StartStandalone = async config => {
  const server = createServer()
  const wanted = config.mqttPort === 'off' ? 0 : config.mqttPort
  await new Promise<void>((done, fail) => {
    server.once('error', fail)
    server.listen(wanted, config.host, done)
  })
  if (process.env.CRASH === 'throw') setTimeout(() => JSON.parse('not json'), 20)
  if (process.env.CRASH === 'reject') setTimeout(() => void Promise.reject(new Error('Nobody caught this')), 20)
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return {
    listeners: [{ kind: 'tcp', host: config.host, port }],
    dataDir: config.dataDir,
    async stop() {
      await new Promise(done => setTimeout(done, stopAfterMs))
      server.close()
    },
  }
}

process.exit(await runCli(process.argv.slice(2), process.env, processIo(startFake)))
