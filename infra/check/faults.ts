/** Faults made on purpose, four kinds per module: each has to be caught by the check that is there for it. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { judge } from './baseline.ts'
import { INFRA } from './places.ts'
import { findPolicy, findValues } from './python.ts'
import { invalid, type Terraform, test } from './terraform.ts'

export interface Fault {
  readonly kind: 'misspelt attribute' | 'wrong value' | 'missing variable' | 'open to all'
  readonly module: string
  readonly file: string
  /** Text in the file, which is there once, and what takes its place. */
  readonly from: string
  readonly to: string
  readonly caughtBy: 'validate' | 'test' | 'values' | 'policy'
  /** What the check has to say of it. */
  readonly says: RegExp
}

type Row = Omit<Fault, 'module'>

/** An attribute of AWS that is not spelt so. */
const misspelt = (file: string, from: string, to: string): Row => ({
  ...{ kind: 'misspelt attribute', file, from, to, caughtBy: 'validate' },
  says: new RegExp(`"${to.trim().split(' ')[0]}"`),
})
/** A value that AWS does not know. */
const wrongValue = (file: string, from: string, to: string): Row => ({
  ...{ kind: 'wrong value', file, from, to, caughtBy: 'values' },
  says: new RegExp(`is '${/"([^"]+)"$/.exec(to)?.[1]}'; allowed`),
})
/** A variable that is used and not there any more. */
const missing = (name: string): Row => ({
  ...{ kind: 'missing variable', file: 'variables.tf', from: `variable "${name}" {`, to: `variable "${name}s" {` },
  ...{ caughtBy: 'validate', says: new RegExp(`"${name}" has not been declared|must refer to\\s+var.${name}s`) },
})
const open = (file: string, from: string, to: string, caughtBy: Fault['caughtBy'], says: RegExp): Row => ({
  ...{ kind: 'open to all', file, from, to, caughtBy, says },
})

const BY_MODULE: Readonly<Record<string, readonly Row[]>> = {
  'edge-region': [
    misspelt('load-balancer.tf', 'proxy_protocol_v2 = true', 'proxy_protocol_v3 = true'),
    wrongValue('load-balancer.tf', '= "network"', '= "netwrok"'),
    missing('collector_image'),
    open(
      'service.tf',
      'referenced_security_group_id = aws_security_group.load_balancer.id\n  from_port                    = each.value\n  to_port                      = each.value\n  ip_protocol                  = "tcp"',
      'cidr_ipv4   = "0.0.0.0/0"\n  ip_protocol = "-1"',
      'values',
      /cidr_ipv4 is 0\.0\.0\.0\/0, open to all/,
    ),
  ],
  'core-site': [
    misspelt('rocketmq.tf', 'final_snapshot    = true', 'last_snapshot = true'),
    wrongValue('rocketmq.tf', 'type              = "gp3"', 'type = "gp4"'),
    missing('kms_key_arn'),
    open(
      'rocketmq.tf',
      'description                  = "Cores"\n  referenced_security_group_id = aws_security_group.core.id\n  from_port                    = var.topology.ports.proxy\n  to_port                      = var.topology.ports.proxy',
      'description = "Cores"\n  cidr_ipv4 = "0.0.0.0/0"\n  from_port = 0\n  to_port = 65535',
      'policy',
      /CKV_AWS_24/,
    ),
  ],
  'global-redis': [
    misspelt('main.tf', 'read_regions   = var.read_regions', 'replica_regions = var.read_regions'),
    wrongValue('main.tf', 'region         = "global"', 'region = "globe"'),
    missing('high_availability'),
    open('main.tf', 'ip_allowlist = var.allowed_cidrs', 'ip_allowlist = null', 'test', /may connect from anywhere/),
  ],
  'global-dns': [
    misspelt('main.tf', 'resource_path     = "/readyz"', 'path = "/readyz"'),
    wrongValue('main.tf', 'type              = "HTTPS"', 'type = "HTTPSS"'),
    missing('hostname'),
    open(
      'main.tf',
      'evaluate_target_health = false\n  }\n}',
      'evaluate_target_health = false\n  }\n}\n\nresource "aws_security_group" "open" {\n  region = "us-east-1"\n  ingress {\n    from_port = 0\n    to_port = 0\n    protocol = "-1"\n    cidr_blocks = ["0.0.0.0/0"]\n  }\n}',
      'policy',
      /CKV_AWS_24/,
    ),
  ],
  'region-peering': [
    misspelt('main.tf', 'peer_region = var.to.aws_region', 'other_region = var.to.aws_region'),
    // Nothing of it has values to choose from: the wrong one is a region of the other side.
    {
      kind: 'wrong value',
      file: 'main.tf',
      from: 'region                    = var.to.aws_region\n  vpc_peering_connection_id',
      to: 'region                    = var.from.aws_region\n  vpc_peering_connection_id',
      caughtBy: 'test',
      says: /The other region does not accept/,
    },
    missing('name'),
    open(
      'main.tf',
      'destination_cidr_block    = var.to.cidr',
      'destination_cidr_block    = "0.0.0.0/0"',
      'policy',
      /CKV2_AWS_44/,
    ),
  ],
  observability: [
    misspelt('main.tf', 'treat_missing_data  = each.value.missing', 'missing_data  = each.value.missing'),
    wrongValue('main.tf', 'comparison_operator = each.value.operator', 'comparison_operator = "LessThan"'),
    missing('region'),
    open(
      'main.tf',
      'Principal = { Service = "cloudwatch.amazonaws.com" }\n      Action    = "sns:Publish"\n      Resource  = aws_sns_topic.alarms.arn\n      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }',
      'Principal = "*"\n      Action    = "sns:Publish"\n      Resource  = aws_sns_topic.alarms.arn',
      'policy',
      /CKV_AWS_169/,
    ),
  ],
  topology: [
    {
      ...{ kind: 'misspelt attribute', file: 'outputs.tf', from: '= region.edges', to: '= region.egdes' },
      ...{ caughtBy: 'test', says: /does not have an attribute named "egdes"/ },
    },
    {
      ...{ kind: 'wrong value', file: 'main.tf', from: 'core           = 8090', to: 'core           = 8091' },
      ...{ caughtBy: 'test', says: /command line of a core is not as expected/ },
    },
    missing('drain'),
    {
      ...{ kind: 'open to all', file: 'main.tf', from: 'proxyProtocol = true, pages = "devices"' },
      ...{ to: 'proxyProtocol = true, pages = "all"', caughtBy: 'test', says: /Metrics are served to whoever comes/ },
    },
  ],
  task: [
    {
      ...{ kind: 'misspelt attribute', file: 'main.tf', from: 'port in var.ports : { containerPort' },
      ...{ to: 'port in var.prots : { containerPort', caughtBy: 'validate', says: /"prots" has not been declared/ },
    },
    {
      ...{ kind: 'wrong value', file: 'main.tf', from: 'condition = "SUCCESS"', to: 'condition = "SUCCES"' },
      ...{ caughtBy: 'test', says: /The work begins before its files are there/ },
    },
    missing('stop_seconds'),
    open('main.tf', 'privileged             = false', 'privileged = true', 'test', /or is privileged/),
  ],
  'rocketmq-settings': [
    {
      ...{ kind: 'misspelt attribute', file: 'main.tf', from: 'var.ports.namesrv}"])', to: 'var.ports.namesvr}"])' },
      ...{ caughtBy: 'test', says: /does not have an attribute named\s+"namesvr"/ },
    },
    {
      ...{ kind: 'wrong value', file: 'main.tf', from: 'brokerId = 0, flushDiskType = "SYNC_FLUSH"' },
      ...{ to: 'brokerId = 0, flushDiskType = "ASYNC_FLUSH"', caughtBy: 'test' },
      says: /does not write to its disk before it acknowledges/,
    },
    missing('retention_hours'),
    // What it opens is what the proxy shows to whoever asks: a certificate whose key everybody has.
    open(
      'main.tf',
      'tlsTestModeEnable = var.tls_folder == null ? null : false',
      'tlsTestModeEnable = var.tls_folder == null ? null : true',
      'test',
      /would show its built-in test certificate/,
    ),
  ],
  deployment: [
    misspelt(
      'main.tf',
      'collector_image     = var.images.collector\n  certificate_arn',
      'colector_image = var.images.collector\n  certificate_arn',
    ),
    {
      ...{
        kind: 'wrong value',
        file: 'main.tf',
        from: 'for_each        = local.sites',
        to: 'for_each        = local.regions',
      },
      ...{ caughtBy: 'test', says: /has no site in the topology|Invalid index|The given key does not identify/ },
    },
    missing('plain_cidrs'),
    open(
      'main.tf',
      'allowed_cidrs     = flatten([for name in keys(local.sites) : module.edge[name].nat_cidrs])',
      'allowed_cidrs     = ["0.0.0.0/0"]',
      'test',
      /Networks that may connect must be/,
    ),
  ],
}

export const FAULTS: readonly Fault[] = Object.entries(BY_MODULE).flatMap(([module, rows]) =>
  rows.map(row => ({ module, ...row })),
)

/** @returns the faults that were not caught, and how */
export async function uncaught(where: Terraform): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-faults-'))
  try {
    const [values, policy] = await Promise.all([saidBy('values', folder), saidBy('policy', folder)])
    const missed: string[] = []
    for (const [i, fault] of FAULTS.entries()) {
      const said =
        fault.caughtBy === 'values'
          ? (values.get(i) ?? '')
          : fault.caughtBy === 'policy'
            ? (policy.get(i) ?? '')
            : await saidByTerraform(where, fault)
      if (!fault.says.test(said))
        missed.push(
          `${fault.module}/${fault.file}, ${fault.kind}: not caught by ${fault.caughtBy}, which said: ${said || 'nothing'}`,
        )
    }
    return missed
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Writes the fault into a copy of its module below `modules`. */
function seed(modules: string, { module, file, from, to }: Fault, as = module): void {
  cpSync(join(INFRA, 'modules', module), join(modules, as), { recursive: true })
  const path = join(modules, as, file)
  const parts = readFileSync(path, 'utf8').split(from)
  if (parts.length !== 2)
    throw new Error(`'${from}' is ${parts.length - 1} times in ${module}/${file}; it has to be there once`)
  writeFileSync(path, parts.join(to))
}

/** Python takes long to start: all faults that one program has to find are given to it at once, each in a folder of its number. */
async function saidBy(program: 'values' | 'policy', folder: string): Promise<Map<number, string>> {
  const root = join(folder, program)
  mkdirSync(root)
  for (const [i, fault] of FAULTS.entries()) if (fault.caughtBy === program) seed(root, fault, String(i))
  const findings = program === 'values' ? await findValues(root) : judge((await findPolicy(root)).failed).open
  const said = new Map<number, string>()
  for (const { file, what } of findings) {
    const i = Number.parseInt(file, 10)
    said.set(i, `${said.get(i) ?? ''}${what}\n`)
  }
  return said
}

/** In place of the good module, among the good others; afterwards that is back. */
async function saidByTerraform(where: Terraform, fault: Fault): Promise<string> {
  const modules = join(where.root, 'modules')
  seed(modules, fault)
  try {
    const path = join('modules', fault.module)
    const problem = await invalid(where, path)
    if (fault.caughtBy === 'validate') return problem ?? ''
    if (problem !== undefined) return problem
    const result = await test(where, path)
    return 'failed' in result ? result.failed : ''
  } finally {
    cpSync(join(INFRA, 'modules', fault.module), join(modules, fault.module), { recursive: true })
  }
}
