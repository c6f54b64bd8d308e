#!/usr/bin/env node
/** `npm run local:up`, `local:down`, `local:status`: the commands of a local installation, as text for people or JSON for programs. */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { UsageError, wrongFlag } from '../cli/misuse.ts'
import { down, type Endpoints, type Status, status, up } from './installation.ts'

const USAGE = `Usage: npm run local:up     [-- --dir FOLDER] [--free-ports] [--mqtt-ports PORT,PORT] [--servers-only] [--json]
       npm run local:down   [-- --dir FOLDER]
       npm run local:status [-- --dir FOLDER] [--json]`
const DEFAULT_DIR = new URL('../../.local/run', import.meta.url).pathname

const begun = Date.now()
const seconds = (): string => ((Date.now() - begun) / 1000).toFixed(1)

const OPTIONS = {
  dir: { type: 'string', default: DEFAULT_DIR },
  'free-ports': { type: 'boolean', default: false },
  'mqtt-ports': { type: 'string' },
  'servers-only': { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const

function read() {
  try {
    return parseArgs({ allowPositionals: true, options: OPTIONS })
  } catch (error) {
    throw wrongFlag(error, USAGE)
  }
}

async function main(): Promise<void> {
  const { positionals, values } = read()
  const dir = resolve(values.dir)
  // With --json, stdout is the answer alone.
  const say = values.json ? console.error : console.log
  const onStep = (text: string): void => say(`${seconds().padStart(5)} s  ${text}`)
  switch (values.help ? 'help' : positionals[0]) {
    case 'up': {
      const mqttPorts = values['mqtt-ports']?.split(',').map(Number)
      if (mqttPorts?.every(port => Number.isInteger(port) && port > 0 && port < 65_536) === false)
        throw new UsageError(
          `--mqtt-ports is '${values['mqtt-ports']}'; allowed: port numbers with a comma between them`,
        )
      const freePorts = values['free-ports']
      const serversOnly = values['servers-only']
      const endpoints = await up({ dir, freePorts, serversOnly, onStep, ...(mqttPorts && { mqttPorts }) })
      onStep('Ready')
      console.log(values.json ? JSON.stringify(endpoints) : summary(endpoints, serversOnly))
      return
    }
    case 'down': {
      const ended = await down(dir, onStep)
      onStep(ended === 0 ? 'Nothing was running' : `${ended} processes stopped`)
      return
    }
    case 'status': {
      const all = await status(dir)
      console.log(values.json ? JSON.stringify(all, undefined, 2) : table(all))
      return
    }
    case 'help':
      console.log(USAGE)
      return
    default:
      console.error(USAGE)
      process.exitCode = 2
  }
}

const gateway = ({ core, edges }: Endpoints): string =>
  `${edges.map(({ mqtt, http }, i) => `Edge ${i + 1}           mqtt://${mqtt}, ${http}\n`).join('')}Core             ${core}\n`

const summary = (endpoints: Endpoints, serversOnly: boolean): string => {
  const { rocketmq, namesrv, redis, rest } = endpoints
  return `
${serversOnly ? '' : gateway(endpoints)}RocketMQ         ${rocketmq} (gRPC proxy), ${namesrv} (name server)
Redis            ${redis}
Redis over REST  ${rest.url}, token ${rest.token}`
}

function table(all: readonly Status[]): string {
  if (all.length === 0) return 'Nothing was started here; npm run local:up does'
  const ports = (one: Status): string =>
    Object.entries(one.ports)
      .map(([name, port]) => `${name} ${port}`)
      .join(', ')
  return all
    .map(one => [one.name.padEnd(11), one.health.padEnd(14), String(one.pid ?? '-').padEnd(8), ports(one)].join(' '))
    .join('\n')
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = error instanceof UsageError ? 2 : 1
})
