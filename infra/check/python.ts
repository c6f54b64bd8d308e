/** The Python programs of the check, in an environment of their own: what AWS accepts (`values.py`), and checkov. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CACHE, CHECK } from './places.ts'
import { type Ended, must, run } from './run.ts'
import { awsSchemaFile } from './stub.ts'

const FOLDER = join(CACHE, 'python')
const program = (name: string): string => join(FOLDER, 'bin', name)

/** Makes the environment, unless it is there with the same requirements. */
export async function makePython(): Promise<void> {
  const wanted = readFileSync(join(CHECK, 'requirements.txt'), 'utf8')
  const done = join(FOLDER, 'done.txt')
  if (existsSync(done) && readFileSync(done, 'utf8') === wanted) return
  rmSync(FOLDER, { recursive: true, force: true })
  mkdirSync(CACHE, { recursive: true })
  await must('python3', ['-m', 'venv', FOLDER])
  await must(program('pip'), [
    'install',
    '--quiet',
    '--no-compile',
    '--no-input',
    '-r',
    join(CHECK, 'requirements.txt'),
  ])
  writeFileSync(done, wanted)
}

/** A finding: where, and what. */
export interface Finding {
  /** Path of the file below the folder that was looked at. */
  readonly file: string
  readonly what: string
}

/** What AWS does not accept, and resources that do not say their region, in all Terraform below `folder`. */
export async function findValues(folder: string): Promise<Finding[]> {
  const { stdout } = await must(program('python'), [join(CHECK, 'values.py'), folder, awsSchemaFile()])
  return JSON.parse(stdout) as Finding[]
}

interface Report {
  readonly results: {
    readonly failed_checks: readonly {
      readonly check_id: string
      readonly check_name: string
      readonly resource: string
      readonly file_path: string
    }[]
    readonly parsing_errors: readonly string[]
  }
  readonly summary: { readonly passed: number }
}

export interface PolicyFinding extends Finding {
  readonly check: string
  readonly resource: string
}

/** What checkov finds below `folder`. @throws Error for a file that it cannot read */
export async function findPolicy(
  folder: string,
): Promise<{ readonly passed: number; readonly failed: PolicyFinding[] }> {
  const words = [
    '-d',
    folder,
    '--framework',
    'terraform',
    'dockerfile',
    '--skip-path',
    '/tests/',
    '--skip-download',
    '-o',
    'json',
  ]
  const ended = await run(program('checkov'), words, { env: { LOG_LEVEL: 'ERROR' } })
  const reports = reportsOf(ended)
  const broken = reports.flatMap(({ results }) => results.parsing_errors)
  if (broken.length > 0) throw new Error(`checkov cannot read ${broken.join(', ')}`)
  const failed = reports
    .flatMap(({ results }) => results.failed_checks)
    .map(one => ({
      check: one.check_id,
      resource: one.resource,
      file: one.file_path.replace(/^\//, ''),
      what: `${one.check_id} ${one.resource}: ${one.check_name}`,
    }))
  return { passed: reports.reduce((sum, { summary }) => sum + summary.passed, 0), failed }
}

function reportsOf({ stdout, output }: Ended): Report[] {
  try {
    return [JSON.parse(stdout) as Report | Report[]].flat()
  } catch (cause) {
    throw new Error(`checkov gave no report:\n${output}`, { cause })
  }
}
