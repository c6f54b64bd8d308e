/** Runs the tidy rules over the tree. The rules and their replacements are in test/tidy/rules.ts, the proof that each can fail in test/unit/tidy. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { describe, expect, test } from 'vitest'
import { LONG_FUNCTIONS, RULES } from './tidy/rules.ts'
import { type Source, sourceOf } from './tidy/source.ts'

const root = join(import.meta.dirname, '..')
const FOLDERS = ['edge', 'core', 'infra', 'test', 'device'].filter(folder => existsSync(join(root, folder)))

function read(path: string): Source {
  return sourceOf(relative(root, path).split(sep).join('/'), readFileSync(path, 'utf8'))
}

const sources = FOLDERS.flatMap(folder =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts') && !name.split(sep).includes('node_modules'))
    .map(name => read(join(root, folder, name))),
)

test('the tree was read', () => {
  expect(sources.length).toBeGreaterThan(20)
})

describe('rules', () => {
  test.each(RULES.map(rule => [rule.name, rule] as const))('%s', (_, rule) => {
    const broken = sources
      .filter(source => rule.applies(source.path))
      .flatMap(source => rule.find(source).map(what => `${source.path}:${what}`))
    expect(broken).toEqual([])
  })
})

test('LONG_FUNCTIONS names files that exist', () => {
  const paths = new Set(sources.map(source => source.path))
  expect(Object.keys(LONG_FUNCTIONS).filter(key => !paths.has(key.split(' ')[0]!))).toEqual([])
})

test.each(FOLDERS)('%s has a README that says what it owns', folder => {
  expect(existsSync(join(root, folder, 'README.md'))).toBe(true)
})
