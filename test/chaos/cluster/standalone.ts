/** The rig of one process that keeps its data on the disk: proves the driver, and that kill -9 costs nothing. */
import { join } from 'node:path'
import { answers, freePorts } from '../../../infra/local/ports.ts'
import { ManagedProcess } from '../../../infra/local/process.ts'
import { meridianCommand } from '../../harness/broker.ts'
import type { Fault, Rig } from './rig.ts'

export async function startStandalone(folder: string): Promise<Rig> {
  const port = await freePorts(2)
  const [command = '', ...before] = meridianCommand('node')
  const ports = ['--mqtt-port', String(port), '--http-port', String(port + 1)]
  const gateway = new ManagedProcess({
    name: 'standalone',
    kind: 'edge',
    command,
    args: [...before, 'start', '--host', '127.0.0.1', ...ports, '--data-dir', join(folder, 'data')],
    ports: { mqtt: port },
    logFile: join(folder, 'standalone', 'output.log'),
    isReady: () => answers(port),
  })
  await gateway.start()
  const faults: Fault[] = [
    {
      name: 'kill',
      text: 'kill -9, and start again on the same data',
      async run(context) {
        context.begins()
        await gateway.kill9()
        await gateway.start()
      },
    },
    {
      name: 'kill-twice',
      text: 'kill -9 once more while devices come back',
      async run(context) {
        context.begins()
        await gateway.kill9()
        await gateway.start()
        await context.sleep(context.random() * 400)
        await gateway.kill9()
        await gateway.start()
      },
    },
    {
      name: 'takeover',
      text: 'one client id connects again and again without closing',
      async run(context) {
        context.begins()
        await context.bounce(300)
      },
    },
  ]
  return {
    places: [{ name: 'standalone', port }],
    faults,
    folder,
    async heal() {
      if (gateway.pid !== undefined) return []
      const log = gateway.logTail()
      await gateway.start()
      return [{ name: gateway.name, isCore: false, log }]
    },
    faultsInLogs: () => [],
    stop: () => gateway.stop(0),
  }
}
