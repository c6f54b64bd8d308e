/**
 * Providers that have a schema and nothing else, so that modules can be validated where no provider can be fetched: builds
 * `provider/`, gets the schemas, and says to Terraform where they are. Checks nothing itself.
 */
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { awsSchema } from './aws-schema.ts'
import { CACHE, CHECK, INFRA, modulesIn, textOf } from './places.ts'
import { must } from './run.ts'

/** Generated from version 6.66 of the AWS provider. */
const AWS_TYPES = '@cdktn/provider-aws@25.7.0'
const PROVIDERS = ['hashicorp/aws', 'upstash/upstash'] as const

/** @returns the path of a configuration for Terraform (`TF_CLI_CONFIG_FILE`) */
export async function makeStubs(): Promise<string> {
  mkdirSync(CACHE, { recursive: true })
  const [binary, jsii] = await Promise.all([buildProvider(), fetchTypes()])
  writeFileSync(join(folderOf('upstash/upstash', binary), 'schema.json'), readFileSync(join(CHECK, 'upstash.json')))
  writeFileSync(
    join(folderOf('hashicorp/aws', binary), 'schema.json'),
    JSON.stringify(awsSchema(jsii, { resources: typesUsed('resource'), data: typesUsed('data') })),
  )
  return writeConfig(
    `dev_overrides {\n${PROVIDERS.map(name => `    "${name}" = "${join(CACHE, name)}"`).join('\n')}\n  }`,
  )
}

/** As `makeStubs`, for Terraform that must do without any provider. */
export const withoutProviders = (): string => writeConfig('direct {}')

function writeConfig(content: string): string {
  mkdirSync(CACHE, { recursive: true })
  const path = join(CACHE, `${createHash('sha256').update(content).digest('hex').slice(0, 12)}.tfrc`)
  writeFileSync(path, `disable_checkpoint = true\nprovider_installation {\n  ${content}\n}\n`)
  return path
}

/** The schema of AWS as it is served, for other checks. */
export const awsSchemaFile = (): string => join(CACHE, 'hashicorp/aws/schema.json')

function folderOf(name: (typeof PROVIDERS)[number], binary: string): string {
  const folder = join(CACHE, name)
  const program = join(folder, `terraform-provider-${name.split('/')[1]}`)
  mkdirSync(folder, { recursive: true })
  rmSync(program, { force: true })
  copyFileSync(binary, program)
  return folder
}

async function buildProvider(): Promise<string> {
  const source = join(CHECK, 'provider')
  const texts = ['main.go', 'go.mod', 'go.sum'].map(name => readFileSync(join(source, name)))
  const hash = createHash('sha256').update(Buffer.concat(texts)).digest('hex').slice(0, 12)
  const binary = join(CACHE, `provider-${hash}`)
  if (existsSync(binary)) return binary
  // Stripped: it is copied, and Terraform reads all of it at each start.
  await must('go', ['build', '-buildvcs=false', '-ldflags=-s -w', '-o', `${binary}.new`, '.'], { cwd: source })
  renameSync(`${binary}.new`, binary)
  return binary
}

/** @returns the path of the `.jsii` file of `AWS_TYPES` */
async function fetchTypes(): Promise<string> {
  const file = join(CACHE, `${AWS_TYPES.replace(/\W+/g, '-')}.jsii`)
  if (existsSync(file)) return file
  const folder = join(CACHE, 'download')
  mkdirSync(folder, { recursive: true })
  const { stdout } = await must('npm', ['pack', AWS_TYPES, '--pack-destination', folder, '--silent'], { cwd: folder })
  await must('tar', ['xzf', join(folder, stdout.trim()), '-C', folder, 'package/.jsii'])
  renameSync(join(folder, 'package/.jsii'), file)
  rmSync(folder, { recursive: true })
  return file
}

/** What modules and examples make of AWS (`resource`), or ask it for (`data`). */
function typesUsed(kind: 'resource' | 'data'): string[] {
  const texts = modulesIn(INFRA).map(({ path }) => textOf(join(INFRA, path)))
  return [
    ...new Set(texts.flatMap(text => [...text.matchAll(new RegExp(`^${kind} "(aws_\\w+)"`, 'gm'))].map(m => m[1]!))),
  ]
}
