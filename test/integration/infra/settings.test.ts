/** What Terraform tells edges, cores, RocketMQ and CloudWatch, against the programs that have to understand it. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Registry } from 'prom-client'
import { beforeAll, describe, expect, test } from 'vitest'
import { GROUPS, groupCommand, TOPICS, topicCommand } from '../../../core/log/rocketmq/names.ts'
import { CoreStats } from '../../../core/stats.ts'
import { createRegistry } from '../../../edge/http/metrics.ts'
import { EdgeStats } from '../../../edge/stats.ts'
import { modulesIn, textOf } from '../../../infra/check/places.ts'
import { must, run } from '../../../infra/check/run.ts'
import { CORE, EDGE } from '../../../infra/config/commands.ts'
import { load } from '../../../infra/config/load.ts'
import { registerCoreMetrics } from '../../../infra/core/metrics.ts'
import { MERIDIAN_BROKER, MERIDIAN_PROXY } from '../../../infra/local/rocketmq/settings.ts'
import { INFRA, leftOut, outputsOf } from './terraform.ts'

/** Of a task definition, as ECS takes it. */
interface Container {
  readonly entryPoint?: readonly string[]
  readonly environment: readonly { readonly value: string }[]
  readonly healthCheck?: { readonly command: readonly string[] }
}
interface Outputs {
  readonly regions: Readonly<
    Record<string, { readonly edge_command: string[]; readonly core_commands: Readonly<Record<string, string[]>> }>
  >
  readonly rocketmq: {
    readonly broker_properties: Readonly<Record<string, string>>
    readonly proxy_settings: string
    readonly admin_commands: string[]
  }
  readonly containers: string
  readonly script: string
}

const CONFIGURATION = `
module "topology" {
  source  = "${INFRA}modules/topology"
  domain  = "example.com"
  regions = {
    eu = { index = 0, near = ["us"] }
    us = { index = 1, near = ["eu"] }
    ap = { index = 2, near = ["us"], site = false }
  }
}
module "rocketmq" {
  source = "${INFRA}modules/rocketmq-settings"
  nodes  = ["a", "b"]
  ports  = { namesrv = 9876, broker = 10911, broker_replica = 10912, proxy = 8081 }
}
module "task" {
  source  = "${INFRA}modules/task"
  name    = "edge"
  image   = "meridian@sha256:${'0'.repeat(64)}"
  command = []
  files   = { "link-ca.pem" = "arn" }
  ports   = []
  health  = { port = 8080 }
  logs    = { group = "group", region = "eu-central-1" }
  metrics = { image = "collector", namespace = "Meridian", names = ["meridian_connections"], dimensions = {} }
}
output "containers" { value = module.task.containers }
output "script" {
  value = templatefile("${INFRA}modules/core-site/rocketmq.sh.tftpl", {
    image       = "rocketmq"
    region      = "eu-central-1"
    log_group   = "group"
    node        = "a"
    host        = "localhost"
    dimensions  = { node = "a" }
    tls_secrets = { "key.pem" = "arn" }
    admin       = module.rocketmq.admin_commands
    files       = { "broker.properties" = module.rocketmq.broker_properties["a"] }
  })
}
output "regions" { value = module.topology.regions }
output "rocketmq" { value = module.rocketmq }
`
const absent = leftOut(['terraform'])
const text = (path: string): string => readFileSync(`${INFRA}modules/${path}`, 'utf8')
const inputs = (argv: readonly string[], env: Readonly<Record<string, string>>) => ({
  argv,
  env: { MERIDIAN_LINK_TOKEN: '0123456789abcdef', ...env },
  readFile: () => '',
})

describe.skipIf(absent !== '')(`what Terraform says${absent}`, () => {
  let outputs: Outputs
  beforeAll(async () => {
    outputs = (await outputsOf(CONFIGURATION)) as Outputs
  }, 60_000)

  test('edges understand their command lines', () => {
    for (const [
      name,
      {
        edge_command: [command, ...argv],
      },
    ] of Object.entries(outputs.regions)) {
      expect(command).toBe('edge')
      const flags = [
        '--auth-password-file',
        '/run/meridian/users',
        '--auth-acl-file',
        '/run/meridian/acl',
        '--link-ca-file',
        '/run/meridian/link-ca.pem',
      ]
      const { config, warnings } = load(EDGE, inputs([...argv, ...flags], {}))
      expect(config.listeners).toMatchObject([{ kind: 'tcp' }, { kind: 'ws', pages: 'devices' }])
      expect([config.region, config.listeners.length, config.regions.length, config.core.length, warnings]).toEqual([
        name,
        2,
        3,
        4,
        [],
      ])
    }
  })

  test('cores understand their command lines', () => {
    const commands = Object.values(outputs.regions).flatMap(region => Object.values(region.core_commands))
    expect(commands).toHaveLength(4)
    for (const [command, ...argv] of commands) {
      expect(command).toBe('core')
      const flags = [
        '--tls-cert-file',
        'core.pem',
        '--tls-key-file',
        'core.key',
        '--link-ca-file',
        'link-ca.pem',
        '--rocketmq-tls',
        '--rocketmq-ca-file',
        'link-ca.pem',
      ]
      const { config } = load(
        CORE,
        inputs([...argv, ...flags], { MERIDIAN_STATE: 'rediss://default:a%2Fb@redis.example.com:6379' }),
      )
      expect([...config.peers.values()].map(urls => urls.length)).toEqual([2])
    }
  })

  test('RocketMQ is configured as it is on one machine', () => {
    const [master, replica] = Object.values(outputs.rocketmq.broker_properties).map(
      properties =>
        new Map(
          properties
            .trim()
            .split('\n')
            .map(line => line.split('=') as [string, string]),
        ),
    )
    for (const broker of [master!, replica!]) {
      for (const [key, value] of Object.entries(MERIDIAN_BROKER))
        expect([key, broker.get(key)]).toEqual([key, String(value)])
      expect(broker.get('flushDiskType')).toBe('SYNC_FLUSH')
    }
    expect(JSON.parse(outputs.rocketmq.proxy_settings)).toMatchObject(MERIDIAN_PROXY)
  })

  test('topics and groups are those of the core', () => {
    const namesrv = 'a:9876;b:9876'
    const expected = [
      ...TOPICS.map(topic => topicCommand(topic, namesrv)),
      ...GROUPS.map(group => groupCommand(group, namesrv)),
    ]
    expect([...outputs.rocketmq.admin_commands].sort()).toEqual(expected.map(words => words.join(' ')).sort())
  })

  test('the first start of a RocketMQ server is a script that makes topics and groups', () => {
    const { script, rocketmq } = outputs
    // In place of what it runs: what it would be told. Of mqadmin the status is 0 also when there is no broker yet, and its words say so.
    const made = script.slice(script.indexOf('\nuntil docker exec'))
    const asked = join(mkdtempSync(join(tmpdir(), 'meridian-first-start-')), 'asked')
    const docker = `docker() {
      echo "$*" >> ${asked}
      [ $(grep -cxF "$*" ${asked}) = 1 ] && echo 'connect to a:9876 failed' || echo "$5 success."
    }
    sleep() { :; }`
    execFileSync('bash', ['-c', `set -euo pipefail; ${docker}; ${made}`])
    expect(readFileSync(asked, 'utf8').trim().split('\n')).toEqual(
      rocketmq.admin_commands.flatMap(words => Array(2).fill(`exec namesrv sh mqadmin ${words}`)),
    )
    rmSync(dirname(asked), { recursive: true })
    execFileSync('bash', ['-n'], { input: script })
  })

  test('a broker begins when its name leads to its server', () => {
    const [own, waits] = outputs.script.match(/^own=.*|^until getent.*/gm) as [string, string]
    const ip = "ip() { echo '169.254.169.254 via 10.0.0.1 dev ens5 src 10.0.0.5 uid 0'; }"
    const began = (addresses: string): string =>
      execFileSync(
        'bash',
        [
          '-c',
          `${ip}; getent() { echo '${addresses}'; }; sleep() { echo waits; exit; }; ${own}\n${waits}\necho begins`,
        ],
        { encoding: 'utf8' },
      ).trim()
    expect([began('10.0.0.5 STREAM localhost'), began('10.0.0.50 STREAM localhost'), began('')]).toEqual([
      'begins',
      'waits',
      'waits',
    ])
  })

  test('a container writes secrets to files, another one is asked for its health', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'meridian-files-'))
    const [files, edge] = JSON.parse(outputs.containers) as readonly Container[]
    const [program, ...words] = files!.entryPoint!.map(word =>
      word.replace('/run/meridian', folder).replace('1000, 1000', `${process.getuid!()}, ${process.getgid!()}`),
    )
    await must(program!, words, { env: { FILES: files!.environment[0]!.value, FILE_LINK_CA_PEM: 'PEM' } })
    expect(readFileSync(join(folder, 'link-ca.pem'), 'utf8')).toBe('PEM')
    rmSync(folder, { recursive: true })

    let status = 200
    const server = createServer((request, response) =>
      response.writeHead(request.url === '/healthz' ? status : 404).end(),
    )
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as AddressInfo
    const ask = edge!.healthCheck!.command.slice(1).map(word => word.replace(':8080/', `:${port}/`))
    expect((await run(ask[0]!, ask.slice(1))).status).toBe(0)
    status = 500
    expect((await run(ask[0]!, ask.slice(1))).status).toBe(1)
    server.close()
  })
})

test('metrics that are scaled by, shown or watched are there', () => {
  const registry = createRegistry(new EdgeStats(), '0')
  const cores = new Registry()
  registerCoreMetrics(cores, new CoreStats())
  const known = [...registry.getMetricsAsArray(), ...cores.getMetricsAsArray()].map(({ name }) => name)
  // Registered where the state of the core is.
  if (readFileSync(`${INFRA}core/process.ts`, 'utf8').includes("name: 'meridian_core_active'"))
    known.push('meridian_core_active')
  const used = ['edge-region/service.tf', 'core-site/cores.tf', 'observability/main.tf'].flatMap(
    path => text(path).match(/"meridian_\w+"/g) ?? [],
  )
  expect(used.length).toBeGreaterThan(15)
  expect(used.map(name => name.slice(1, -1)).filter(name => !known.includes(name))).toEqual([])
})

test.each([
  ['edge-region/service.tf', EDGE],
  ['core-site/cores.tf', CORE],
] as const)('flags and variables that %s adds are settings', (path, { catalog }) => {
  const used = text(path)
    .match(/"--[a-z-]+"|\bMERIDIAN_[A-Z_]+/g)!
    .map(word => word.replaceAll('"', ''))
  expect(used.length).toBeGreaterThan(3)
  expect(used.filter(word => !catalog.has(word))).toEqual([])
})

test.each(modulesIn(INFRA).filter(({ path }) => path.startsWith('modules/')))(
  'the README of $path names its variables and outputs',
  ({ path }) => {
    const readme = readFileSync(`${INFRA}${path}/README.md`, 'utf8')
    const names = [...textOf(`${INFRA}${path}`).matchAll(/^(?:variable|output) "(\w+)"/gm)].map(found => found[1]!)
    expect(names.filter(name => !readme.includes(`| \`${name}\` |`))).toEqual([])
  },
)

test('the deployment passes on what the modules beneath let one choose', () => {
  const calls = [...text('deployment/main.tf').matchAll(/^module "\w+" \{(.*?)^\}/gms)].map(found => found[1]!)
  const kept = calls.flatMap(call => {
    const [, module = ''] = /source += "\.\.\/([\w-]+)"/.exec(call)!
    const variables = [...text(`${module}/variables.tf`).matchAll(/^variable "(\w+)" \{(.*?)^\}/gms)]
    const optional = variables.filter(([, , body]) => /^ {2}default +=/m.test(body!)).map(([, name]) => name!)
    return optional.filter(name => !new RegExp(`^ {2}${name} +=`, 'm').test(call)).map(name => `${module}: ${name}`)
  })
  expect(calls).toHaveLength(7)
  // Its certificates and secrets are for TLS.
  expect(kept).toEqual(['topology: link_scheme'])
})
