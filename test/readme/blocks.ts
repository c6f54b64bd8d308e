/**
 * The fenced blocks of a page and what each is for. Runs nothing.
 *
 * A `sh` block is run, and must end well; a `text` block right after it is its output, in any order of lines. A block without
 * language is a drawing. For everything else an HTML comment above the block says what it is:
 *
 *     <!-- test: file NAME -->                a file that later blocks of the section use
 *     <!-- test: broker -->                   a gateway, which runs until the section ends or the next one starts
 *     <!-- test: broker COMMAND; REASON -->   the same, by another command
 *     <!-- test: restart -->                  the gateway is killed (-9) and the same command starts it again
 *     <!-- test: browser NAME -->             a page that is opened; the `text` block is what it shows
 *     <!-- test: status N -->                 a command that ends with that status
 *     <!-- test: skip, REASON -->
 */

export type Purpose =
  | { readonly is: 'run'; readonly status: number; readonly output: readonly string[] | undefined }
  | { readonly is: 'file' | 'browser'; readonly name: string; readonly output: readonly string[] | undefined }
  | { readonly is: 'broker'; readonly command: string }
  | { readonly is: 'restart' }
  | { readonly is: 'skip'; readonly reason: string }

export interface Block {
  /** Of its first fence, from 1. */
  readonly line: number
  readonly text: string
  readonly purpose: Purpose
}

export interface Section {
  readonly title: string
  readonly blocks: readonly Block[]
}

interface Fence {
  readonly line: number
  readonly section: string
  readonly language: string
  readonly directive: string | undefined
  readonly lines: string[]
  /** Follows the block before it with nothing between. */
  readonly joined: boolean
}

/** The sections (`##`) that have blocks. Throws an Error that names the line of a block whose purpose is not clear. */
export function sectionsOf(readme: string): Section[] {
  const blocks = new Map<string, Block[]>()
  const found = fences(readme)
  for (const [index, fence] of found.entries()) {
    if (fence.language === '' && fence.directive === undefined) continue
    if (isOutput(fence)) continue
    const next = found[index + 1]
    const output = next !== undefined && isOutput(next) ? next.lines : undefined
    const block = { line: fence.line, text: fence.lines.join('\n'), purpose: purposeOf(fence, output) }
    const section = blocks.get(fence.section)
    if (section) section.push(block)
    else blocks.set(fence.section, [block])
  }
  return [...blocks].map(([title, ofSection]) => ({ title, blocks: ofSection }))
}

const isOutput = (fence: Fence): boolean => fence.language === 'text' && fence.joined && fence.directive === undefined

function fences(readme: string): Fence[] {
  const found: Fence[] = []
  let section = 'Top'
  let directive: string | undefined
  let open: Fence | undefined
  let lastClosed = Number.NaN
  for (const [index, text] of readme.split('\n').entries()) {
    if (open !== undefined) {
      if (text === '```') {
        found.push(open)
        open = undefined
        lastClosed = index
      } else open.lines.push(text)
    } else if (text.startsWith('```')) {
      const joined = lastClosed === index - 1
      open = { line: index + 1, section, language: text.slice(3).trim(), directive, lines: [], joined }
      directive = undefined
    } else if (text.startsWith('## ')) section = text.slice(3)
    else directive = /^<!-- test: (.*) -->$/.exec(text)?.[1]
  }
  return found
}

function purposeOf(fence: Fence, output: readonly string[] | undefined): Purpose {
  const { directive, language, line } = fence
  if (directive === undefined) {
    if (language === 'sh') return { is: 'run', status: 0, output }
    throw new Error(`Block '${language}' on line ${line} does not say what it is for`)
  }
  const [, word = '', rest = ''] = /^(\w+),?\s*(.*)$/.exec(directive) ?? []
  switch (word) {
    case 'file':
    case 'browser':
      return { is: word, name: rest, output }
    case 'broker':
      return { is: 'broker', command: rest === '' ? fence.lines.join('\n') : rest.split(';')[0]! }
    case 'restart':
      return { is: 'restart' }
    case 'status':
      return { is: 'run', status: Number(rest), output }
    case 'skip':
      if (rest !== '') return { is: 'skip', reason: rest }
      throw new Error(`The block on line ${line} is skipped without a reason`)
    default:
      throw new Error(`The block on line ${line} has the unknown directive '${directive}'`)
  }
}
