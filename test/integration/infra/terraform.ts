/** Terraform for tests: whether it is here, and what a piece of configuration gives as outputs. Leaves nothing behind. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isThere, must } from '../../../infra/check/run.ts'
import { withoutProviders } from '../../../infra/check/stub.ts'

export const INFRA = new URL('../../../infra/', import.meta.url).pathname

/** Those of `programs` that cannot be found; a suite is left out for them, and says so in its name. */
export const leftOut = (programs: readonly string[]): string => {
  const missing = programs.filter(program => !isThere(program))
  return missing.length === 0 ? '' : ` (left out: ${missing.join(', ')} cannot be found)`
}

/** Runs Terraform without any provider. @returns what it printed. @throws Error with what it complained of */
export async function terraform(
  cwd: string,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const settings = { TF_CLI_CONFIG_FILE: withoutProviders(), TF_IN_AUTOMATION: '1', TF_CLI_ARGS: '-no-color' }
  return (await must('terraform', words, { cwd, env: { ...settings, ...env } })).stdout
}

/** Outputs of a configuration that makes nothing. */
export async function outputsOf(configuration: string): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-terraform-'))
  try {
    writeFileSync(join(folder, 'main.tf'), configuration)
    await terraform(folder, ['init', '-input=false'])
    await terraform(folder, ['apply', '-input=false', '-auto-approve'])
    const outputs = JSON.parse(await terraform(folder, ['output', '-json'])) as Record<
      string,
      { readonly value: unknown }
    >
    return Object.fromEntries(Object.entries(outputs).map(([name, { value }]) => [name, value]))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
