/** `npm test`: packages, build, every test; its last line is `N passed, N failed`. Further words go to vitest. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endLeftOvers, marked } from './left-over.ts'
import { providePackages } from './packages.ts'

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  /** A file that could not be loaded has failed without any test in it. */
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[]
}

const root = new URL('../..', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'meridian-test-'))
const env = { ...process.env, ...marked(folder) }
const run = (...words: string[]): boolean =>
  spawnSync(process.execPath, words, { cwd: root, env, stdio: 'inherit' }).status === 0

function finish(passed: number, failed: number): never {
  console.log(`${passed} passed, ${failed} failed`)
  process.exit(failed > 0 || passed === 0 ? 1 : 0)
}

function fail(text: string): never {
  console.error(text)
  return finish(0, 1)
}

const { advice, leaveOut, failed: packagesFailed } = providePackages()
if (!run('infra/build.ts')) fail('The build failed')

const reportFile = join(folder, 'report.json')
const green = run(
  'node_modules/vitest/vitest.mjs',
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${reportFile}`,
  ...leaveOut.map(files => `--exclude=${files}`),
  ...process.argv.slice(2),
)
const left = await endLeftOvers(folder)
for (const { pid, command } of left) console.error(`Left running by a test, and ended now: ${pid} ${command}`)
let report: Report
try {
  report = JSON.parse(readFileSync(reportFile, 'utf8')) as Report
} catch {
  fail('vitest ended without a report')
} finally {
  rmSync(folder, { recursive: true, force: true })
}
if (advice !== undefined) console.log(`\n${[advice, ...leaveOut].join('\n  left out: ')}\n`)
const unloaded = report.testResults.filter(
  file => file.status === 'failed' && file.assertionResults.length === 0,
).length
const failed = report.numFailedTests + unloaded + (packagesFailed ? 1 : 0) + left.length
// An error outside any test makes the run red without a failed test.
finish(report.numPassedTests, failed === 0 && !green ? 1 : failed)
