/** What Terraform itself says of a module: its form, whether it is valid, and its tests. Works on copies, so that nothing is left behind. */
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { INFRA } from './places.ts'
import { type Ended, run } from './run.ts'

export interface Terraform {
  /** Folder laid out as `infra`. */
  readonly root: string
  /** Configuration of Terraform, see `stub.ts`. */
  readonly config: string
}

/** A copy of modules and examples, without what Terraform has left in them. */
export function copyTo(root: string): void {
  const left = /\.terraform|\.tfstate|\.tfvars$/
  for (const group of ['modules', 'examples'])
    cpSync(join(INFRA, group), join(root, group), { recursive: true, filter: path => !left.test(path) })
}

const terraform = ({ root, config }: Terraform, path: string, ...words: string[]): Promise<Ended> =>
  run('terraform', words, {
    cwd: join(root, path),
    env: { TF_CLI_CONFIG_FILE: config, TF_IN_AUTOMATION: '1', CHECKPOINT_DISABLE: '1', TF_CLI_ARGS: '-no-color' },
  })

/** @returns what is wrong with the form of files below `path`; empty if nothing is */
export async function unformatted(path: string): Promise<string> {
  const { status, output } = await run('terraform', ['fmt', '-check', '-recursive', '-no-color', path], {
    env: { TF_CLI_CONFIG_FILE: '/dev/null' },
  })
  return status === 0 ? '' : output
}

/** @returns what Terraform says of an invalid module; undefined if it is valid */
export async function invalid(where: Terraform, path: string): Promise<string | undefined> {
  const got = await terraform(where, path, 'get')
  if (got.status !== 0) return got.output
  const { status, output } = await terraform(where, path, 'validate')
  return status === 0 ? undefined : output
}

/** Runs the tests of a module that was validated. @returns how many passed, or what failed */
export async function test(
  where: Terraform,
  path: string,
): Promise<{ readonly passed: number } | { readonly failed: string }> {
  const { status, output } = await terraform(where, path, 'test')
  const counted = /(\d+) passed, 0 failed\./.exec(output)
  return status === 0 && counted ? { passed: Number(counted[1]) } : { failed: output }
}
