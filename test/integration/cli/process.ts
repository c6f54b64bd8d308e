/** The command line as a process of its own, over a gateway that only opens one TCP port: what a signal does needs a real process. */
import { createServer } from 'node:net'
import process from 'node:process'
import { processIo } from '../../../infra/cli/io.ts'
import { runCli } from '../../../infra/cli/main.ts'
import type { Running, Start } from '../../../infra/cli/ports.ts'
import type { Config } from '../../../infra/config/schema.ts'

const stopAfterMs = Number(process.env.STOP_AFTER_MS ?? 0)

const startFake: Start<Config> = async config => {
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
    facts: { dataDir: config.dataDir },
    does: `keeps its data in ${config.dataDir}`,
    async stop() {
      await new Promise(done => setTimeout(done, stopAfterMs))
      server.close()
    },
  }
}

/** Where only what comes before the start is tested: settings. */
const startNothing = async (): Promise<Running> => ({
  listeners: [],
  facts: {},
  does: 'does nothing',
  ended: Promise.resolve(3),
  stop: async () => {},
})

const programs = { start: startFake, edge: startNothing, core: startNothing }
process.exit(await runCli(process.argv.slice(2), process.env, processIo(programs)))
