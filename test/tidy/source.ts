/** A source file as the tidy rules read it: the text, and the same text without comments and without the insides of literals. Judges nothing. */

export interface Source {
  /** From the root of the repository, with '/'. */
  readonly path: string
  readonly raw: string
  /** `raw` with comments blanked; same length, same lines. */
  readonly text: string
  /** `raw` with comments and the insides of strings, templates and regular expressions blanked; same length, same lines. */
  readonly code: string
}

export interface Import {
  /** As written: './x.ts', 'node:fs', 'mqtt-packet'. */
  readonly specifier: string
  /** A relative specifier from the root of the repository: 'core/topic/x.ts'; any other unchanged. */
  readonly target: string
  readonly line: number
}

export function sourceOf(path: string, raw: string): Source {
  const { text, code } = new Blanker(raw).run()
  return { path, raw, text, code }
}

/** Line of an offset, from 1. */
export const lineAt = (text: string, offset: number): number => text.slice(0, offset).split('\n').length

/** Static and dynamic imports and re-exports, types included. */
export function importsOf(source: Source): Import[] {
  const found: Import[] = []
  for (const match of source.text.matchAll(/\b(?:from|import)\s*\(?\s*(['"`])([^'"`\n]+)\1/g)) {
    // Inside of a string: the code has blanks there.
    if (source.code[match.index] === ' ') continue
    const specifier = match[2]!
    found.push({ specifier, target: resolve(source.path, specifier), line: lineAt(source.raw, match.index) })
  }
  return found
}

function resolve(from: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier
  const parts = from.split('/').slice(0, -1)
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  return parts.join('/')
}

const WORD_BEFORE_REGEX = /(?:^|[^\w$.])(?:return|typeof|case|in|of|do|else|void|delete|throw|await|yield)$/
/** Parts looked at to tell a regular expression from a division; code is kept character by character. */
const LOOK_BACK = 200
const STRING = /(['"])(?:\\.|(?!\1)[^\\\n])*\1/y
const REGEX = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/\w*/y
const LINE_COMMENT = /\/\/[^\n]*/y
const BLOCK_COMMENT = /\/\*[\s\S]*?(?:\*\/|$)/y

/** One pass over the text of a file; a lexer for literals and comments only. */
class Blanker {
  readonly #raw: string
  readonly #text: string[] = []
  readonly #code: string[] = []
  #at = 0

  constructor(raw: string) {
    this.#raw = raw
  }

  run(): { text: string; code: string } {
    this.#plain(false)
    return { text: this.#text.join(''), code: this.#code.join('') }
  }

  /** Up to the end, or inside `${…}` up to and with its closing brace. */
  #plain(inTemplate: boolean): void {
    for (let depth = 0; this.#at < this.#raw.length; ) {
      const c = this.#raw[this.#at]!
      if (this.#take(LINE_COMMENT, 'comment') || this.#take(BLOCK_COMMENT, 'comment')) continue
      if (this.#take(STRING, 'literal') || (c === '/' && this.#regexMayStart() && this.#take(REGEX, 'literal')))
        continue
      if (c === '`') {
        this.#template()
        continue
      }
      this.#keep(1)
      if (c === '{') depth++
      else if (c === '}' && --depth < 0 && inTemplate) return
    }
  }

  #template(): void {
    this.#keep(1)
    while (this.#at < this.#raw.length) {
      const c = this.#raw[this.#at]
      if (c === '`') {
        this.#keep(1)
        return
      }
      if (c === '$' && this.#raw[this.#at + 1] === '{') {
        this.#keep(2)
        this.#plain(true)
      } else this.#emit(c === '\\' ? 2 : 1, 'literal')
    }
  }

  #take(pattern: RegExp, what: 'comment' | 'literal'): boolean {
    pattern.lastIndex = this.#at
    const length = pattern.exec(this.#raw)?.[0].length ?? 0
    if (length === 0) return false
    if (what === 'comment') this.#emit(length, what)
    else {
      this.#keep(1)
      this.#emit(length - 2, what)
      this.#keep(1)
    }
    return true
  }

  #regexMayStart(): boolean {
    const before = this.#code.slice(-LOOK_BACK).join('').trimEnd()
    return /(?:^|[(,=:[!&|?{};+\-*%~^<>])$/.test(before) || WORD_BEFORE_REGEX.test(before)
  }

  #keep(length: number): void {
    const part = this.#raw.slice(this.#at, this.#at + length)
    this.#text.push(part)
    this.#code.push(part)
    this.#at += length
  }

  #emit(length: number, what: 'comment' | 'literal'): void {
    const part = this.#raw.slice(this.#at, this.#at + length)
    const blank = part.replace(/[^\n]/g, ' ')
    this.#text.push(what === 'comment' ? blank : part)
    this.#code.push(blank)
    this.#at += length
  }
}
