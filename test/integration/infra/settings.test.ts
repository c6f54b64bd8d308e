/** What Terraform tells edges, cores, RocketMQ and CloudWatch, against the programs that have to understand it. */
import { readFileSync } from 'node:fs'
import { Registry } from 'prom-client'
import { beforeAll, describe, expect, test } from 'vitest'
import { GROUPS, groupCommand, TOPICS, topicCommand } from '../../../core/log/rocketmq/names.ts'
import { CoreStats } from '../../../core/stats.ts'
import { createRegistry } from '../../../edge/http/metrics.ts'
import { EdgeStats } from '../../../edge/stats.ts'
import { modulesIn, textOf } from '../../../infra/check/places.ts'
import { CORE, EDGE } from '../../../infra/config/commands.ts'
import { load } from '../../../infra/config/load.ts'
import { registerCoreMetrics } from '../../../infra/core/metrics.ts'
import { MERIDIAN_BROKER, MERIDIAN_PROXY } from '../../../infra/local/rocketmq/settings.ts'
import { INFRA, leftOut, outputsOf } from './terraform.ts'

interface Outputs {
  readonly regions: Readonly<
    Record<string, { readonly edge_command: string[]; readonly core_commands: Readonly<Record<string, string[]>> }>
  >
  readonly rocketmq: {
    readonly broker_properties: Readonly<Record<string, string>>
    readonly proxy_settings: string
    readonly admin_commands: string[]
  }
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

test.each(modulesIn(INFRA).filter(({ path }) => path.startsWith('modules/')))(
  'the README of $path names its variables and outputs',
  ({ path }) => {
    const readme = readFileSync(`${INFRA}${path}/README.md`, 'utf8')
    const names = [...textOf(`${INFRA}${path}`).matchAll(/^(?:variable|output) "(\w+)"/gm)].map(found => found[1]!)
    expect(names.filter(name => !readme.includes(`| \`${name}\` |`))).toEqual([])
  },
)
