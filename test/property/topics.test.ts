/** Topic structures against naive models: matching, the filter tree under changes, retained paging with changes in between. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RetainedIndex } from '../../core/retained/index.ts'
import { covers } from '../../core/topic/covers.ts'
import { FilterTree } from '../../core/topic/filter-tree.ts'
import { MatchCache } from '../../core/topic/match-cache.ts'
import { matches } from '../../core/topic/matches.ts'
import { checkTopicFilter, checkTopicName } from '../../core/topic/validate.ts'

const limits = { maxTopicBytes: 4096, maxTopicLevels: 128 }
const levels = (...of: string[]) =>
  fc.array(fc.constantFrom(...of), { minLength: 1, maxLength: 4 }).map(l => l.join('/'))
const anyFilter = levels('', 'a', 'b', '+', '#', '$x')
const filters = anyFilter.filter(filter => filter !== '' && !filter.slice(0, -1).includes('#'))
const topics = levels('', 'a', 'b', '$x').filter(topic => topic !== '')

/** The standard's text as a regular expression. */
function naive(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false
  if (filter === '#') return true
  const body = filter
    .replace(/\/#$/, '')
    .split('/')
    .map(level => (level === '+' ? '[^/]*' : level.replaceAll('$', '\\$')))
    .join('/')
  return new RegExp(`^${body}${filter.endsWith('/#') ? '(/.*)?' : ''}$`).test(topic)
}

/** Every topic of up to five levels from a small alphabet. */
const everyTopic: string[] = (() => {
  let row = ['', 'a', 'b', '$x', 'zz']
  const all = [...row]
  for (let depth = 2; depth <= 5; depth++) {
    row = row.flatMap(prefix => ['', 'a', 'b', '$x', 'zz'].map(level => `${prefix}/${level}`))
    all.push(...row)
  }
  return all.filter(topic => topic !== '')
})()

describe('grammar', () => {
  test('checks agree with a statement of the rules by level', () => {
    fc.assert(
      fc.property(
        fc.oneof(anyFilter, fc.string({ unit: fc.constantFrom('a', '/', '+', '#', '$'), maxLength: 6 })),
        text => {
          const parts = text.split('/')
          const good =
            text !== '' &&
            parts.every((part, i) => !/[+#]/.test(part) || part === '+' || (part === '#' && i === parts.length - 1))
          expect(checkTopicFilter(text, limits) === undefined).toBe(good)
          expect(checkTopicName(text, limits) === undefined).toBe(text !== '' && !/[+#]/.test(text))
        },
      ),
    )
  })
  test('the byte limit counts UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }), fc.nat(30), (text, maxTopicBytes) => {
        fc.pre(!/[+#]/.test(text))
        const fits = new TextEncoder().encode(text).length <= maxTopicBytes
        expect(checkTopicName(text, { maxTopicBytes, maxTopicLevels: 128 }) === undefined).toBe(fits)
      }),
    )
  })
})

test('matches agrees with the naive matcher', () => {
  fc.assert(
    fc.property(filters, topics, (filter, topic) => {
      expect(matches(filter, topic)).toBe(naive(filter, topic))
    }),
    { numRuns: 5000 },
  )
})

test('covers means that no topic of the filter is outside the pattern', () => {
  fc.assert(
    fc.property(filters, filters, (pattern, filter) => {
      const outside = everyTopic.some(topic => matches(filter, topic) && !matches(pattern, topic))
      expect(covers(pattern, filter)).toBe(!outside)
    }),
    { numRuns: 2000 },
  )
})

test('the filter tree is a map of filters that matches as the naive matcher does', () => {
  const step = fc.record({ is: fc.constantFrom('add', 'add', 'delete'), filter: filters })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.array(topics, { minLength: 1, maxLength: 5 }), (steps, asked) => {
      const tree = new FilterTree<string>()
      const model = new Set<string>()
      for (const { is, filter } of steps) {
        if (is === 'delete') expect(tree.delete(filter)).toBe(model.delete(filter))
        else {
          expect(tree.getOrAdd(filter, () => filter)).toBe(filter)
          model.add(filter)
        }
        expect(tree.get(filter)).toBe(model.has(filter) ? filter : undefined)
      }
      expect(tree.size).toBe(model.size)
      expect([...tree.entries()].map(([filter]) => filter).sort()).toEqual([...model].sort())
      for (const topic of asked) {
        const out: string[] = []
        tree.match(topic, out)
        expect(out.sort()).toEqual([...model].filter(filter => naive(filter, topic)).sort())
      }
      for (const filter of model) expect(tree.delete(filter)).toBe(true)
      expect([...tree.entries()]).toEqual([])
      expect(tree.countNodes()).toBe(1)
    }),
    { numRuns: 500 },
  )
})

test('a cache in front of the tree never answers from before a change', () => {
  const step = fc.record({ is: fc.constantFrom('add', 'delete', 'ask', 'ask', 'ask'), filter: filters, topic: topics })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), fc.integer({ min: 0, max: 8 }), (steps, maxTopics) => {
      const tree = new FilterTree<string>()
      const cache = new MatchCache<string[]>(maxTopics)
      const match = (topic: string) => {
        const out: string[] = []
        tree.match(topic, out)
        return out
      }
      for (const { is, filter, topic } of steps) {
        if (is === 'ask') {
          const known = cache.get(topic)
          if (known === undefined) cache.set(topic, match(topic))
          else expect(known).toEqual(match(topic))
          expect(cache.size).toBeLessThanOrEqual(maxTopics)
          continue
        }
        if (is === 'add') tree.getOrAdd(filter, () => filter)
        else tree.delete(filter)
        cache.invalidateFilter(filter)
      }
    }),
  )
})

describe('retained pages', () => {
  const change = fc.record({ is: fc.constantFrom('set', 'delete'), topic: levels('', 'a', 'b', '$x', '1', '2', '3') })
  const changes = (maxLength: number) =>
    fc.array(
      change.filter(({ topic }) => topic !== ''),
      { maxLength },
    )

  test('what is there for the whole walk comes exactly once, what does not match or never was never', () => {
    fc.assert(
      fc.property(
        changes(60),
        filters,
        fc.integer({ min: 1, max: 4 }),
        fc.array(changes(6), { maxLength: 10 }),
        (before, filter, limit, between) => {
          const index = new RetainedIndex<string>()
          const model = new Set<string>()
          const ever = new Set<string>()
          const gone = new Set<string>()
          const apply = ({ is, topic }: { is: string; topic: string }) => {
            const had = model.has(topic) ? topic : undefined
            if (is === 'set') {
              expect(index.set(topic, topic)).toBe(had)
              model.add(topic)
              ever.add(topic)
            } else {
              expect(index.delete(topic)).toBe(had)
              model.delete(topic)
              gone.add(topic)
            }
          }
          before.forEach(apply)
          gone.clear()
          const stays = new Set(model)
          const seen: string[] = []
          for (let cursor: string | undefined, page = 0; ; page++) {
            const { values, next } = index.match(filter, cursor, limit)
            seen.push(...values)
            if (next === undefined) break
            cursor = next
            between[page]?.forEach(apply)
          }
          for (const topic of stays) {
            const times = seen.filter(each => each === topic).length
            if (!gone.has(topic)) expect(times).toBe(naive(filter, topic) ? 1 : 0)
          }
          for (const topic of seen) expect(ever.has(topic) && naive(filter, topic)).toBe(true)
          expect(index.size).toBe(model.size)
          for (const topic of ever) expect(index.get(topic)).toBe(model.has(topic) ? topic : undefined)
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('a level with many children keeps its order through removals', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), fc.nat(40)), { maxLength: 400 }),
        fc.integer({ min: 1, max: 9 }),
        (ops, limit) => {
          const index = new RetainedIndex<number>()
          const model = new Map<number, number>()
          for (const [add, n] of ops) {
            if (add) {
              index.set(`a/${n}`, n)
              model.set(n, n)
            } else {
              index.delete(`a/${n}`)
              model.delete(n)
            }
          }
          const seen: number[] = []
          let cursor: string | undefined
          do {
            const page = index.match('a/+', cursor, limit)
            seen.push(...page.values)
            cursor = page.next
          } while (cursor !== undefined)
          expect(seen).toEqual([...model.keys()])
        },
      ),
    )
  })
})
