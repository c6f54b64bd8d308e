/** Loads the configuration: defaults, then the file, then variables, then flags; names everything that is wrong at once. Opens no file itself. */
import type { z } from 'zod'
import { COMMANDS, type Command, HOSTED, HOSTED_EDGE } from './commands.ts'
import { describe } from './describe.ts'
import type { EdgeConfig } from './edge.ts'
import { didYouMean } from './nearest.ts'
import { ConfigError, show } from './problem.ts'
import type { Config } from './schema.ts'
import { allowed, type Catalog } from './settings.ts'
import { CONFIG_VARIABLE, fromFlags, fromVariables, fromYaml, type Given } from './sources.ts'

export interface Inputs {
  /** The words after the command. */
  readonly argv: readonly string[]
  /** More of them, for what the host decides: whoever asks for something else is warned. */
  readonly fixed?: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** Reads the configuration file; throws if it cannot. */
  readonly readFile: (path: string) => string
}

export interface Loaded<C> {
  readonly config: C
  /** Not wrong, but probably not meant: to be logged. */
  readonly warnings: readonly string[]
}

/** What a serverless host runs. */
export type Hosted = ({ readonly is: 'gateway' } & Loaded<Config>) | ({ readonly is: 'edge' } & Loaded<EdgeConfig>)

/**
 * What a serverless host leaves to variables and a file: no listener of its own. With a `core` it is an edge; else a gateway,
 * in memory unless a data directory is named.
 */
export function loadHosted(env: Inputs['env'], readFile: Inputs['readFile']): Hosted {
  const fixed = ['--host', '127.0.0.1', '--mqtt-port', 'off', '--http-port', 'off', '--listeners', '[]']
  const file = env[CONFIG_VARIABLE]
  const isEdge =
    env.MERIDIAN_CORE !== undefined ||
    (file !== undefined && readYaml(file, readFile).given.some(({ path }) => path[0] === 'core'))
  if (!isEdge)
    return {
      is: 'gateway',
      ...load(HOSTED, { argv: [], fixed, env: { MERIDIAN_DATA_DIR: ':memory:', ...env }, readFile }),
    }
  const alone = [...fixed, '--workers', '1', '--status-port', 'off', '--reuse-port', 'false']
  return { is: 'edge', ...load(HOSTED_EDGE, { argv: [], fixed: alone, env, readFile }) }
}

/** The configuration in force. Throws a ConfigError with every problem found. */
export function load<S, C>(command: Command<S, C>, inputs: Inputs): Loaded<C> {
  const elsewhere = commandsWith(command)
  const flags = fromFlags(inputs.argv, command.catalog, elsewhere)
  const variables = fromVariables(inputs.env, command.catalog, elsewhere)
  const fileName = flags.configFile ?? inputs.env[CONFIG_VARIABLE]
  const file = fileName === undefined ? { given: [], problems: [] } : readYaml(fileName, inputs.readFile)
  const fixed = fromFlags(inputs.fixed ?? [], command.catalog, elsewhere)
  const problems = [...flags.problems, ...file.problems]
  const asked = [...file.given, ...variables.given, ...flags.given]
  const config = judge(command, [...asked, ...fixed.given], problems)
  const warnings = [...variables.warnings, ...withoutEffect(asked, fixed.given), ...command.doubts(config)]
  return { config, warnings }
}

/** One warning, of all that was asked for and is otherwise here. */
function withoutEffect(asked: readonly Given[], fixed: readonly Given[]): string[] {
  const values = new Map(fixed.map(({ path, value }) => [keyText(path), JSON.stringify(value)]))
  const names = asked.flatMap(({ path, value, from }) => {
    const key = keyText(path)
    return values.has(key) && values.get(key) !== JSON.stringify(value) ? [`${key} (from ${from})`] : []
  })
  return names.length === 0 ? [] : [`Without effect, since the host listens and not Meridian: ${names.join(', ')}`]
}

/** As `load`, for the text of a file alone (`meridian config check`). */
export function loadFile<S, C>(command: Command<S, C>, path: string, readFile: (path: string) => string): C {
  const file = readYaml(path, readFile)
  return judge(command, file.given, [...file.problems])
}

/** The other commands that have a setting of this flag, variable or key: `meridian start, meridian edge`. Undefined if none has. */
const commandsWith =
  (command: { readonly name: string }) =>
  (name: string): string | undefined => {
    const others = COMMANDS.filter(other => other.name !== command.name && other.catalog.has(name))
    return others.length === 0 ? undefined : others.map(other => `meridian ${other.name}`).join(', ')
  }

function readYaml(path: string, readFile: (path: string) => string) {
  try {
    return fromYaml(readFile(path), path)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { given: [], problems: [`Configuration file ${show(path)} cannot be read: ${why}`] }
  }
}

function judge<S, C>(command: Command<S, C>, given: readonly Given[], problems: string[]): C {
  const { tree, wrong } = assemble(given)
  const parsed = command.schema.safeParse(tree)
  if (!parsed.success) {
    const context = { tree, given, catalog: command.catalog, elsewhere: commandsWith(command) }
    for (const issue of parsed.error.issues) problems.push(...describeIssue(issue, context))
  }
  problems.push(...wrong)
  if (problems.length > 0 || !parsed.success) throw new ConfigError([...new Set(problems)])
  return command.resolve(parsed.data)
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

interface Context {
  readonly tree: Tree
  readonly given: readonly Given[]
  readonly catalog: Catalog
  readonly elsewhere: (name: string) => string | undefined
}

function describeIssue(issue: z.core.$ZodIssue, { tree, given, catalog, elsewhere }: Context): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(key => {
      const path = [...issue.path, key]
      const others = elsewhere(keyText(path))
      const advice = others === undefined ? didYouMean(key, catalog.namesAt(issue.path)) : `; it is for ${others}`
      return `Unknown key ${keyText(path)}${fromText(path, given)}${advice}`
    })
  }
  const node = catalog.nodeAt(issue.path)
  const value = valueAt(tree, issue.path)
  const is = value === undefined ? 'is missing' : `is ${show(harmless(issue.path, value))}`
  const at = `${keyText(issue.path)} ${is}${fromText(issue.path, given)}`
  if (issue.code === 'custom') return [`${at}: ${issue.message}`]
  return [`${at}; allowed: ${node ? allowed(node) : issue.message}`]
}

/** The value as it may be printed. */
const harmless = (path: readonly PropertyKey[], value: unknown): unknown =>
  Object.values(describe({ [String(path.at(-1))]: value }) as object)[0]

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
