/** Loads the configuration: defaults, then the file, then variables, then flags; names everything that is wrong at once. Opens no file itself. */
import type { z } from 'zod'
import { didYouMean } from './nearest.ts'
import { resolve } from './policy.ts'
import { ConfigError, show } from './problem.ts'
import { type Config, configSchema } from './schema.ts'
import { allowed, namesAt, nodeAt } from './settings.ts'
import { CONFIG_VARIABLE, fromFlags, fromVariables, fromYaml, type Given } from './sources.ts'

export interface Inputs {
  /** The words after `start`. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** Reads the configuration file; throws if it cannot. */
  readonly readFile: (path: string) => string
}

export interface Loaded {
  readonly config: Config
  /** Not wrong, but probably not meant: to be logged. */
  readonly warnings: readonly string[]
}

/** The configuration in force. Throws a ConfigError with every problem found. */
export const load = (inputs: Inputs): Loaded => loadFor(inputs, false)

/** What a serverless host leaves to variables: no listener of its own, and in memory unless a data directory is named. */
export function loadHosted(env: Inputs['env'], readFile: Inputs['readFile']): Loaded {
  const argv = ['--mqtt-port', 'off', '--http-port', 'off', '--listeners', '[]']
  return loadFor({ argv, env: { MERIDIAN_DATA_DIR: ':memory:', ...env }, readFile }, true)
}

function loadFor(inputs: Inputs, hosted: boolean): Loaded {
  const flags = fromFlags(inputs.argv)
  const variables = fromVariables(inputs.env)
  const fileName = flags.configFile ?? inputs.env[CONFIG_VARIABLE]
  const file = fileName === undefined ? { given: [], problems: [] } : readYaml(fileName, inputs.readFile)
  const problems = [...flags.problems, ...file.problems]
  const given = [...file.given, ...variables.given, ...flags.given]
  const config = judge(given, problems, hosted)
  return { config, warnings: variables.warnings }
}

/** As `load`, for the text of a file alone (`meridian config check`). */
export function loadFile(path: string, readFile: (path: string) => string): Config {
  const file = readYaml(path, readFile)
  return judge(file.given, [...file.problems], false)
}

function readYaml(path: string, readFile: (path: string) => string) {
  try {
    return fromYaml(readFile(path), path)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { given: [], problems: [`Configuration file ${show(path)} cannot be read: ${why}`] }
  }
}

function judge(given: readonly Given[], problems: string[], hosted: boolean): Config {
  const { tree, wrong } = assemble(given)
  const parsed = configSchema.safeParse(tree)
  if (!parsed.success) {
    for (const issue of parsed.error.issues) problems.push(...describeIssue(issue, tree, given))
  }
  problems.push(...wrong)
  if (problems.length > 0 || !parsed.success) throw new ConfigError([...new Set(problems)])
  return resolve(parsed.data, hosted)
}

type Tree = { [key: string]: unknown }

/** Puts what was given into one tree, later entries over earlier ones. */
function assemble(given: readonly Given[]): { tree: Tree; wrong: string[] } {
  const tree: Tree = {}
  const wrong: string[] = []
  for (const { path, value, from } of given) {
    if (path.includes('__proto__')) {
      wrong.push(`Unknown key ${keyText(path)} (from ${from})`)
      continue
    }
    let at = tree
    for (const step of path.slice(0, -1)) at = section(at, String(step))
    at[String(path.at(-1))] = value
  }
  return { tree, wrong }
}

/** The mapping under a name; made if there is none. */
function section(tree: Tree, name: string): Tree {
  const there = Object.hasOwn(tree, name) ? tree[name] : undefined
  if (typeof there === 'object' && there !== null && !Array.isArray(there)) return there as Tree
  const made: Tree = {}
  tree[name] = made
  return made
}

function describeIssue(issue: z.core.$ZodIssue, tree: Tree, given: readonly Given[]): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(key => {
      const path = [...issue.path, key]
      return `Unknown key ${keyText(path)}${fromText(path, given)}${didYouMean(key, namesAt(issue.path))}`
    })
  }
  const node = nodeAt(issue.path)
  const value = valueAt(tree, issue.path)
  const is = value === undefined ? 'is missing' : `is ${show(value)}`
  const wanted = node ? allowed(node) : issue.message
  return [`${keyText(issue.path)} ${is}${fromText(issue.path, given)}; allowed: ${wanted}`]
}

/** `listeners[0].port` */
const keyText = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, step) =>
      typeof step === 'number' ? `${text}[${step}]` : text === '' ? String(step) : `${text}.${String(step)}`,
    '',
  )

function fromText(path: readonly PropertyKey[], given: readonly Given[]): string {
  const last = given.findLast(
    one => one.path.every((step, i) => path[i] === step) || path.every((step, i) => one.path[i] === step),
  )
  return last ? ` (from ${last.from})` : ''
}

function valueAt(tree: unknown, path: readonly PropertyKey[]): unknown {
  let at: unknown = tree
  for (const step of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined
    at = (at as Record<PropertyKey, unknown>)[step]
  }
  return at
}
