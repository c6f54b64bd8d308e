/** Finds functions and their lengths in formatted source: the formatter puts the closing brace at the opener's indentation, which is all this relies on. */
import type { Source } from './source.ts'

export interface FunctionSpan {
  readonly name: string
  readonly line: number
  /** With header and closing brace. */
  readonly lines: number
}

const NOT_A_FUNCTION =
  /^(?:\}\s*)?(?:if|else|for|while|switch|try|catch|finally|do|case|default|class|interface|type)\b/
const NAMES = [
  /\bfunction\b\*?\s*([\w$]+)/,
  /(?:const|let)\s+([\w$]+)\b.*(?:=>|\()/,
  /^(?:(?:static|async|override|get|set)\s+|\*)*(#?[\w$]+)\s*[<(]/,
]

export function functionsOf(source: Source): FunctionSpan[] {
  const lines = source.code.split('\n')
  const found: FunctionSpan[] = []
  for (let end = 0; end < lines.length; end++) {
    const opener = lines[end]!.trimEnd()
    if (!opener.endsWith('{')) continue
    const indent = indentOf(opener)
    const start = headerOf(lines, end, indent)
    const header = lines[start]!.trim().replace(/^export (?:default )?/, '')
    const arrow = opener.endsWith('=> {')
    if (!arrow && (NOT_A_FUNCTION.test(header) || !isMethodOrFunction(header))) continue
    const close = closeOf(lines, end, indent)
    const name = NAMES.map(pattern => pattern.exec(header)?.[1]).find(each => each !== undefined) ?? '(anonymous)'
    found.push({ name, line: start + 1, lines: close - start + 1 })
  }
  return found
}

/** A header over several lines ends in a line like '): void {' at the indentation of its first line. */
function headerOf(lines: readonly string[], end: number, indent: number): number {
  let start = end
  if (!lines[end]!.trimStart().startsWith(')')) return start
  do start--
  while (start > 0 && (lines[start]!.trim() === '' || indentOf(lines[start]!) > indent))
  return start
}

function closeOf(lines: readonly string[], end: number, indent: number): number {
  let close = end + 1
  while (close < lines.length - 1 && !(indentOf(lines[close]!) === indent && lines[close]!.trim().startsWith('}')))
    close++
  return close
}

const isMethodOrFunction = (header: string): boolean =>
  /^(?:async )?function\b/.test(header) || /^(?:(?:static|async|override|get|set) |\*)*#?[\w$]+(?:<.*>)?\(/.test(header)

const indentOf = (line: string): number => line.length - line.trimStart().length
