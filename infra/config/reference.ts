/** The configuration reference as Markdown, made from the schema. Writes no file. */
import { COMMANDS, CORE, EDGE, START } from './commands.ts'
import { allowed, type Node, type Setting } from './settings.ts'

const SECTIONS: Readonly<Record<string, string>> = {
  '': 'General',
  auth: 'Authentication and rights',
  mqtt: 'MQTT',
  metrics: 'Metrics',
  bridge: 'RocketMQ in and out',
  limits: 'Limits',
}

/** A setting and the commands that have it so: the same default, values and meaning. */
interface Row {
  readonly setting: Setting
  readonly commands: string[]
}

/** Every setting in one table per section, then the fields of a listener. */
export function referenceMarkdown(): string {
  const sections = Map.groupBy(rows(), ({ setting: { key } }) => (key.includes('.') ? key.split('.')[0]! : ''))
  const tables = [...sections].map(([section, settings]) => {
    const head = '| key | flag | variable | default | allowed | for | meaning |\n|---|---|---|---|---|---|---|'
    return `**${SECTIONS[section] ?? section}**\n\n${[head, ...settings.map(rowText)].join('\n')}`
  })
  const more = [
    entryTable('Entries of `regions`', EDGE.catalog.nodeAt(['regions'])),
    entryTable('Rules of `bridge.out`', CORE.catalog.nodeAt(['bridge', 'out'])),
    entryTable('Rules of `bridge.in`', CORE.catalog.nodeAt(['bridge', 'in'])),
  ]
  return [...tables, listenerTable(), ...more].join('\n\n')
}

/** Settings of one key stand together, wherever their commands have them. */
function rows(): Row[] {
  const byKey = new Map<string, Row[]>()
  for (const { name, catalog } of COMMANDS) {
    for (const setting of catalog.settings) {
      const known = byKey.get(setting.key) ?? []
      const same = known.find(row => JSON.stringify(row.setting) === JSON.stringify(setting))
      if (same) same.commands.push(name)
      else known.push({ setting, commands: [name] })
      byKey.set(setting.key, known)
    }
  }
  return [...byKey.values()].flat()
}

const code = (text: string): string => `\`${text}\``
const cell = (text: string): string => text.replaceAll('|', '\\|')
const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`

function rowText({ setting: { key, flag, variable, short, node }, commands }: Row): string {
  const names = (full: string, other: string | undefined): string =>
    other === undefined ? code(full) : `${code(other)}, ${code(full)}`
  return line([
    code(key),
    names(flag, short?.flag),
    names(variable, short?.variable),
    defaultText(node),
    allowedText(node),
    commands.length === COMMANDS.length ? 'all' : commands.join(', '),
    node.description ?? '',
  ])
}

function defaultText(node: Node): string {
  const value = node.default
  if (value === undefined || value === '') return '–'
  if (Array.isArray(value)) return value.length === 0 ? 'none' : code(value.join(','))
  const size = node.unit === 'bytes' ? binarySize(Number(value)) : undefined
  return code(String(value)) + (size === undefined ? '' : ` (${size})`)
}

/** `8 MiB`, if the number of bytes is a round one. */
function binarySize(bytes: number): string | undefined {
  const units = ['KiB', 'MiB', 'GiB', 'TiB']
  let count = bytes
  let unit: string | undefined
  while (count >= 1024 && count % 1024 === 0 && units.length > 0) {
    count /= 1024
    unit = units.shift()
  }
  return unit === undefined ? undefined : `${count} ${unit}`
}

/** Range and unit, or the words to choose from. */
function allowedText(node: Node): string {
  if (node.anyOf) return node.anyOf.map(allowedText).join(' or ')
  if (node.minimum !== undefined && node.maximum !== undefined) {
    return `${node.minimum}–${node.maximum}${node.unit ? ` ${node.unit}` : ''}`
  }
  const text = allowed(node)
  if (node.type === 'string' && !node.enum && node.unit) return node.unit
  return text.replace(/^one of /, '')
}

/** A listener's fields, with the kinds that have them. */
function listenerTable(): string {
  const variants = START.catalog.nodeAt(['listeners'])?.items?.oneOf ?? []
  const fields = new Map<string, { node: Node; kinds: string[]; required: boolean }>()
  for (const variant of variants) {
    const kind = String(variant.properties?.kind?.const)
    for (const [name, node] of Object.entries(variant.properties ?? {})) {
      if (name === 'kind') continue
      const path = `${name}${node.description ?? ''}`
      const known = fields.get(path)
      if (known) known.kinds.push(kind)
      else fields.set(path, { node, kinds: [kind], required: variant.required?.includes(name) ?? false })
    }
  }
  const rows = [...fields].map(([path, { node, kinds, required }]) =>
    line([
      code(path.slice(0, path.length - (node.description ?? '').length)),
      kinds.join(', '),
      required ? 'must be given' : defaultText(node),
      listenerAllowed(node),
      node.description ?? '',
    ]),
  )
  const kinds = variants.map(variant => code(String(variant.properties?.kind?.const))).join(', ')
  const intro = `Each entry of ${code('listeners')} has a ${code('kind')} (${kinds}) and the fields of that kind. As a flag or variable the list is written as YAML or JSON text.`
  return [
    `**Listeners**\n\n${intro}`,
    ['| field | kinds | default | allowed | meaning |', '|---|---|---|---|---|', ...rows].join('\n'),
  ].join('\n\n')
}

/** The fields of the entries of a list. */
function entryTable(title: string, list: Node | undefined): string {
  const { properties = {}, required = [] } = list?.items ?? {}
  const rows = Object.entries(properties).map(([name, node]) =>
    line([
      code(name),
      required.includes(name) ? 'must be given' : defaultText(node),
      allowedText(node),
      node.description ?? '',
    ]),
  )
  return [`**${title}**`, ['| field | default | allowed | meaning |', '|---|---|---|---|', ...rows].join('\n')].join(
    '\n\n',
  )
}

const listenerAllowed = (node: Node): string =>
  node.items?.properties ? `a list of { ${Object.keys(node.items.properties).join(', ')} }` : allowedText(node)

/** What a page holds between its markers. */
export const BEGIN = '<!-- config:begin -->'
export const END = '<!-- config:end -->'

/** The page with the reference of this schema between the markers. Throws if it has no markers. */
export function withReference(page: string): string {
  const begin = page.indexOf(BEGIN)
  const end = page.indexOf(END)
  if (begin < 0 || end < begin) throw new Error(`The page has no '${BEGIN}' followed by '${END}'`)
  return `${page.slice(0, begin + BEGIN.length)}\n${referenceMarkdown()}\n${page.slice(end)}`
}
