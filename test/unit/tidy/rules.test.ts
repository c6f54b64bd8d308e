/** Every tidy rule against code that breaks it and code that looks alike but does not. */
import { describe, expect, test } from 'vitest'
import { functionsOf } from '../../tidy/functions.ts'
import { FUNCTION_LINES, longFunctions, RULES } from '../../tidy/rules.ts'
import { importsOf, sourceOf } from '../../tidy/source.ts'

const HEAD = '/** Owns an example for the tidy rules. */\n'
/** Names of the rules that the file breaks. */
const broken = (path: string, code: string, head = HEAD): string[] =>
  RULES.filter(rule => rule.applies(path) && rule.find(sourceOf(path, head + code)).length > 0).map(rule => rule.name)

const MARK = ['TO', 'DO'].join('')
const SILENCER = ['@ts', 'ignore'].join('-')

const violations: [rule: string, path: string, code: string][] = [
  ['edge knows of the core only', 'edge/session/a.ts', "import { Core } from '../../core/core.ts'"],
  ['edge knows of the core only', 'edge/main.node.ts', "import type {\n  Core,\n} from '../core/route/route.ts'"],
  ['edge knows of the core only', 'edge/a.ts', "const core = await import('../core/core.ts')"],
  ['edge knows of the core only', 'edge/a.ts', "export * from '../core/will/will.ts'"],
  ['the core knows nothing of the edge', 'core/route/a.ts', "import { x } from '../../edge/stats.ts'"],
  ['product code imports no tests', 'infra/standalone/a.ts', "import { x } from '../../test/harness/x.ts'"],
  ['runtime modules are imported', 'edge/http/a.ts', "import { readFile } from 'node:fs'"],
  ['runtime modules are imported', 'core/a.ts', "import { x } from './log/embedded/sqlite.node.ts'"],
  ['runtime globals are named', 'core/a.ts', 'const x = Buffer.from(y)'],
  ['runtime globals are named', 'edge/a.ts', 'process.exit(1)'],
  ['runtime globals are named', 'edge/a.ts', 'Deno.serve(handler)'],
  ['runtime globals are named', 'edge/a.ts', "const x = require('x')"],
  ['only edge/wire knows mqtt-packet', 'edge/session/a.ts', "import mqtt from 'mqtt-packet'"],
  ['only core/log/rocketmq knows', 'core/log/a.ts', "import { Producer } from 'rocketmq-client-nodejs'"],
  ['only core/state/redis knows', 'core/state/a.ts', "import Redis from 'ioredis'"],
  ['only core/state/redis knows', 'infra/a.ts', "import { Redis } from '@upstash/redis'"],
  ['edge and core do not print', 'core/a.ts', "console.log('x')"],
  ['the session machine reads no clock', 'edge/session/a.ts', 'const now = Date.now()'],
  ['the session machine reads no clock', 'edge/flow/a.ts', 'const now = performance.now()'],
  ['the session machine reads no clock', 'edge/flow/a.ts', 'const now = new Date()'],
  ['the session machine reads no clock', 'edge/session/a.ts', 'setTimeout(f, 1)'],
  ['the session machine reads no clock', 'edge/flow/a.ts', 'const t = setInterval(f, 1)'],
  ['no any', 'core/a.ts', 'const x: any = 1'],
  ['no any', 'test/a.ts', 'f(x as any)'],
  ['no any', 'infra/a.ts', 'const m = new Map<string, any>()'],
  ['no any', 'infra/a.ts', 'let m: string | any[] = []'],
  ['the type checker is not silenced', 'test/a.ts', `// ${SILENCER}`],
  ['nothing is left for later', 'edge/a.ts', `// ${MARK}: later`],
  ['nothing is left for later', 'test/a.ts', `test('${MARK}', f)`],
  ['a file has at most', 'test/a.ts', 'f()\n'.repeat(400)],
  ['a function has at most', 'core/a.ts', `function f(): void {\n${'  g()\n'.repeat(60)}}\n`],
]

test.each(violations)('%s: %s breaks it with %.60s', (rule, path, code) => {
  expect(broken(path, code)).toEqual([expect.stringMatching(`^${rule}`)])
})

test('every rule has a violation here', () => {
  const shown = new Set(violations.map(([rule]) => rule))
  const missing = RULES.filter(rule => ![...shown].some(name => rule.name.startsWith(name)))
  expect(missing.map(rule => rule.name)).toEqual(['a file starts with a sentence on what it owns'])
  for (const head of [
    '',
    "import { x } from './x.ts'\n",
    '/** Short. */\nf() /* And a comment that is longer but not at the head. */\n',
    '/* eslint-disable */\n',
  ]) {
    expect(broken('core/a.ts', 'f()\n', head)).toEqual(missing.map(rule => rule.name))
  }
  expect(broken('core/a.ts', 'f()\n', `#!/usr/bin/env node\n${HEAD}`)).toEqual([])
})

const harmless: [path: string, code: string][] = [
  [
    'edge/session/a.ts',
    "import type { CoreLink } from '../../core/contract/link.ts'\nimport { FilterTree } from '../../core/topic/filter-tree.ts'",
  ],
  [
    'edge/listen/a.node.ts',
    "import { createServer } from 'node:net'\nimport { x } from './b.node.ts'\nprocess.on('exit', Buffer.alloc)",
  ],
  ['edge/listen/a.deno.ts', 'Deno.serve(handler)'],
  ['edge/wire/a.ts', "import mqtt from 'mqtt-packet'"],
  ['core/log/rocketmq/a.node.ts', "import { Producer } from 'rocketmq-client-nodejs'"],
  ['core/state/redis/a.ts', "import Redis from 'ioredis'"],
  [
    'test/a.test.ts',
    "import mqtt from 'mqtt-packet'\nimport Redis from 'ioredis'\nconsole.log(Date.now(), process.pid)",
  ],
  [
    'core/a.ts',
    `// console.log and Buffer and any\nconst text = "process.exit, x as any, console.log" + \`Buffer \${text} Deno\``,
  ],
  ['core/a.ts', "const text = `import { x } from '../edge/x.ts'`"],
  ['core/a.ts', 'link.process(x); const { process } = this\nstate.Buffer = 1'],
  ['core/a.ts', 'if (a.any(x) || b / c.any / d) f(any, anything)'.replace('f(any, anything)', 'f(anything)')],
  ['edge/listen/a.ts', 'const now = Date.now()\nsetTimeout(f, 1)'],
  ['edge/session/a.ts', 'const at = new Date(now)'],
]

test.each(harmless)('%s may say %j', (path, code) => {
  expect(broken(path, code)).toEqual([])
})

describe('source', () => {
  const codeOf = (raw: string) => sourceOf('a.ts', raw).code

  test('blanks comments and the insides of literals, and keeps places', () => {
    const raw = `a("x\\"y", /[/"]+\\//g.test(b), \`t\${c("z")}u\`) // d\n/* e\nf */ g = h / i / j`
    const code = codeOf(raw)
    expect(code).toHaveLength(raw.length)
    expect(code.replace(/ +/g, ' ')).toBe(`a(" ", / g.test(b), \` \${c(" ")} \`) \n \n g = h / i / j`)
  })
  test('finds imports of every form, with their lines', () => {
    const source = sourceOf(
      'edge/a/b.ts',
      "import './x.ts'\nimport {\n  y,\n} from '../y.ts'\nexport * from 'z'\nawait import('node:w')\n// import 'no'\n",
    )
    expect(importsOf(source)).toEqual([
      { specifier: './x.ts', target: 'edge/a/x.ts', line: 1 },
      { specifier: '../y.ts', target: 'edge/y.ts', line: 4 },
      { specifier: 'z', target: 'z', line: 5 },
      { specifier: 'node:w', target: 'node:w', line: 6 },
    ])
  })
})

describe('functions', () => {
  const body = (lines: number, indent = '  ') => `${indent}  x()\n`.repeat(lines)
  const spans = (code: string) => functionsOf(sourceOf('a.ts', code)).map(({ name, lines }) => `${name} ${lines}`)

  test('are found with name and length', () => {
    expect(spans('export async function* f<T>(x: T): Generator<{ a: T }> {\n  y()\n}\n')).toEqual(['f 3'])
    expect(spans('export const f = (x: number) => {\n  y()\n\n  z()\n}\n')).toEqual(['f 5'])
    expect(
      spans(
        `class A {\n  #f(): void {\n${body(4)}  }\n\n  static async g(\n    x: number,\n  ): Promise<void> {\n${body(1)}  }\n}\n`,
      ),
    ).toEqual(['#f 6', 'g 5'])
  })
  test('are not conditions, loops, classes and objects', () => {
    const code =
      'if (\n  a\n) {\n  b()\n} else {\n  c()\n}\nfor (;;) {\n}\nconst o = {\n  a: 1,\n}\nclass A {\n}\nexport interface I {\n}\nswitch (a) {\n}\n'
    expect(spans(code)).toEqual([])
  })
  test('known long ones may shrink, which is noted, and never grow', () => {
    const source = sourceOf('core/a.ts', `function f() {\n${body(68, '')}}\n`)
    expect(longFunctions(source, {})).toEqual([`1: f has 70 lines, ${FUNCTION_LINES} are allowed; split it`])
    expect(longFunctions(source, { 'core/a.ts f': 70 })).toEqual([])
    expect(longFunctions(source, { 'core/a.ts f': 69 })).toHaveLength(1)
    expect(longFunctions(source, { 'core/a.ts f': 80 })).toEqual([
      '1: f shrank to 70 lines; note that in LONG_FUNCTIONS',
    ])
  })
})
