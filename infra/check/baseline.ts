/** What checkov finds and we leave as it is, each with the reason. An entry that nothing is found for any more is an error. */
import type { PolicyFinding } from './python.ts'

interface Accepted {
  readonly check: string
  /** Of whole resources, as checkov names them (`aws_lb.this`; in an example `module.eu.aws_lb.this`). */
  readonly resource: RegExp
  readonly reason: string
}

export const BASELINE: readonly Accepted[] = [
  {
    check: 'CKV_AWS_149',
    resource: /aws_secretsmanager_secret\.url$/,
    reason:
      "Encrypted with AWS's own key of each region. A key of ours would have to be replicated with the secret, and those who may use it are those who may read the secret",
  },
  {
    check: 'CKV2_AWS_57',
    resource: /aws_secretsmanager_secret\.url$/,
    reason: 'The password is of Upstash, which AWS cannot change; `secret_version` writes a new one',
  },
  {
    check: 'CKV2_AWS_23',
    resource: /aws_route53_record\.region$/,
    reason: 'The load balancer is in another module, where checkov does not look',
  },
  {
    check: 'CKV_DOCKER_2',
    resource: /Dockerfile/,
    reason:
      'Who runs the image asks for its health: the task definition does, at the port that the command line gives it',
  },
]

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
