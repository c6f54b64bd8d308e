/** Where settings come from besides their defaults: a YAML file, variables, flags. Finds out what was given and where; the schema judges the values. */
import { parse as parseYaml } from 'yaml'
import { didYouMean } from './nearest.ts'
import { show } from './problem.ts'
import type { Catalog, Node, Setting } from './settings.ts'

/** One value that was given, by its key and the place that a user can go and change. */
export interface Given {
  readonly path: readonly PropertyKey[]
  readonly value: unknown
  /** `--mqtt-port`, `MERIDIAN_MQTT_PORT`, `meridian.yaml`. */
  readonly from: string
}

export interface Read {
  readonly given: readonly Given[]
  readonly problems: readonly string[]
}

const BOOLEANS: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  1: true,
  false: false,
  no: false,
  off: false,
  0: false,
}

/** A text from a flag or variable as the type its setting has; what does not fit stays text and the schema refuses it. */
export function fromText(node: Node, text: string): unknown {
  if (node.type === 'boolean') return BOOLEANS[text.toLowerCase()] ?? text
  if (node.type === 'array')
    return node.items?.type === 'string' ? text.split(',').map(item => item.trim()) : listFrom(text)
  const numeric = [node, ...(node.anyOf ?? [])].some(one => one.type === 'integer' || one.type === 'number')
  return numeric && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
}

function listFrom(text: string): unknown {
  try {
    return parseYaml(text)
  } catch {
    return text
  }
}

const namesOf = (setting: Setting, side: 'flag' | 'variable'): string[] => [
  setting[side],
  ...(setting.short ? [setting.short[side]] : []),
]
const pathOf = (setting: Setting): string[] => setting.key.split('.')

/** Which other commands have a setting of that name; undefined if none has. */
export type Elsewhere = (name: string) => string | undefined

const namesIn = (catalog: Catalog, side: 'flag' | 'variable'): Map<string, Setting> =>
  new Map(catalog.settings.flatMap(setting => namesOf(setting, side).map(name => [name, setting] as const)))

/**
 * `MERIDIAN_…` variables. Unknown ones are left alone (service managers set such names on their own) and returned for a warning;
 * those of other commands are not even that: processes of all kinds may share an environment.
 */
export function fromVariables(
  env: Readonly<Record<string, string | undefined>>,
  catalog: Catalog,
  elsewhere: Elsewhere,
): Read & { warnings: string[] } {
  const byName = namesIn(catalog, 'variable')
  const given: Given[] = []
  const warnings: string[] = []
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith('MERIDIAN_') || name === CONFIG_VARIABLE || text === undefined) continue
    const setting = byName.get(name)
    if (setting) given.push({ path: pathOf(setting), value: fromText(setting.node, text), from: name })
    else if (elsewhere(name) === undefined)
      warnings.push(`Variable ${name} is no setting${didYouMean(name, [...byName.keys()])}`)
  }
  return { given, problems: [], warnings }
}

export const CONFIG_FLAG = '--config'
export const CONFIG_VARIABLE = 'MERIDIAN_CONFIG'

/** Flags: `--key value`, `--key=value`, for switches also `--key` and `--no-key`; a list of texts may be given piece by piece. */
export function fromFlags(
  argv: readonly string[],
  catalog: Catalog,
  elsewhere: Elsewhere,
): Read & { configFile: string | undefined } {
  const byName = namesIn(catalog, 'flag')
  const given: Given[] = []
  const problems: string[] = []
  let configFile: string | undefined
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!
    const equals = word.indexOf('=')
    const name = equals < 0 ? word : word.slice(0, equals)
    const inline = equals < 0 ? undefined : word.slice(equals + 1)
    const setting = byName.get(name)
    const negated = byName.get(name.replace(/^--no-/, '--'))
    if (setting?.node.type === 'boolean') {
      const next = inline === undefined && (argv[i + 1]?.toLowerCase() ?? '') in BOOLEANS ? argv[++i] : inline
      given.push({ path: pathOf(setting), value: fromText(setting.node, next ?? 'true'), from: name })
    } else if (setting || name === CONFIG_FLAG) {
      const text = inline ?? argv[++i]
      if (text === undefined || (inline === undefined && text.startsWith('--')))
        problems.push(`Flag ${name} needs a value`)
      else if (setting) add(given, { path: pathOf(setting), value: fromText(setting.node, text), from: name })
      else configFile = text
    } else if (negated?.node.type === 'boolean' && inline === undefined) {
      given.push({ path: pathOf(negated), value: false, from: name })
    } else if (word.startsWith('-')) {
      const others = elsewhere(name)
      problems.push(
        others === undefined
          ? `Unknown flag ${name}${didYouMean(name, [...byName.keys(), CONFIG_FLAG])}`
          : `Flag ${name} is not for this command; it is for ${others}`,
      )
    } else {
      problems.push(`Unexpected argument ${show(word)}`)
    }
  }
  return { given, problems, configFile }
}

/** A later flag replaces an earlier one, but for lists, which it makes longer. */
function add(given: Given[], one: Given): void {
  const earlier = given.findIndex(other => other.from === one.from)
  const before = given[earlier]?.value
  if (!Array.isArray(before) || !Array.isArray(one.value)) given.push(one)
  else given[earlier] = { ...one, value: [...before, ...one.value] }
}

/** A YAML (or JSON) file. An empty one sets nothing. */
export function fromYaml(text: string, name: string): Read {
  let document: unknown
  try {
    document = parseYaml(text)
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0]!.replace(/:$/, '') : String(error)
    return { given: [], problems: [`${name} is not valid YAML: ${why}`] }
  }
  if (document === null || document === undefined) return { given: [], problems: [] }
  if (typeof document !== 'object' || Array.isArray(document)) {
    return { given: [], problems: [`${name} must hold a mapping of settings, not ${show(document)}`] }
  }
  return { given: entries(document as Record<string, unknown>, [], name), problems: [] }
}

/** One entry per setting, so that a variable or flag replaces exactly that one; sections that are no mapping stay whole. */
function entries(mapping: Record<string, unknown>, path: readonly string[], name: string): Given[] {
  return Object.entries(mapping).flatMap(([key, value]): Given[] => {
    const here = [...path, key]
    const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isMapping ? entries(value as Record<string, unknown>, here, name) : [{ path: here, value, from: name }]
  })
}
