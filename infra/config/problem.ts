/** What a wrong configuration looks like to a user: every problem on a line of its own. */

export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  /** Each names the key, the value, where it came from and what is allowed. */
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

/** A value as it is shown in an error: short, on one line. */
export function show(value: unknown): string {
  const text = typeof value === 'string' ? `'${value}'` : (JSON.stringify(value) ?? 'nothing')
  const line = text.replace(/\s+/g, ' ')
  return line.length > 80 ? `${line.slice(0, 77)}…` : line
}
