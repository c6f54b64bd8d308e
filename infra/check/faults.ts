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

export const FAULTS: readonly Fault[] = [
  {
    kind: 'misspelt attribute',
    module: 'edge-region',
    file: 'load-balancer.tf',
    from: 'proxy_protocol_v2 = true',
    to: 'proxy_protocol_v3 = true',
    caughtBy: 'validate',
    says: /argument named "proxy_protocol_v3" is not expected/,
  },
  {
    kind: 'wrong value',
    module: 'edge-region',
    file: 'load-balancer.tf',
    from: 'load_balancer_type               = "network"',
    to: 'load_balancer_type               = "netwrok"',
    caughtBy: 'values',
    says: /load_balancer_type is 'netwrok'/,
  },
  {
    kind: 'missing variable',
    module: 'edge-region',
    file: 'variables.tf',
    from: 'variable "collector_image" {',
    to: 'variable "collector" {',
    caughtBy: 'validate',
    says: /input variable with the name "collector_image" has not been declared/,
  },
  {
    kind: 'open to all',
    module: 'edge-region',
    file: 'service.tf',
    from: 'referenced_security_group_id = aws_security_group.load_balancer.id\n  from_port                    = each.value\n  to_port                      = each.value\n  ip_protocol                  = "tcp"',
    to: 'cidr_ipv4 = "0.0.0.0/0"\n  ip_protocol = "-1"',
    caughtBy: 'values',
    says: /cidr_ipv4 is 0\.0\.0\.0\/0, open to all/,
  },
]

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
