/** The invariants of the code base as rules over source files. Each names what to do instead; the tree is read elsewhere. */
import { functionsOf } from './functions.ts'
import { type Import, importsOf, lineAt, type Source } from './source.ts'

export interface Rule {
  readonly name: string
  readonly applies: (path: string) => boolean
  /** What breaks the rule, as `line: what, and what to do instead`. */
  readonly find: (source: Source) => string[]
}

export const FILE_LINES = 400
export const FUNCTION_LINES = 60
/** Functions that are longer than FUNCTION_LINES, by `path name`, with their lines: may shrink, never grow, and no new ones. */
export const LONG_FUNCTIONS: Readonly<Record<string, number>> = {}

const under = (...folders: string[]) => {
  return (path: string): boolean => folders.some(folder => path.startsWith(`${folder}/`))
}
const inProduct = under('edge', 'core', 'device', 'infra')
const portable = (path: string): boolean => under('edge', 'core', 'device')(path) && !/\.(?:node|deno)\.ts$/.test(path)
const isTest = under('test')
const everywhere = (): boolean => true

export const RULES: readonly Rule[] = [
  imports('edge knows of the core only core/contract and core/topic', under('edge'), (_, { target }) =>
    target.startsWith('core/') && !under('core/contract', 'core/topic')(target)
      ? 'ask through CoreLink (core/contract/link.ts)'
      : undefined,
  ),
  imports('the core knows nothing of the edge', under('core'), (_, { target }) =>
    under('edge', 'infra')(target) ? 'put what both need into core/contract' : undefined,
  ),
  imports('product code imports no tests', inProduct, (_, { target }) =>
    isTest(target) ? 'move what is shared out of test/' : undefined,
  ),
  imports('runtime modules are imported by runtime files only', portable, (_, { target }) =>
    target.startsWith('node:') || /\.(?:node|deno)\.ts$/.test(target)
      ? 'make a port and implement it in a *.node.ts or *.deno.ts file'
      : undefined,
  ),
  names('runtime globals are named by runtime files only', portable, [
    [/\b(?<!\.)(?:Deno|Bun)\b(?!\s*:)/g, 'a port implemented in a *.deno.ts file'],
    [/\b(?<!\.)process\s*\./g, 'a port implemented in a *.node.ts file'],
    [/\b(?<!\.)Buffer\b/g, 'Uint8Array, TextEncoder and DataView'],
    [/\b(?<!\.)require\s*\(/g, 'import'],
  ]),
  home('mqtt-packet', /^mqtt-packet(?:\/|$)/, 'edge/wire'),
  home('the RocketMQ client', /rocketmq-client/, 'core/log/rocketmq'),
  home('a Redis client', /^(?:ioredis|redis|@redis\/.*|@upstash\/.*)$/, 'core/state/redis', 'infra/local/rest-proxy'),
  names('edge and core do not print', under('edge', 'core', 'device'), [[/\bconsole\s*\./g, 'the logger or an event']]),
  names('the session machine reads no clock and sets no timer', under('edge/session', 'edge/flow'), [
    [/\bDate\.now\s*\(/g, 'the time that is passed in'],
    [/\bnew Date\s*\(\s*\)/g, 'the time that is passed in'],
    [/\bperformance\.now\s*\(/g, 'the time that is passed in'],
    [/\b(?:setTimeout|setInterval|setImmediate)\s*\(/g, 'a deadline that the connection’s tick checks'],
  ]),
  names('no any', everywhere, [
    [/(?:[:<|&,(=]\s*|\bas\s+|\bextends\s+)any\b(?!\s*[(:.])/g, 'unknown, a type parameter or the real type'],
  ]),
  comments('the type checker is not silenced', /@ts-(?:ignore|nocheck|expect-error)/g, 'code that type checks'),
  comments('nothing is left for later', /\b(?:TO(?:DO)|FIX(?:ME)|XX(?:X))\b/g, 'the finished thing, or an issue'),
  {
    name: `a file has at most ${FILE_LINES} lines`,
    applies: everywhere,
    find: source => {
      const lines = source.raw.trimEnd().split('\n').length
      return lines > FILE_LINES ? [`${FILE_LINES}: the file has ${lines} lines; split it by concept`] : []
    },
  },
  {
    name: `a function has at most ${FUNCTION_LINES} lines`,
    applies: inProduct,
    find: source => longFunctions(source, LONG_FUNCTIONS),
  },
  {
    name: 'a file starts with a sentence on what it owns',
    applies: everywhere,
    find: source =>
      /^(?:#![^\n]*\n)?(?:\/\*\*\s(?:(?!\*\/)[\s\S]){20,}\*\/|\/\/ [^\n]{20,})/.test(source.raw)
        ? []
        : ['1: no comment at the head; say what the file owns and what it must not do'],
  },
]

/** Functions beyond the bound that are not known as long, or not with this length. */
export function longFunctions(source: Source, known: Readonly<Record<string, number>>): string[] {
  const found: string[] = []
  for (const { name, line, lines } of functionsOf(source)) {
    const allowed = known[`${source.path} ${name}`] ?? FUNCTION_LINES
    if (lines > allowed) found.push(`${line}: ${name} has ${lines} lines, ${allowed} are allowed; split it`)
    else if (lines > FUNCTION_LINES && lines < allowed) {
      found.push(`${line}: ${name} shrank to ${lines} lines; note that in LONG_FUNCTIONS`)
    }
  }
  return found
}

function imports(
  name: string,
  applies: Rule['applies'],
  instead: (path: string, imported: Import) => string | undefined,
): Rule {
  return {
    name,
    applies,
    find: source =>
      importsOf(source).flatMap(imported => {
        const advice = instead(source.path, imported)
        return advice === undefined ? [] : [`${imported.line}: imports ${imported.specifier}; ${advice}`]
      }),
  }
}

/** One folder knows a package; tests may use it too, and so may the other folders. */
function home(what: string, specifier: RegExp, folder: string, ...others: string[]): Rule {
  const applies = (path: string): boolean => !isTest(path) && !under(folder, ...others)(path)
  return imports(`only ${folder} knows ${what}`, applies, (_, imported) =>
    specifier.test(imported.specifier) ? `go through ${folder}` : undefined,
  )
}

/** Banned in code; comments and literals may say it. */
function names(name: string, applies: Rule['applies'], banned: readonly (readonly [RegExp, string])[]): Rule {
  return { name, applies, find: source => banned.flatMap(([pattern, use]) => hits(source.code, pattern, use)) }
}

/** Banned anywhere, comments and literals included. */
function comments(name: string, pattern: RegExp, use: string): Rule {
  return { name, applies: everywhere, find: source => hits(source.raw, pattern, use) }
}

const hits = (text: string, pattern: RegExp, use: string): string[] =>
  [...text.matchAll(pattern)].map(match => `${lineAt(text, match.index)}: '${match[0].trim()}'; use ${use}`)
