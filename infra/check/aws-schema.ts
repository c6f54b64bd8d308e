/**
 * The schema of the AWS provider, as far as our modules use it, from the typed interface that npm's `@cdktn/provider-aws` ships
 * (`.jsii`, which is generated from the provider). It knows names, types and what is required; it does not know which values are
 * allowed, what excludes what, and whether a list is a set.
 */
import { readFileSync } from 'node:fs'
import type { Attribute, AttributeType, Block, Schema } from './schema.ts'

interface TypeRef {
  readonly primitive?: string
  readonly fqn?: string
  readonly collection?: { readonly kind: 'array' | 'map'; readonly elementtype: TypeRef }
  readonly union?: { readonly types: readonly TypeRef[] }
}
interface Property {
  readonly name: string
  readonly type: TypeRef
  readonly optional?: boolean
  readonly static?: boolean
  readonly docs?: { readonly summary?: string; readonly remarks?: string }
}
interface Declared {
  readonly fqn: string
  readonly docs?: { readonly summary?: string }
  readonly properties?: readonly Property[]
}
type Types = Readonly<Record<string, Declared>>

const PACKAGE = '@cdktn/provider-aws'
/** Arguments that Terraform itself gives to each resource. */
const OF_TERRAFORM = new Set(['connection', 'count', 'dependsOn', 'forEach', 'lifecycle', 'provider', 'provisioners'])
const NOTHING: Block = { attributes: {}, blocks: {} }
/** Deeper blocks (of WAF rules) refer to themselves. */
const MAX_DEPTH = 12

/** `wanted`: types such as `aws_lb`. Throws for one that the provider does not have. */
export function awsSchema(
  jsiiFile: string,
  wanted: { readonly resources: readonly string[]; readonly data: readonly string[] },
): Schema {
  const { types } = JSON.parse(readFileSync(jsiiFile, 'utf8')) as { readonly types: Types }
  const classes = new Map<string, Declared>()
  for (const type of Object.values(types)) {
    const found = /\/docs\/(resources|data-sources)\/\S+ (aws_\w+)\}\.$/.exec(type.docs?.summary ?? '')
    if (found) classes.set(`${found[1]} ${found[2]}`, type)
  }
  const pick = (kind: string, names: readonly string[]): Record<string, Block> =>
    Object.fromEntries(
      names.flatMap(name => {
        const found = classes.get(`${kind} ${name}`)
        // Left out: Terraform says itself that there is no such type.
        return found === undefined ? [] : [[name, blockOf(found, types)]]
      }),
    )
  const provider = types[`${PACKAGE}.provider.AwsProviderConfig`]
  if (provider === undefined) throw new Error(`'${jsiiFile}' has no AwsProviderConfig; is it of ${PACKAGE}`)
  return {
    address: 'registry.terraform.io/hashicorp/aws',
    provider: content(provider, types, 0),
    resources: pick('resources', wanted.resources),
    data: pick('data-sources', wanted.data),
  }
}

/** A resource: what it is given (its `…Config`), and what it only tells (the rest of the class). */
function blockOf(type: Declared, types: Types): Block {
  const given = content(types[`${type.fqn}Config`]!, types, 0)
  const attributes: Record<string, Attribute> = { ...given.attributes }
  const inputs = new Set((type.properties ?? []).map(({ name }) => name).filter(name => name.endsWith('Input')))
  for (const { name, type: of, static: ofClass } of type.properties ?? []) {
    const attribute = snake(name)
    const known = attribute in attributes || attribute in given.blocks || inputs.has(`${name}Input`)
    if (ofClass || known || inputs.has(name)) continue
    attributes[attribute] = { type: simple(of) ?? 'dynamic', computed: true }
  }
  return { attributes: { ...attributes, id: { type: 'string', optional: true, computed: true } }, blocks: given.blocks }
}

function content(type: Declared, types: Types, depth: number): Block {
  if (depth > MAX_DEPTH) return NOTHING
  const attributes: Record<string, Attribute> = {}
  const blocks: Record<string, Block> = {}
  for (const property of type.properties ?? []) {
    if (OF_TERRAFORM.has(property.name)) continue
    const { name, isBlock } = nameOf(property)
    const plain = simple(property.type)
    const struct = plain === undefined ? structOf(property.type) : undefined
    const inner = struct && types[struct.fqn]
    const required = property.optional !== true
    if (plain !== undefined) attributes[name] = { type: plain, ...(required ? { required } : { optional: true }) }
    else if (inner !== undefined && isBlock)
      blocks[name] = { ...content(inner, types, depth + 1), required, single: struct!.single }
    else attributes[name] = { type: 'dynamic', ...(required ? { required } : { optional: true }) }
  }
  return { attributes, blocks }
}

/** The Terraform name is in the link to the documentation; letters and digits alone do not tell where it had its underscores. */
function nameOf({ name, docs }: Property): { name: string; isBlock: boolean } {
  const { summary = '', remarks = '' } = docs ?? {}
  const link = /#(\w+) \w+#\w+\}/.exec(`${summary} ${remarks}`)
  return { name: link?.[1] ?? snake(name), isBlock: name === 'timeouts' || / block\.$/.test(summary) }
}

const snake = (name: string): string => name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)

const PRIMITIVES: Readonly<Record<string, string>> = {
  string: 'string',
  number: 'number',
  boolean: 'bool',
  any: 'dynamic',
}

/** Undefined for a structure. */
function simple(type: TypeRef): AttributeType | undefined {
  if (type.primitive !== undefined) return PRIMITIVES[type.primitive]
  if (type.fqn !== undefined) return ofMap(type.fqn)
  if (type.union !== undefined) return simple(type.union.types.find(({ fqn }) => fqn !== 'cdktn.IResolvable')!)
  const element = simple(type.collection!.elementtype)
  return element && [type.collection!.kind === 'map' ? 'map' : 'list', element]
}

const ofMap = (fqn: string): AttributeType | undefined => {
  const found = /^cdktn\.(String|Number|Boolean)Map$/.exec(fqn)
  return found ? ['map', PRIMITIVES[found[1]!.toLowerCase()]!] : undefined
}

function structOf(type: TypeRef): { readonly fqn: string; readonly single: boolean } | undefined {
  if (type.fqn !== undefined) return { fqn: type.fqn, single: true }
  if (type.union !== undefined) {
    const one = type.union.types.find(({ fqn }) => fqn !== 'cdktn.IResolvable')
    return one && structOf(one)
  }
  const element = type.collection && structOf(type.collection.elementtype)
  return element && { ...element, single: false }
}
