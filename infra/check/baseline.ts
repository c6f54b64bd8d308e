/** What checkov finds and we leave as it is, each with the reason. An entry that nothing is found for any more is an error. */
import type { PolicyFinding } from './python.ts'

interface Accepted {
  readonly check: string
  /** Of whole resources, as checkov names them (`aws_lb.this`; in an example `module.eu.aws_lb.this`). */
  readonly resource: RegExp
  readonly reason: string
}

export const BASELINE: readonly Accepted[] = []

export interface Judged {
  /** Findings without an entry. */
  readonly open: readonly PolicyFinding[]
  /** Entries without a finding. */
  readonly unused: readonly string[]
}

export function judge(findings: readonly PolicyFinding[]): Judged {
  const entryOf = (one: PolicyFinding): Accepted | undefined =>
    BASELINE.find(({ check, resource }) => check === one.check && resource.test(one.resource))
  const used = new Set(findings.map(entryOf))
  return {
    open: findings.filter(one => entryOf(one) === undefined),
    unused: BASELINE.filter(entry => !used.has(entry)).map(({ check, resource }) => `${check} ${resource}`),
  }
}
