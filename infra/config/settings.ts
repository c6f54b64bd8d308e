/** The settings of a command as a flat list, derived from its schema: key, flag, variable, default, allowed values. Reads no input. */
import { z } from 'zod'

/** The parts of JSON Schema that the configuration uses. */
export interface Node {
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly default?: unknown
  readonly description?: string
  readonly unit?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly properties?: Readonly<Record<string, Node>>
  readonly required?: readonly string[]
  readonly items?: Node
  readonly anyOf?: readonly Node[]
  readonly oneOf?: readonly Node[]
}

export interface Setting {
  /** Dotted path as in the YAML file, e.g. `limits.maxInflight`. */
  readonly key: string
  /** `--limits-max-inflight` */
  readonly flag: string
  /** `MERIDIAN_LIMITS_MAX_INFLIGHT` */
  readonly variable: string
  /** Short second name of the flag and the variable, if the setting has one. */
  readonly short: { readonly flag: string; readonly variable: string } | undefined
  readonly node: Node
}

/** Settings people type by hand, under a shorter name than their section gives. */
const SHORT: Readonly<Record<string, string>> = { 'auth.allowAnonymous': 'allowAnonymous' }

const kebab = (key: string): string =>
  key
    .replaceAll('.', '-')
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
const flagOf = (key: string): string => `--${kebab(key)}`
const variableOf = (key: string): string => `MERIDIAN_${kebab(key).replaceAll('-', '_').toUpperCase()}`

function leaves(node: Node, path: string): Setting[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const key = path === '' ? name : `${path}.${name}`
    if (child.properties) return leaves(child, key)
    const short = SHORT[key]
    return [
      {
        key,
        flag: flagOf(key),
        variable: variableOf(key),
        short: short === undefined ? undefined : { flag: flagOf(short), variable: variableOf(short) },
        node: child,
      },
    ]
  })
}

/** The settings of one command. */
export class Catalog {
  readonly settings: readonly Setting[]
  readonly #root: Node

  constructor(schema: z.ZodType) {
    this.#root = z.toJSONSchema(schema, { io: 'input' }) as Node
    this.settings = leaves(this.#root, '')
  }

  /** True if there is a setting of this flag, variable or key. */
  has(name: string): boolean {
    return this.settings.some(
      ({ key, flag, variable, short }) =>
        name === key || name === flag || name === variable || name === short?.flag || name === short?.variable,
    )
  }

  /** The node at a place of the file. Where kinds of listeners differ: their constants as one choice, else the first that has it. */
  nodeAt(path: readonly PropertyKey[]): Node | undefined {
    let found: Node[] = [this.#root]
    for (const step of path) {
      const candidates = found.flatMap(variants)
      if (typeof step === 'number') found = candidates.flatMap(node => (node.items ? [node.items] : []))
      else found = candidates.flatMap(node => node.properties?.[String(step)] ?? [])
    }
    const constants = found.map(node => node.const).filter(constant => constant !== undefined)
    return found.length > 1 && constants.length === found.length ? { enum: constants } : found[0]
  }

  /** Names that may stand at a place of the file, for "did you mean". */
  namesAt(path: readonly PropertyKey[]): string[] {
    const node = this.nodeAt(path)
    return node ? variants(node).flatMap(variant => Object.keys(variant.properties ?? {})) : []
  }
}

const variants = (node: Node): readonly Node[] => node.oneOf ?? node.anyOf ?? [node]

/** What a value may be, in words: `a whole number from 1 to 65535`, `one of oldest, newest`. */
export function allowed(node: Node): string {
  if (node.const !== undefined) return String(node.const)
  if (node.enum) return `one of ${node.enum.join(', ')}`
  if (node.anyOf) return node.anyOf.map(allowed).join(' or ')
  if (node.oneOf) return `a mapping with kind ${node.oneOf.map(o => o.properties?.kind?.const).join(', ')}`
  switch (node.type) {
    case 'boolean':
      return 'true or false'
    case 'integer':
    case 'number':
      return `a whole number from ${node.minimum} to ${node.maximum}`
    case 'array':
      return node.items ? `a list, each ${allowed(node.items)}` : 'a list'
    case 'object':
      return 'a mapping'
    default:
      return textAllowed(node)
  }
}

function textAllowed(node: Node): string {
  if (node.pattern !== undefined) return node.unit ?? 'a text of another form'
  if (node.maxLength !== undefined) return `a text of at most ${node.maxLength} characters`
  return node.minLength === undefined ? 'a text' : 'a text that is not empty'
}
