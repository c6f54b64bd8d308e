/** Texts with placeholders, `devices/{property:deviceId}/cmd`: parsed once, filled per message. Knows no message. */

/** One piece: literal text, or a placeholder with its argument ('' for none). */
type Part = string | { readonly name: string; readonly argument: string }

/** A placeholder's value for a message, or undefined if it has none. */
export type Lookup = (name: string, argument: string) => string | undefined

/** The placeholders of a template: true for those that need an argument, as `{property:NAME}`. */
export type Placeholders = Readonly<Record<string, boolean>>

export class Template {
  readonly text: string
  readonly #parts: readonly Part[]

  /** Throws Error if a brace or a placeholder is not as it should be. */
  constructor(text: string, known: Placeholders) {
    this.text = text
    this.#parts = parse(text, known)
  }

  /** The text of a message. A value that is missing or empty: what `missing` gives for the placeholder. */
  fill(lookup: Lookup, missing: (placeholder: string) => string): string {
    let filled = ''
    for (const part of this.#parts) {
      if (typeof part === 'string') filled += part
      else filled += lookup(part.name, part.argument) || missing(shown(part.name, part.argument))
    }
    return filled
  }
}

const shown = (name: string, argument: string): string => (argument === '' ? `{${name}}` : `{${name}:${argument}}`)

function parse(text: string, known: Placeholders): Part[] {
  const parts: Part[] = []
  let at = 0
  for (const found of text.matchAll(/\{([^{}:]*)(?::([^{}]*))?\}/g)) {
    parts.push(literal(text.slice(at, found.index), text))
    parts.push(placeholder(found[1]!, found[2] ?? '', text, known))
    at = found.index + found[0].length
  }
  parts.push(literal(text.slice(at), text))
  return parts.filter(part => part !== '')
}

function literal(piece: string, text: string): string {
  if (/[{}]/.test(piece)) throw new Error(`Template '${text}' has a brace without its counterpart`)
  return piece
}

function placeholder(name: string, argument: string, text: string, known: Placeholders): Part {
  const needs = Object.hasOwn(known, name) ? known[name] : undefined
  if (needs === (argument !== '')) return { name, argument }
  const all = Object.entries(known).map(([one, wants]) => shown(one, wants ? '…' : ''))
  throw new Error(`Template '${text}' has ${shown(name, argument)}; known are ${all.join(', ')}`)
}
