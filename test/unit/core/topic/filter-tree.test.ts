/** The filter tree by example; test/property compares it with a naive matcher. */
import { describe, expect, test } from 'vitest'
import { FilterTree } from '../../../../core/topic/filter-tree.ts'

function treeOf(...filters: string[]): FilterTree<string> {
  const tree = new FilterTree<string>()
  for (const filter of filters) tree.getOrAdd(filter, () => filter)
  return tree
}

function matched(tree: FilterTree<string>, topic: string): string[] {
  const out: string[] = []
  tree.match(topic, out)
  return out.sort()
}

test('one payload per filter, made once', () => {
  const tree = new FilterTree<{ n: number }>()
  const first = tree.getOrAdd('a/+', () => ({ n: 1 }))
  expect(tree.getOrAdd('a/+', () => ({ n: 2 }))).toBe(first)
  expect(tree.get('a/+')).toBe(first)
  expect(tree.get('a')).toBeUndefined()
  expect(tree.get('a/b')).toBeUndefined()
  expect(tree.size).toBe(1)
})

test('a make that throws leaves the size alone', () => {
  const tree = new FilterTree<string>()
  const fail = (): string => {
    throw new Error('No payload')
  }
  expect(() => tree.getOrAdd('a/#', fail)).toThrow('No payload')
  expect(tree.size).toBe(0)
  expect(tree.get('a/#')).toBeUndefined()
})

describe('match', () => {
  test("'#' matches its parent level and everything below [MQTT-4.7.1-2]", () => {
    const tree = treeOf('#', 'a/#', 'a/b/#', 'b/#')
    expect(matched(tree, 'a')).toEqual(['#', 'a/#'])
    expect(matched(tree, 'a/b')).toEqual(['#', 'a/#', 'a/b/#'])
    expect(matched(tree, 'a/b/c/d')).toEqual(['#', 'a/#', 'a/b/#'])
    expect(matched(tree, 'a/')).toEqual(['#', 'a/#'])
  })
  test("'+' matches one level, also an empty one [MQTT-4.7.1-3]", () => {
    const tree = treeOf('+', '+/+', '/+', '+/', 'a/+', 'a/+/c')
    expect(matched(tree, 'a')).toEqual(['+'])
    expect(matched(tree, 'a/')).toEqual(['+/', '+/+', 'a/+'])
    expect(matched(tree, '/')).toEqual(['+/', '+/+', '/+'])
    expect(matched(tree, 'a/b/c')).toEqual(['a/+/c'])
  })
  test("leading wildcards leave topics with '$' alone [MQTT-4.7.2-1]", () => {
    const tree = treeOf('#', '+', '+/a', '+/#', '$SYS/#', '$SYS/+', '$SYS/a', 'x/#', 'x/+')
    expect(matched(tree, '$SYS/a')).toEqual(['$SYS/#', '$SYS/+', '$SYS/a'])
    expect(matched(tree, '$SYS')).toEqual(['$SYS/#'])
    expect(matched(tree, 'x/$y')).toEqual(['#', '+/#', 'x/#', 'x/+'])
  })
  test('appends to what is there', () => {
    const out = ['before']
    treeOf('a').match('a', out)
    expect(out).toEqual(['before', 'a'])
  })
  test('a topic with far more levels than a call stack has frames', () => {
    const deep = Array(30_000).fill('a').join('/')
    const tree = treeOf(deep, `${deep}/#`, 'a/#')
    expect(matched(tree, deep)).toHaveLength(3)
    expect([...tree.entries()]).toHaveLength(3)
    expect(tree.delete(deep)).toBe(true)
    expect(tree.delete(`${deep}/#`)).toBe(true)
    expect(tree.size).toBe(1)
  })
  test('every combination of literal and + gets its match, and the next match is clean', () => {
    const levels = 12
    const filters = Array.from({ length: 2 ** levels }, (_, bits) =>
      Array.from({ length: levels }, (_, i) => ((bits >> i) & 1 ? '+' : 'a')).join('/'),
    )
    const tree = treeOf(...filters)
    expect(matched(tree, Array(levels).fill('a').join('/'))).toHaveLength(filters.length)
    expect(matched(tree, 'a')).toEqual([])
  })
  test('matching + patterns does not grow with filters that do not agree', () => {
    const tree = treeOf(...Array.from({ length: 50_000 }, (_, i) => `a/+/+/+/${i}`))
    expect(matched(tree, 'a/b/c/d/777')).toEqual(['a/+/+/+/777'])
  })
})

describe('delete', () => {
  test('says whether the filter was there, and leaves its neighbours', () => {
    const tree = treeOf('a', 'a/b', 'a/b/c', 'a/#', 'a/+')
    expect(tree.delete('x')).toBe(false)
    expect(tree.delete('a/b/c/d')).toBe(false)
    expect(tree.delete('a/b/#')).toBe(false)
    expect(tree.delete('a/b')).toBe(true)
    expect(tree.delete('a/b')).toBe(false)
    expect(tree.delete('a/#')).toBe(true)
    expect([...tree.entries()].map(([filter]) => filter).sort()).toEqual(['a', 'a/+', 'a/b/c'])
    expect(matched(tree, 'a/b')).toEqual(['a/+'])
    expect(tree.size).toBe(3)
  })
  test('a child that was one of many, then the only one, then none', () => {
    const tree = treeOf('a/1', 'a/2', 'a/3')
    for (const filter of ['a/2', 'a/1', 'a/3']) expect(tree.delete(filter)).toBe(true)
    expect(tree.size).toBe(0)
    expect([...tree.entries()]).toEqual([])
    tree.getOrAdd('a/4', () => 'a/4')
    expect(matched(tree, 'a/4')).toEqual(['a/4'])
  })
})

test('levels that no filter needs are cut', () => {
  const tree = treeOf('a/b/c', 'a/b/#')
  expect(tree.countNodes()).toBe(4)
  const others = ['a/b/d', 'a/b/d/e/f', 'a/+/x/#', '+/+', 'x/y/z', '#']
  for (const filter of others) tree.getOrAdd(filter, () => filter)
  expect(tree.countNodes()).toBe(14)
  for (const filter of others) tree.delete(filter)
  expect(tree.countNodes()).toBe(4)
  tree.delete('a/b/c')
  expect(tree.countNodes()).toBe(3)
  tree.delete('a/b/#')
  expect(tree.countNodes()).toBe(1)
})

test('entries gives filters as they were added, clear forgets them', () => {
  const filters = ['#', '+', '+/+', '/', '//', '/#', 'a', 'a/', 'a/#', 'a/+/#', '$SYS/#']
  const tree = treeOf(...filters)
  expect([...tree.entries()].map(([filter, payload]) => [filter, payload]).sort()).toEqual(
    filters.map(filter => [filter, filter]).sort(),
  )
  tree.clear()
  expect(tree.size).toBe(0)
  expect(matched(tree, 'a')).toEqual([])
})
