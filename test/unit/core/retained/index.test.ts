/** The retained index by example; test/property compares its paging with a model. */
import { describe, expect, test } from 'vitest'
import { RetainedIndex } from '../../../../core/retained/index.ts'

function indexOf(...topics: string[]): RetainedIndex<string> {
  const index = new RetainedIndex<string>()
  for (const topic of topics) index.set(topic, topic)
  return index
}

/** All pages of a filter; `between` runs after each page. */
function walk(index: RetainedIndex<string>, filter: string, limit: number, between?: (page: number) => void): string[] {
  const all: string[] = []
  let cursor: string | undefined
  for (let page = 1; ; page++) {
    const { values, next } = index.match(filter, cursor, limit)
    expect(values.length).toBeLessThanOrEqual(limit)
    all.push(...values)
    if (next === undefined) return all
    cursor = next
    between?.(page)
  }
}

test('set returns what it replaces, delete what it removes', () => {
  const index = new RetainedIndex<number>()
  expect(index.set('a/b', 1)).toBeUndefined()
  expect(index.set('a/b', 2)).toBe(1)
  expect(index.get('a/b')).toBe(2)
  expect(index.get('a')).toBeUndefined()
  expect(index.delete('a')).toBeUndefined()
  expect(index.delete('a/b/c')).toBeUndefined()
  expect(index.size).toBe(1)
  expect(index.delete('a/b')).toBe(2)
  expect(index.size).toBe(0)
  expect(index.get('a/b')).toBeUndefined()
})

describe('match', () => {
  const index = indexOf('a', 'a/', 'a/b', 'a/b/c', 'b', '/', '$SYS/x', 'a/$y')
  test.each([
    ['a', ['a']],
    ['a/b/c', ['a/b/c']],
    ['a/x', []],
    ['a/#', ['a', 'a/', 'a/b', 'a/b/c', 'a/$y']],
    ['a/+', ['a/', 'a/b', 'a/$y']],
    ['+/b/#', ['a/b', 'a/b/c']],
    ['#', ['a', 'a/', 'a/b', 'a/b/c', 'b', '/', 'a/$y']],
    ['+', ['a', 'b']],
    ['+/x', []],
    ['$SYS/#', ['$SYS/x']],
    ['$SYS/+', ['$SYS/x']],
  ])('%s [MQTT-3.3.1-9] [MQTT-4.7.2-1]', (filter, topics) => {
    for (const limit of [1, 2, 3, 100]) expect(walk(index, filter, limit).sort()).toEqual([...topics].sort())
  })
})

describe('paging', () => {
  const numbered = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `d/${i + from}/state`)

  test('topics that stay come once each while others come and go', () => {
    const stay = numbered(500)
    const index = indexOf(...stay, ...numbered(500, 1000))
    const seen = walk(index, 'd/+/state', 7, page => {
      index.delete(`d/${1000 + ((page * 37) % 500)}/state`)
      index.set(`d/${2000 + page}/state`, 'new')
      index.set(`d/${page}/other`, 'other')
      index.set(`d/${page * 3}/state`, `d/${page * 3}/state`)
    })
    for (const topic of stay) expect(seen.filter(each => each === topic)).toEqual([topic])
  })
  test('the topic of the cursor and its neighbours may go', () => {
    const topics = numbered(100)
    const index = indexOf(...topics)
    const first = index.match('d/#', undefined, 10)
    expect(first.values).toEqual(topics.slice(0, 10))
    for (const topic of topics.slice(5, 95)) index.delete(topic)
    expect(index.match('d/#', first.next, 100).values).toEqual(topics.slice(95))
  })
  test('the branch of the cursor goes and comes back', () => {
    const index = indexOf('a/1', 'a/2', 'b/1')
    const first = index.match('+/+', undefined, 1)
    expect(first.values).toEqual(['a/1'])
    index.delete('a/1')
    index.delete('a/2')
    index.set('a/3', 'a/3')
    expect(walkFrom(index, '+/+', first.next)).toEqual(['b/1', 'a/3'])
  })
  test('a literal level of the filter goes and comes back', () => {
    const index = indexOf('a/b/1', 'a/b/2')
    const first = index.match('a/b/+', undefined, 1)
    index.clear()
    index.set('a/b/3', 'a/b/3')
    expect(walkFrom(index, 'a/b/+', first.next)).toEqual(['a/b/3'])
    index.delete('a/b/3')
    expect(walkFrom(index, 'a/b/+', first.next)).toEqual([])
  })
  test('a page that finds little ends early and goes on', () => {
    const index = indexOf(...numbered(10_000), 'd/x/rare')
    const page = index.match('d/+/rare', undefined, 1)
    expect(page.values).toEqual([])
    expect(page.next).toBeDefined()
    expect(walk(index, 'd/+/rare', 1)).toEqual(['d/x/rare'])
  })
  test('many removed children do not stay in the way', () => {
    const index = indexOf(...numbered(10_000))
    for (const topic of numbered(9_990)) index.delete(topic)
    const page = index.match('d/+/state', undefined, 10)
    expect(page.values).toEqual(numbered(10, 9_990))
  })
  test('removing 100,000 siblings costs constant time each', { timeout: 3000 }, () => {
    const topics = numbered(100_000)
    const index = indexOf(...topics)
    for (const topic of topics) index.delete(topic)
    expect(index.size).toBe(0)
  })
  test('a topic with far more levels than a call stack has frames', () => {
    const deep = Array(30_000).fill('a').join('/')
    const index = indexOf(deep)
    expect(walk(index, 'a/#', 256)).toEqual([deep])
    expect(index.delete(deep)).toBe(deep)
  })
  test('an unknown cursor does no harm', () => {
    const index = indexOf('a/b')
    for (const cursor of ['', '.', '0.zzzz', 'x.y.z.!', '0.1.2.3.4.5']) {
      expect(index.match('#', cursor, 10).next).toBeUndefined()
    }
  })

  function walkFrom(index: RetainedIndex<string>, filter: string, cursor: string | undefined): string[] {
    return index.match(filter, cursor, 1000).values
  }
})
