/** The checker of the chaos tests finds what it is there to find. */
import { expect, test } from 'vitest'
import { violations } from './check.ts'

const two = [
  { publisher: 'p', qos: 2, count: 3 },
  { publisher: 'q', qos: 1, count: 2 },
] as const

test('all there, in order: nothing to say', () => {
  expect(violations('s', ['p:1', 'q:1', 'p:2', 'p:3', 'q:2'], two)).toEqual([])
})

test('QoS 1 may come twice', () => {
  expect(violations('s', ['p:1', 'q:1', 'q:2', 'q:1', 'q:2', 'p:2', 'p:3'], two)).toEqual([])
})

test('a loss is found', () => {
  expect(violations('s', ['p:1', 'q:1', 'p:3', 'q:2'], two)).toEqual(['s lost 1 of 3 of p: 2'])
})

test('a QoS 2 duplicate is found', () => {
  expect(violations('s', ['p:1', 'p:2', 'p:2', 'p:3', 'q:1', 'q:2'], two)).toEqual([
    's got 1 of p (QoS 2) more than once: 2',
  ])
})

test('a wrong order of first deliveries is found', () => {
  expect(violations('s', ['p:1', 'p:3', 'p:2', 'q:1', 'q:2'], two)).toEqual(['s got 1 of p out of order: 2'])
})
