#!/usr/bin/env node
/** `npm run regions:up` and its kin: the commands of an installation of regions, as text for people or JSON for programs. */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { UsageError, wrongFlag } from '../../cli/misuse.ts'
import { cut, down, end, heal, restore, up } from './installation.ts'
import { type RegionsStatus, status } from './status.ts'

const USAGE = `Usage: npm run regions:up      -- --regions NAME,NAME,… [--sites NAME,…] [--edges N] [--cores N] [--wan-ms MS] [--loss SHARE] [--no-namespaces] [--program FILE] [--json]
       npm run regions:status  [-- --json]
       npm run regions:cut     -- REGION [--wan-only] [--keep-redis]
       npm run regions:heal    -- REGION
       npm run regions:kill    -- REGION [--only site|cores|edges|PROCESS]
       npm run regions:restore -- REGION
       npm run regions:down
Each takes --dir FOLDER`
const DEFAULT_DIR = new URL('../../../.local/regions', import.meta.url).pathname
const STOP_MS = 20_000

const OPTIONS = {
  dir: { type: 'string', default: DEFAULT_DIR },
  regions: { type: 'string' },
  sites: { type: 'string' },
  edges: { type: 'string', default: '1' },
  cores: { type: 'string', default: '1' },
  'wan-ms': { type: 'string', default: '50' },
  loss: { type: 'string', default: '0' },
  'no-namespaces': { type: 'boolean', default: false },
  'wan-only': { type: 'boolean', default: false },
  'keep-redis': { type: 'boolean', default: false },
  only: { type: 'string', default: 'all' },
  program: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

/** What each command takes besides --dir and --help. */
const TAKES = new Map<string | undefined, readonly string[]>([
  ['up', ['regions', 'sites', 'edges', 'cores', 'wan-ms', 'loss', 'no-namespaces', 'program', 'json']],
  ['status', ['json']],
  ['cut', ['wan-only', 'keep-redis']],
  ['heal', []],
  ['kill', ['only']],
  ['restore', []],
  ['down', []],
])

const begun = Date.now()
const seconds = (): string => ((Date.now() - begun) / 1000).toFixed(1)

type Values = ReturnType<typeof read>['values']

function read() {
  try {
    return parseArgs({ allowPositionals: true, options: OPTIONS, tokens: true })
  } catch (error) {
    throw wrongFlag(error, USAGE)
  }
}

async function main(): Promise<void> {
  const { positionals, values, tokens } = read()
  const [command, ...names] = positionals
  const dir = resolve(values.dir)
  // With --json, stdout is the answer alone.
  const say = values.json ? console.error : console.log
  const onStep = (text: string): void => say(`${seconds().padStart(5)} s  ${text}`)
  if (values.help) return console.log(USAGE)
  for (const token of tokens) if (token.kind === 'option') checkFlag(command, token.name)
  switch (command) {
    case 'up':
      none(names)
      await start(dir, values, onStep)
      return report(dir, values.json)
    case 'status':
      none(names)
      return report(dir, values.json)
    case 'down': {
      none(names)
      const ended = await down(dir, STOP_MS, onStep)
      return onStep(ended === 0 ? 'Nothing was running' : `${ended} processes stopped`)
    }
    case 'cut': {
      const ways = await cut(dir, one(names), { wanOnly: values['wan-only'], keepRedis: values['keep-redis'] })
      return say(`${names[0]} is cut off from ${ways.join(', ')}`)
    }
    case 'heal': {
      const ways = await heal(dir, one(names))
      return say(
        ways.length === 0 ? `${names[0]} was not cut off` : `${names[0]} is no longer cut off from ${ways.join(', ')}`,
      )
    }
    case 'kill': {
      const killed = await end(dir, one(names), values.only, 0)
      return say(
        killed.length === 0 ? `Nothing of it was running in ${names[0]}` : `${names[0]}: killed ${killed.join(', ')}`,
      )
    }
    case 'restore':
      return restore(dir, one(names), onStep)
    default:
      throw new UsageError(USAGE)
  }
}

async function start(dir: string, values: Values, onStep: (text: string) => void): Promise<void> {
  if (values.regions === undefined) throw new UsageError(`--regions is missing\n${USAGE}`)
  const { sites, program } = values
  await up({
    dir,
    regions: list(values.regions),
    ...(sites !== undefined && { sites: list(sites) }),
    ...(program !== undefined && { program }),
    edges: number('edges', values.edges),
    cores: number('cores', values.cores),
    wanMs: number('wan-ms', values['wan-ms']),
    loss: number('loss', values.loss),
    ...(values['no-namespaces'] && { namespaces: false }),
    onStep,
  })
  onStep('Ready')
}

async function report(dir: string, json: boolean): Promise<void> {
  const now = await status(dir)
  if (json) console.log(JSON.stringify(now ?? { global: null, regions: [] }, undefined, 2))
  else console.log(now === undefined ? 'Nothing was started here; npm run regions:up does' : table(now))
}

function table({ namespaces, wanMs, loss, global, regions }: RegionsStatus): string {
  const lines = (processes: RegionsStatus['global']['processes']): string[] =>
    processes.map(one => {
      const ports = Object.entries(one.ports).map(([name, port]) => `${name} ${port}`)
      return `  ${one.name.padEnd(9)} ${one.health.padEnd(14)} ${String(one.pid ?? '-').padEnd(8)} ${ports.join(', ')}`
    })
  return [
    `${wanMs} ms one way between regions, loss ${loss}, ${namespaces ? 'network namespaces' : 'TCP relays'}`,
    `global  ${global.redis}${global.namespace === null ? '' : `  namespace ${global.namespace}`}`,
    ...lines(global.processes),
    ...regions.flatMap(one => [
      `${one.name}  ${one.mqtt}  ${one.http}${one.namespace === null ? '' : `  namespace ${one.namespace}`}${one.cut.length === 0 ? '' : `  cut off from ${one.cut.join(', ')}`}`,
      ...lines(one.processes),
    ]),
  ].join('\n')
}

const list = (text: string): string[] => text.split(',').map(name => name.trim())

function number(flag: string, text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new UsageError(`--${flag} is '${text}'; allowed: a number`)
  return Number(text)
}

/** A flag that would do nothing is a mistake. What is no command is found later. */
function checkFlag(command: string | undefined, flag: string): void {
  const takes = TAKES.get(command)
  if (takes === undefined || flag === 'dir' || takes.includes(flag)) return
  throw new UsageError(`regions:${command} takes no --${flag}\n${USAGE}`)
}

function none(names: readonly string[]): void {
  if (names.length > 0) throw new UsageError(`'${names[0]}' is one word too many\n${USAGE}`)
}

function one(names: readonly string[]): string {
  none(names.slice(1))
  if (names[0] === undefined) throw new UsageError(`The name of a region is missing\n${USAGE}`)
  return names[0]
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = error instanceof UsageError ? 2 : 1
})
