/** How each broker is started: the same machine, the same core, nothing kept on disk unless the scenario says so. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BrokerName } from './outcome.ts'
import { freePort, type Running, startBroker } from './processes.ts'

const BUNDLE = fileURLToPath(new URL('../../dist/meridian.mjs', import.meta.url))
const AEDES = fileURLToPath(new URL('./peers/aedes.ts', import.meta.url))

/** No limit that would make Mosquitto drop what the others deliver; its defaults otherwise. */
const mosquittoConf = (port: number): string => `listener ${port} 127.0.0.1
allow_anonymous true
max_queued_messages 0
max_inflight_messages 1000
persistence false
set_tcp_nodelay true
`

/** Starts a broker in a temporary folder of its own, which goes when it stops. */
export const start = async (broker: BrokerName): Promise<Running> => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-bench-'))
  const port = await freePort()
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  try {
    const running = await startBroker(await commandOf(broker, port, folder), port, join(folder, 'log'))
    return { ...running, stop: () => running.stop().finally(remove) }
  } catch (error) {
    remove()
    throw error
  }
}

const commandOf = async (broker: BrokerName, port: number, folder: string): Promise<string[]> => {
  if (broker === 'mosquitto') {
    const conf = join(folder, 'mosquitto.conf')
    writeFileSync(conf, mosquittoConf(port))
    return ['mosquitto', '-c', conf]
  }
  if (broker === 'aedes') return [process.execPath, AEDES, String(port)]
  if (!existsSync(BUNDLE)) throw new Error("There is no dist/meridian.mjs: run 'npm run build' first")
  const dataDir = broker === 'meridian-durable' ? join(folder, 'data') : ':memory:'
  const ports = ['--mqtt-port', String(port), '--http-port', String(await freePort())]
  return [process.execPath, BUNDLE, 'start', ...ports, '--data-dir', dataDir, '--allow-anonymous']
}
