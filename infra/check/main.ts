#!/usr/bin/env node
/** `npm run infra:check`: everything that can be said of modules and examples where no provider can be fetched. Status 1: something is wrong, 2: a program is missing. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { judge } from './baseline.ts'
import { FAULTS, uncaught } from './faults.ts'
import { INFRA, type Module, modulesIn } from './places.ts'
import { findPolicy, findValues, makePython } from './python.ts'
import { isThere, run } from './run.ts'
import { makeStubs, withoutProviders } from './stub.ts'
import { copyTo, invalid, type Terraform, test, unformatted } from './terraform.ts'

const NEEDED = ['terraform', 'go', 'npm', 'tar', 'python3']
const begun = Date.now()
let wrong = 0

/** One line per step: seconds since the start, what was looked at, and what came of it. */
function say(what: string, problems: readonly string[], good: string): void {
  const seconds = ((Date.now() - begun) / 1000).toFixed(1).padStart(6)
  console.log(`${seconds} s  ${what}: ${problems.length === 0 ? good : `${problems.length} wrong`}`)
  for (const problem of problems) console.log(problem.replace(/^/gm, '          '))
  wrong += problems.length
}

async function checkModule(where: Terraform, { path, hasTests }: Module): Promise<void> {
  const problem = await invalid(where, path)
  if (problem !== undefined) return say(path, [problem], '')
  if (!hasTests) return say(path, [], 'valid')
  const result = await test(where, path)
  if ('failed' in result) say(path, [result.failed], '')
  else say(path, [], `valid, ${result.passed} tests passed`)
}

async function main(root: string): Promise<void> {
  const modules = modulesIn(INFRA)
  const form = await Promise.all(['modules', 'examples'].map(group => unformatted(join(INFRA, group))))
  say('Form', form.filter(Boolean), 'as terraform fmt writes it')

  // What takes longest begins first.
  const python = makePython()
  const stubs = makeStubs()
  copyTo(root)
  const plain: Terraform = { root, config: withoutProviders() }
  for (const module of modules.filter(one => !one.needsProvider)) await checkModule(plain, module)

  const stubbed: Terraform = { root, config: await stubs }
  say('Schemas', [], 'of the AWS provider (from its types on npm) and of Upstash (from its documentation)')
  for (const module of modules.filter(one => one.needsProvider)) await checkModule(stubbed, module)

  await python
  const values = await findValues(INFRA)
  say(
    'Values',
    values.map(({ file, what }) => `${file}: ${what}`),
    'AWS knows those that can be compared',
  )
  const { passed, failed } = await findPolicy(INFRA)
  const { open, unused } = judge(failed)
  const stale = unused.map(entry => `${entry}: an exception in baseline.ts that nothing needs any more`)
  say(
    'Policy',
    [...open.map(({ file, what }) => `${file}: ${what}`), ...stale],
    `${passed} checks passed, ${failed.length} exceptions`,
  )

  say('Faults', await uncaught(stubbed), `all ${FAULTS.length} made on purpose were caught`)
}

const missing = NEEDED.filter(program => !isThere(program))
if (isThere('python3') && (await run('python3', ['-c', 'import ensurepip'])).status !== 0) missing.push('python3-venv')
if (missing.length > 0) {
  console.error(`Not checked: ${missing.join(', ')} cannot be found; all of ${NEEDED.join(', ')} are needed`)
  process.exit(2)
}
const root = mkdtempSync(join(tmpdir(), 'meridian-infra-'))
try {
  await main(root)
} catch (error) {
  say('Check', [error instanceof Error ? error.message : String(error)], '')
} finally {
  rmSync(root, { recursive: true, force: true })
}
console.log(wrong === 0 ? 'Nothing is wrong' : `${wrong} wrong`)
process.exitCode = wrong === 0 ? 0 : 1
