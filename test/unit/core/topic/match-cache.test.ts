/** The match cache: bound, generations, invalidation. */
import { describe, expect, test } from 'vitest'
import { MatchCache } from '../../../../core/topic/match-cache.ts'

test('gives back what was set, the last value counts', () => {
  const cache = new MatchCache<number>(10)
  expect(cache.get('a')).toBeUndefined()
  cache.set('a', 1)
  cache.set('a', 2)
  expect(cache.get('a')).toBe(2)
  expect(cache.size).toBe(1)
})

describe('bound', () => {
  test('never holds more than maxTopics', () => {
    const cache = new MatchCache<number>(10)
    for (let i = 0; i < 1000; i++) {
      cache.set(`t${i}`, i)
      cache.get(`t${i - 7}`)
      expect(cache.size).toBeLessThanOrEqual(10)
    }
  })
  test('every change of the size is told, promotions and dropped generations included', () => {
    let size = 0
    const cache = new MatchCache<number>(10, by => {
      size += by
    })
    for (let i = 0; i < 200; i++) {
      cache.set(`t${i}`, i)
      cache.get(`t${i - 4}`)
      if (i % 7 === 0) cache.invalidateFilter(`t${i - 1}`)
      if (i % 50 === 0) cache.invalidateFilter('#')
      expect(size).toBe(cache.size)
    }
    expect(size).toBeGreaterThan(0)
  })
  test('what is asked for stays while others pass by', () => {
    const cache = new MatchCache<number>(10)
    cache.set('hot', -1)
    for (let i = 0; i < 1000; i++) {
      cache.set(`t${i}`, i)
      expect(cache.get('hot')).toBe(-1)
    }
    expect(cache.get('t0')).toBeUndefined()
  })
  test('a value set again replaces the one in the old generation', () => {
    const cache = new MatchCache<number>(4)
    cache.set('a', 1)
    cache.set('b', 1)
    cache.set('c', 1)
    cache.set('a', 2)
    expect(cache.get('a')).toBe(2)
    cache.invalidateFilter('a')
    expect(cache.get('a')).toBeUndefined()
  })
  test('setting what is there pushes nothing out', () => {
    const cache = new MatchCache<number>(4)
    cache.set('a', 1)
    cache.set('b', 1)
    for (let i = 0; i < 10; i++) cache.set('b', i)
    expect(cache.get('a')).toBe(1)
  })
  test('below 2 nothing is kept', () => {
    for (const maxTopics of [0, 1]) {
      const cache = new MatchCache<number>(maxTopics)
      cache.set('a', 1)
      expect(cache.get('a')).toBeUndefined()
    }
  })
})

describe('invalidation', () => {
  const filled = () => {
    const cache = new MatchCache<number>(6)
    for (const topic of ['a', 'b', 'c', 'd']) cache.set(topic, 1)
    return cache
  }
  test('forgets everything', () => {
    const cache = filled()
    cache.invalidate()
    expect(cache.size).toBe(0)
    expect(cache.get('a')).toBeUndefined()
    expect(cache.get('d')).toBeUndefined()
  })
  test('by a filter without wildcards forgets that topic, in both generations', () => {
    const cache = filled()
    cache.invalidateFilter('a')
    cache.invalidateFilter('d')
    expect(['a', 'b', 'c', 'd'].map(topic => cache.get(topic))).toEqual([undefined, 1, 1, undefined])
  })
  test.each(['#', 'x/+', '+/b'])('by %s forgets everything', filter => {
    const cache = filled()
    cache.invalidateFilter(filter)
    expect(cache.size).toBe(0)
  })
})
